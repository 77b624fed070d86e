//! SMTP replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034), written
//! by the server and read by the client.
//!
//! What we write is ASCII and fits the 512 octets of a reply line (§4.5.3.1.5).
//! What we read is taken as remote servers send it: longer lines, LF alone as
//! line end, no text at all; but never without bounds, and never with codes
//! that differ between lines.

use std::fmt;

use message::EnhancedStatus;

/// The octets of text that are sent on one line, which leaves room for the
/// codes and CRLF in 512 octets.
const TEXT_MAX: usize = 490;

/// A reply: its code, its enhanced status code, and at least one line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    status: Option<EnhancedStatus>,
    lines: Vec<String>,
}

impl Reply {
    /// A reply with an enhanced status code; `text` may have several lines.
    ///
    /// # Panics
    /// If `code` is not 200 to 599.
    pub fn new(code: u16, status: EnhancedStatus, text: impl AsRef<str>) -> Self {
        Self::build(code, Some(status), text.as_ref())
    }

    /// A reply without one: greeting, EHLO, 334 and 354 (RFC 2034 §4).
    ///
    /// # Panics
    /// If `code` is not 200 to 599.
    pub fn plain(code: u16, text: impl AsRef<str>) -> Self {
        Self::build(code, None, text.as_ref())
    }

    fn build(code: u16, status: Option<EnhancedStatus>, text: &str) -> Self {
        assert!((200..=599).contains(&code), "{code} is not a reply code");
        Self {
            code,
            status,
            lines: text.split('\n').map(printable).collect(),
        }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code, where the reply has one that fits its class.
    pub fn status(&self) -> Option<EnhancedStatus> {
        self.status
    }

    /// The lines of text without codes; at least one, perhaps empty.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether the command was done, or goes on with data (2yz and 3yz).
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Whether the same command may succeed later (4yz).
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// Whether it never will (5yz).
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Appends the reply as it goes over the wire, CRLF included.
    pub fn encode(&self, wire: &mut Vec<u8>) {
        let last = self.lines.len().saturating_sub(1);
        for (n, line) in self.lines.iter().enumerate() {
            let separator = if n == last { ' ' } else { '-' };
            wire.extend_from_slice(format!("{}{separator}", self.code).as_bytes());
            if let Some(status) = self.status {
                wire.extend_from_slice(format!("{status} ").as_bytes());
            }
            let ascii = line
                .chars()
                .map(|c| if c.is_ascii() { c as u8 } else { b'?' });
            wire.extend(ascii.take(TEXT_MAX));
            wire.extend_from_slice(b"\r\n");
        }
    }

    /// Reads one whole reply, as [`ReplyParser`] does.
    ///
    /// # Errors
    /// When `octets` are not a reply, or are less or more than one.
    pub fn parse(octets: &[u8]) -> Result<Self, ReplyError> {
        match ReplyParser::new().feed(octets)? {
            (used, Some(reply)) if used == octets.len() => Ok(reply),
            (_, Some(_) | None) => Err(ReplyError::Syntax),
        }
    }
}

/// On one line: codes and text, for logs and diagnostics.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        self.lines
            .iter()
            .filter(|line| !line.is_empty())
            .try_for_each(|line| write!(f, " {line}"))
    }
}

/// The line with every control character turned into a space.
fn printable(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Why octets from a server are not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line does not begin with a code and a separator, or with another code
    /// than the line before it.
    #[error("the server's answer is not an SMTP reply")]
    Syntax,
    /// A line is longer than [`ReplyParser::LINE_MAX`].
    #[error("a line of the server's reply is too long")]
    LineTooLong,
    /// The reply goes on beyond [`ReplyParser::TOTAL_MAX`].
    #[error("the server's reply does not end")]
    TooLong,
}

/// Reads a reply from octets as they come.
#[derive(Debug, Default)]
pub struct ReplyParser {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    total: usize,
    kept: usize,
    code: Option<u16>,
    lines: Vec<String>,
}

impl ReplyParser {
    /// The longest line, CRLF included: four times what RFC 5321 allows.
    pub const LINE_MAX: usize = 2048;
    /// Lines of text that are kept; more are read and forgotten.
    pub const KEPT_LINES: usize = 100;
    /// Octets of text that are kept; more are read and forgotten.
    pub const KEPT_OCTETS: usize = 16 * 1024;
    /// The longest reply that is read at all.
    pub const TOTAL_MAX: usize = 256 * 1024;

    /// A parser at the start of a reply.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes octets up to the end of the reply. Returns how many were taken,
    /// and the reply once it is complete; the parser then stands at the start
    /// of the next one, to which the octets not taken belong.
    ///
    /// # Errors
    /// When the octets cannot be a reply; the connection is of no further use.
    pub fn feed(&mut self, octets: &[u8]) -> Result<(usize, Option<Reply>), ReplyError> {
        let mut used = 0;
        while let Some(length) = memchr::memchr(b'\n', &octets[used..]) {
            let line = &octets[used..used + length];
            used += length + 1;
            self.count(length + 1)?;
            let complete = if self.partial.is_empty() {
                self.line(line)?
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole)?
            };
            if complete {
                return Ok((used, Some(self.finish())));
            }
        }
        let rest = &octets[used..];
        self.count(rest.len())?;
        if self.partial.len() + rest.len() > Self::LINE_MAX {
            return Err(ReplyError::LineTooLong);
        }
        self.partial.extend_from_slice(rest);
        Ok((octets.len(), None))
    }

    fn count(&mut self, octets: usize) -> Result<(), ReplyError> {
        self.total += octets;
        if self.total > Self::TOTAL_MAX {
            Err(ReplyError::TooLong)
        } else {
            Ok(())
        }
    }

    /// Takes one line without its LF; true if it is the reply's last.
    fn line(&mut self, line: &[u8]) -> Result<bool, ReplyError> {
        if line.len() >= Self::LINE_MAX {
            return Err(ReplyError::LineTooLong);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, rest) = line.split_at_checked(3).ok_or(ReplyError::Syntax)?;
        let code = parse_code(code).ok_or(ReplyError::Syntax)?;
        if *self.code.get_or_insert(code) != code {
            return Err(ReplyError::Syntax);
        }
        let (last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            [_, ..] => return Err(ReplyError::Syntax),
        };
        if self.lines.len() < Self::KEPT_LINES && self.kept + text.len() <= Self::KEPT_OCTETS {
            self.kept += text.len();
            self.lines.push(printable(&String::from_utf8_lossy(text)));
        }
        Ok(last)
    }

    fn finish(&mut self) -> Reply {
        let done = std::mem::take(self);
        let code = done.code.unwrap_or(500);
        let mut lines = done.lines;
        let status = lines.first().and_then(|line| {
            let status: EnhancedStatus = line.split(' ').next()?.parse().ok()?;
            (u16::from(status.class()) == code / 100).then_some(status)
        });
        if let Some(status) = status {
            let prefix = status.to_string();
            lines
                .iter_mut()
                .for_each(|line| strip_status(line, &prefix));
        }
        Reply {
            code,
            status,
            lines,
        }
    }
}

/// Takes an enhanced status code that the whole reply shares off its line.
fn strip_status(line: &mut String, prefix: &str) {
    match line.strip_prefix(prefix) {
        Some("") => line.clear(),
        Some(text) if text.starts_with(' ') => *line = text[1..].to_owned(),
        Some(_) | None => {}
    }
}

fn parse_code(digits: &[u8]) -> Option<u16> {
    let well_formed = digits.iter().all(u8::is_ascii_digit) && (b'2'..=b'5').contains(&digits[0]);
    well_formed.then(|| {
        digits
            .iter()
            .fold(0, |code, d| code * 10 + u16::from(d - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(wire: &str, code: u16, status: Option<&str>, lines: &[&str]) {
        let reply = Reply::parse(wire.as_bytes()).unwrap();
        assert_eq!(reply.code(), code, "{wire:?}");
        assert_eq!(
            reply.status().map(|s| s.to_string()).as_deref(),
            status,
            "{wire:?}"
        );
        assert_eq!(reply.lines(), lines, "{wire:?}");
    }

    #[test]
    fn replies_are_read_as_servers_send_them() {
        check("250 2.1.0 fine\r\n", 250, Some("2.1.0"), &["fine"]);
        check(
            "250-2.1.0 one\r\n250 2.1.0 two\r\n",
            250,
            Some("2.1.0"),
            &["one", "two"],
        );
        check("250-host\r\n250 SIZE 1\r\n", 250, None, &["host", "SIZE 1"]);
        check(
            "550 4.1.1 class differs\r\n",
            550,
            None,
            &["4.1.1 class differs"],
        );
        check("550 5.1.1\r\n", 550, Some("5.1.1"), &[""]);
        check("220\r\n", 220, None, &[""]);
        check("220 lone line feed\n", 220, None, &["lone line feed"]);
        check("354 go\x07 on\r\n", 354, None, &["go  on"]);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for wrong in [
            "HTTP/1.1 400\r\n",
            "25\r\n",
            "250+x\r\n",
            "650 x\r\n",
            "250-a\r\n251 b\r\n",
        ] {
            assert_eq!(
                Reply::parse(wrong.as_bytes()),
                Err(ReplyError::Syntax),
                "{wrong:?}"
            );
        }
        let long = vec![b'2'; 4096];
        assert_eq!(ReplyParser::new().feed(&long), Err(ReplyError::LineTooLong));
    }

    #[test]
    fn a_reply_without_end_is_bounded() {
        let mut parser = ReplyParser::new();
        let line = [b"250-".as_slice(), &[b'x'; 1000], b"\r\n"].concat();
        let error = (0..1000).find_map(|_| parser.feed(&line).err());
        assert_eq!(error, Some(ReplyError::TooLong));
        assert!(parser.kept <= ReplyParser::KEPT_OCTETS);
    }

    #[test]
    fn what_is_written_is_ascii_on_short_lines() {
        let mut wire = Vec::new();
        let text = format!("über\r\nRSET\n{}", "x".repeat(1000));
        Reply::new(550, EnhancedStatus::new(5, 0, 0), text).encode(&mut wire);
        let wire = String::from_utf8(wire).unwrap();
        assert!(
            wire.starts_with("550-5.0.0 ?ber \r\n550-5.0.0 RSET\r\n550 5.0.0 xxx"),
            "{wire}"
        );
        assert!(wire.split_inclusive("\r\n").all(|line| line.len() <= 512));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_however_it_is_cut(
            code in 200_u16..600, coded: bool, lines in prop::collection::vec("[ -~]{0,60}", 1..5), cut in 0_usize..400,
        ) {
            let class = (code / 100) as u8;
            let text = lines.join("\n");
            let reply = if coded && class != 3 {
                Reply::new(code, EnhancedStatus::new(class, 1, 1), text)
            } else {
                Reply::plain(code, format!("x{text}"))
            };
            let mut wire = Vec::new();
            reply.encode(&mut wire);
            let mut parser = ReplyParser::new();
            let cut = cut.min(wire.len() - 1);
            prop_assert_eq!(parser.feed(&wire[..cut]), Ok((cut, None)));
            prop_assert_eq!(parser.feed(&wire[cut..]), Ok((wire.len() - cut, Some(reply))));
        }

        #[test]
        fn no_octets_make_the_parser_panic(octets: Vec<u8>) {
            let _ = ReplyParser::new().feed(&octets);
        }
    }
}
