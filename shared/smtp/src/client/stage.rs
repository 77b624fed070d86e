//! The stages of a dialogue, named by what the client waits for.

use std::fmt;

/// Which reply is, or was, waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The greeting of a new connection.
    Greeting,
    /// The reply to EHLO or HELO.
    Hello,
    /// The reply to STARTTLS.
    StartTls,
    /// A reply to AUTH.
    Auth,
    /// The reply to RSET.
    Reset,
    /// The reply to MAIL.
    Mail,
    /// The reply to a RCPT.
    Rcpt,
    /// The reply to DATA.
    Data,
    /// The reply to the final dot, or to a BDAT: from here on the server may have
    /// the message.
    Dot,
    /// The reply to QUIT.
    Quit,
}

impl Stage {
    /// Its name in diagnostics and spans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Dot => "end of data",
            Self::Quit => "QUIT",
        }
    }

    /// Whether `code` lets the dialogue go on as intended.
    pub(super) fn accepts(self, code: u16) -> bool {
        match self {
            Self::Greeting | Self::StartTls => code == 220,
            Self::Auth => matches!(code, 235 | 334),
            Self::Data => code == 354,
            Self::Hello | Self::Reset | Self::Mail | Self::Rcpt | Self::Dot | Self::Quit => {
                (200..300).contains(&code)
            }
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
