//! Commands of POP3 (RFC 1939 §5–7, RFC 2449, RFC 2595 §4, RFC 5034, RFC 6856).

use message::Secret;

/// What a client asks for. Numbers are those of messages, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Capa,
    Stls,
    Utf8,
    User(String),
    Pass(Secret),
    Auth(Option<Mechanism>),
    Stat,
    List(Option<usize>),
    Uidl(Option<usize>),
    Retr(usize),
    /// The header of a message, and so many lines of its body.
    Top(usize, u64),
    Dele(usize),
    Noop,
    Rset,
    Quit,
}

/// A mechanism of SASL, with the response that came along.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mechanism {
    pub(crate) name: String,
    pub(crate) initial: Option<Secret>,
}

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("command not recognized")]
    Unknown,
    #[error("wrong arguments")]
    Arguments,
}

impl Command {
    /// Reads a line without its end.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::Arguments)?;
        let (keyword, rest) = match line.split_once(' ') {
            Some((keyword, rest)) => (keyword, Some(rest)),
            None => (line, None),
        };
        let arguments = Arguments(rest);
        match keyword.to_ascii_uppercase().as_str() {
            "CAPA" => arguments.none(Self::Capa),
            "STLS" => arguments.none(Self::Stls),
            "UTF8" => arguments.none(Self::Utf8),
            "STAT" => arguments.none(Self::Stat),
            "NOOP" => arguments.none(Self::Noop),
            "RSET" => arguments.none(Self::Rset),
            "QUIT" => arguments.none(Self::Quit),
            "USER" => arguments.text().map(|user| Self::User(user.to_owned())),
            // A password may hold spaces (RFC 1939 §7).
            "PASS" => arguments.text().map(|text| Self::Pass(Secret::new(text))),
            "AUTH" => arguments.mechanism().map(Self::Auth),
            "LIST" => arguments.number_or_none().map(Self::List),
            "UIDL" => arguments.number_or_none().map(Self::Uidl),
            "RETR" => arguments.number().map(Self::Retr),
            "DELE" => arguments.number().map(Self::Dele),
            "TOP" => arguments
                .two()
                .map(|(message, lines)| Self::Top(message, lines)),
            _ => Err(CommandError::Unknown),
        }
    }
}

/// What follows a keyword.
struct Arguments<'a>(Option<&'a str>);

impl<'a> Arguments<'a> {
    /// Spaces at the end of a command are common, and harmless.
    fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.unwrap_or_default().split_ascii_whitespace()
    }

    fn none(self, command: Command) -> Result<Command, CommandError> {
        match self.words().next() {
            None => Ok(command),
            Some(_) => Err(CommandError::Arguments),
        }
    }

    fn text(self) -> Result<&'a str, CommandError> {
        let text = self.0.filter(|text| !text.is_empty());
        text.ok_or(CommandError::Arguments)
    }

    fn number_or_none(self) -> Result<Option<usize>, CommandError> {
        match self.words().next() {
            None => Ok(None),
            Some(_) => self.number().map(Some),
        }
    }

    fn number(self) -> Result<usize, CommandError> {
        let mut words = self.words();
        match (words.next(), words.next()) {
            (Some(word), None) => number(word),
            _ => Err(CommandError::Arguments),
        }
    }

    fn two(self) -> Result<(usize, u64), CommandError> {
        let mut words = self.words();
        match (words.next(), words.next(), words.next()) {
            (Some(message), Some(lines), None) => Ok((number(message)?, number(lines)?)),
            _ => Err(CommandError::Arguments),
        }
    }

    fn mechanism(self) -> Result<Option<Mechanism>, CommandError> {
        let mut words = self.words();
        let Some(name) = words.next() else {
            return Ok(None);
        };
        let initial = words.next().map(Secret::new);
        match words.next() {
            None => Ok(Some(Mechanism {
                name: name.to_owned(),
                initial,
            })),
            Some(_) => Err(CommandError::Arguments),
        }
    }
}

fn number<N: std::str::FromStr>(word: &str) -> Result<N, CommandError> {
    if !word.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(CommandError::Arguments);
    }
    word.parse().map_err(|_| CommandError::Arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<Command, CommandError>) {
        assert_eq!(Command::parse(line.as_bytes()), expected, "{line:?}");
    }

    #[test]
    fn commands_are_read() {
        check("quit", Ok(Command::Quit));
        check("STAT  ", Ok(Command::Stat));
        check("LIST", Ok(Command::List(None)));
        check("LIST 3 ", Ok(Command::List(Some(3))));
        check("TOP 1 0", Ok(Command::Top(1, 0)));
        check("USER a@b.example", Ok(Command::User("a@b.example".into())));
        check(
            "PASS  two  words ",
            Ok(Command::Pass(Secret::new(" two  words "))),
        );
        check("AUTH", Ok(Command::Auth(None)));
        let initial = Some(Secret::new("AGEAYg=="));
        let name = "PLAIN".to_owned();
        let plain = Mechanism { name, initial };
        check("AUTH PLAIN AGEAYg==", Ok(Command::Auth(Some(plain))));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for line in ["", " ", "LAST", "RETRIEVE 1", "\u{e4}"] {
            check(line, Err(CommandError::Unknown));
        }
        for line in [
            "STAT 1",
            "LIST 1 2",
            "RETR",
            "RETR -1",
            "RETR x",
            "TOP 1",
            "USER",
            "PASS ",
            "DELE 99999999999999999999",
            "LIST +1",
        ] {
            check(line, Err(CommandError::Arguments));
        }
        assert_eq!(Command::parse(b"USER \xff"), Err(CommandError::Arguments));
    }
}
