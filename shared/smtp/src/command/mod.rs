//! Commands (RFC 5321 §4.1), parsed strictly from one line without its CRLF.
//!
//! Liberal only where it harms nobody: blanks behind `FROM:` and `TO:`, blanks
//! at the end of a line, and source routes, which are skipped (appendix C). A
//! line that is no command tells the reply it deserves.

mod error;
mod parameters;
mod path;

use message::{EnvelopeId, Notify, OriginalRecipient, Ret, ReversePath};

pub use error::CommandError;
pub use path::ForwardPath;

use crate::Secret;
use parameters::Parameters;

/// A command of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `EHLO`.
    Ehlo(ClientName),
    /// `HELO`.
    Helo(ClientName),
    /// `MAIL FROM`.
    Mail(Mail),
    /// `RCPT TO`.
    Rcpt(Rcpt),
    /// `DATA`.
    Data,
    /// `BDAT` (RFC 3030): octets follow that are no lines.
    Bdat {
        /// How many.
        size: u64,
        /// Whether the message ends with them.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `VRFY`.
    Vrfy,
    /// `EXPN`.
    Expn,
    /// `HELP`.
    Help,
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `AUTH` (RFC 4954).
    Auth {
        /// The mechanism, in capitals.
        mechanism: String,
        /// The initial response as it was sent, in base64.
        initial: Option<Secret>,
    },
}

/// MAIL with its parameters (RFC 1870, 3461, 6152, 6531). That of RFC 4954,
/// `AUTH=`, is checked and dropped: no client is trusted to speak for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The reverse path.
    pub sender: ReversePath,
    /// The size that the client declares.
    pub size: Option<u64>,
    /// Addresses and header may be UTF-8.
    pub smtputf8: bool,
    /// RET.
    pub ret: Option<Ret>,
    /// ENVID, decoded.
    pub envelope_id: Option<EnvelopeId>,
}

/// RCPT with its parameters (RFC 3461).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rcpt {
    /// The forward path.
    pub recipient: ForwardPath,
    /// NOTIFY.
    pub notify: Notify,
    /// ORCPT, decoded.
    pub orcpt: Option<OriginalRecipient>,
}

/// What a client calls itself in EHLO or HELO: a domain or an address literal.
///
/// Names that no DNS would take are common and harmless, so only length and
/// characters are checked; they are safe in a header field and in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(Box<str>);

impl ClientName {
    /// The name as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        let well_formed = (1..=255).contains(&text.len()) && text.bytes().all(allowed);
        well_formed.then(|| Self(text.into()))
    }
}

impl Command {
    /// Reads a line. `smtputf8` says whether the running transaction lets RCPT
    /// carry UTF-8; MAIL tells by itself.
    ///
    /// # Errors
    /// When the line is no command, or one with wrong arguments.
    pub fn parse(line: &[u8], smtputf8: bool) -> Result<Self, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::Characters)?;
        let line = line.trim_end_matches([' ', '\t']);
        if line.chars().any(char::is_control) {
            return Err(CommandError::Characters);
        }
        let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let arguments = arguments.trim_start_matches(' ');
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "MAIL" => parse_mail(arguments).map(Self::Mail),
            "RCPT" => parse_rcpt(arguments, smtputf8).map(Self::Rcpt),
            _ if !line.is_ascii() && verb != "BDAT" => Err(CommandError::Characters),
            "EHLO" => client_name(arguments).map(Self::Ehlo),
            "HELO" => client_name(arguments).map(Self::Helo),
            "DATA" => bare(Self::Data, arguments),
            "BDAT" => parse_bdat(arguments).ok_or(CommandError::Chunk),
            "RSET" => bare(Self::Rset, arguments),
            "QUIT" => bare(Self::Quit, arguments),
            "STARTTLS" => bare(Self::StartTls, arguments),
            "NOOP" => Ok(Self::Noop),
            "HELP" => Ok(Self::Help),
            "VRFY" if !arguments.is_empty() => Ok(Self::Vrfy),
            "EXPN" if !arguments.is_empty() => Ok(Self::Expn),
            "VRFY" | "EXPN" => Err(CommandError::Arguments("an address or a name is missing")),
            "AUTH" => parse_auth(arguments),
            _ => Err(CommandError::Unknown),
        }
    }
}

fn bare(command: Command, arguments: &str) -> Result<Command, CommandError> {
    match arguments {
        "" => Ok(command),
        _ => Err(CommandError::Arguments("this command takes none")),
    }
}

fn client_name(arguments: &str) -> Result<ClientName, CommandError> {
    ClientName::parse(arguments).ok_or(CommandError::Arguments(
        "a domain or an address literal is expected",
    ))
}

fn parse_mail(arguments: &str) -> Result<Mail, CommandError> {
    let rest = strip_keyword(arguments, "FROM:")
        .ok_or(CommandError::Arguments("expected MAIL FROM:<address>"))?;
    let (path, parameters) = path::split(rest).ok_or(CommandError::SenderSyntax)?;
    let mut parameters = Parameters::parse(parameters)?;
    let smtputf8 = parameters.take_flag("SMTPUTF8")?;
    if !smtputf8 && !path.is_ascii() {
        return Err(CommandError::NeedsSmtpUtf8);
    }
    let sender = path::reverse_path(path).map_err(CommandError::Sender)?;
    parameters.take_body()?;
    parameters.take_auth()?;
    let mail = Mail {
        sender,
        smtputf8,
        size: parameters.take_size()?,
        ret: parameters.take_ret()?,
        envelope_id: parameters.take_envelope_id()?,
    };
    parameters.none_left()?;
    Ok(mail)
}

fn parse_rcpt(arguments: &str, smtputf8: bool) -> Result<Rcpt, CommandError> {
    let rest = strip_keyword(arguments, "TO:")
        .ok_or(CommandError::Arguments("expected RCPT TO:<address>"))?;
    if !smtputf8 && !rest.is_ascii() {
        return Err(CommandError::NeedsSmtpUtf8);
    }
    let (path, parameters) = path::split(rest).ok_or(CommandError::RecipientSyntax)?;
    let recipient = ForwardPath::parse(path).map_err(CommandError::Recipient)?;
    let mut parameters = Parameters::parse(parameters)?;
    let rcpt = Rcpt {
        recipient,
        notify: parameters.take_notify()?,
        orcpt: parameters.take_orcpt()?,
    };
    parameters.none_left()?;
    Ok(rcpt)
}

fn parse_bdat(arguments: &str) -> Option<Command> {
    let (digits, rest) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let last = match rest.trim_start_matches(' ') {
        "" => false,
        end if end.eq_ignore_ascii_case("LAST") => true,
        _ => return None,
    };
    // `parse` alone would take a sign.
    let number = digits.bytes().all(|b| b.is_ascii_digit());
    let size = number.then(|| digits.parse().ok()).flatten()?;
    Some(Command::Bdat { size, last })
}

fn parse_auth(arguments: &str) -> Result<Command, CommandError> {
    let (mechanism, initial) = arguments.split_once(' ').unwrap_or((arguments, ""));
    if mechanism.is_empty() {
        return Err(CommandError::Arguments("expected AUTH and a mechanism"));
    }
    let initial = initial.trim_start_matches(' ');
    if initial.contains(' ') {
        return Err(CommandError::Arguments(
            "expected one initial response at most",
        ));
    }
    let initial = (!initial.is_empty()).then(|| Secret::new(initial));
    Ok(Command::Auth {
        mechanism: mechanism.to_ascii_uppercase(),
        initial,
    })
}

fn strip_keyword<'a>(text: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword)
        .then(|| rest.trim_start_matches(' '))
}

#[cfg(test)]
mod tests;
