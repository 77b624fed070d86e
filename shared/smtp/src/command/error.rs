//! Why a line is not a command, and the reply it gets.

use message::{AddressError, EnhancedStatus};

use crate::reply::Reply;

/// Why a line is not a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The verb is none we know.
    #[error("command not recognized")]
    Unknown,
    /// Octets that no command holds: control characters, broken UTF-8, or UTF-8
    /// where only ASCII may be.
    #[error("illegal characters in a command")]
    Characters,
    /// Arguments are missing, wrong or too many.
    #[error("{0}")]
    Arguments(&'static str),
    /// A parameter's value breaks the syntax of its RFC.
    #[error("wrong value of parameter {0}")]
    Value(&'static str),
    /// A parameter stands there twice.
    #[error("a parameter is given twice")]
    Duplicate,
    /// A parameter of an extension that is not offered.
    #[error("parameter not recognized")]
    UnknownParameter,
    /// What follows `MAIL FROM:` is not a path.
    #[error("expected MAIL FROM:<address>")]
    SenderSyntax,
    /// What follows `RCPT TO:` is not a path.
    #[error("expected RCPT TO:<address>")]
    RecipientSyntax,
    /// The reverse path holds no address.
    #[error("sender address: {0}")]
    Sender(AddressError),
    /// The forward path holds no address.
    #[error("recipient address: {0}")]
    Recipient(AddressError),
    /// BDAT without a number of octets that can be read (RFC 3030 §2).
    #[error("expected BDAT, a number of octets, and LAST with the last")]
    Chunk,
    /// UTF-8 in a path, but no SMTPUTF8 (RFC 6531 §3.5).
    #[error("an address beyond ASCII needs SMTPUTF8")]
    NeedsSmtpUtf8,
}

impl CommandError {
    /// The reply to the line.
    pub fn reply(&self) -> Reply {
        let (code, status) = match self {
            Self::Unknown | Self::Characters => (500, EnhancedStatus::new(5, 5, 2)),
            Self::Arguments(_) | Self::Value(_) | Self::Duplicate | Self::Chunk => {
                (501, EnhancedStatus::new(5, 5, 4))
            }
            Self::UnknownParameter => (555, EnhancedStatus::new(5, 5, 4)),
            Self::SenderSyntax | Self::Sender(_) => (553, EnhancedStatus::new(5, 1, 7)),
            Self::RecipientSyntax | Self::Recipient(_) => (553, EnhancedStatus::new(5, 1, 3)),
            Self::NeedsSmtpUtf8 => (553, EnhancedStatus::new(5, 6, 7)),
        };
        let mut text = self.to_string();
        text.get_mut(..1).map(str::make_ascii_uppercase);
        Reply::new(code, status, text)
    }
}
