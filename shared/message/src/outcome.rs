//! What became of a recipient, and what the sender may have to hear of it.

use serde::{Deserialize, Serialize};

use crate::address::Domain;
use crate::serde_as_string;
use crate::status::EnhancedStatus;
use crate::time::Timestamp;

/// What became of a recipient: what happened, how it is coded, and in whose
/// words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What happened.
    pub verdict: Verdict,
    /// The code of RFC 3463, as notices report it.
    pub status: EnhancedStatus,
    /// Why, in the words of whoever decided.
    pub diagnostic: Diagnostic,
    /// When it was decided.
    pub at: Timestamp,
}

/// What happened to a recipient in the end, or in the last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is in a mailbox, or an application took it.
    Delivered,
    /// The next server took responsibility.
    Relayed {
        /// That server offers DSN and was passed the parameters, so it reports.
        dsn: bool,
    },
    /// It became the recipients of an alias with more than one target.
    Expanded,
    /// A temporary failure; it will be tried again.
    Deferred,
    /// It will not be delivered.
    Failed,
    /// An operator deleted it without a notice.
    Deleted,
}

impl Verdict {
    /// Whether nothing more will happen to the recipient.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Deferred)
    }

    /// What it is called in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Relayed { .. } => "relayed",
            Self::Expanded => "expanded",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }
}

/// The reason of an outcome. Remote text is capped and free of control
/// characters, so that it is safe in a notice, a terminal and a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The text: an SMTP reply with its code where `remote` is set, our own
    /// explanation otherwise.
    text: Box<str>,
    /// The host that replied so; none where we decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote: Option<Domain>,
}

impl Diagnostic {
    /// The longest text kept, in octets.
    pub const MAX: usize = 1000;

    /// Our own explanation.
    pub fn ours(text: impl AsRef<str>) -> Self {
        Self {
            text: printable(text.as_ref()).into(),
            remote: None,
        }
    }

    /// The reply of another host, with its code.
    pub fn remote(host: Domain, reply: impl AsRef<str>) -> Self {
        Self {
            text: printable(reply.as_ref()).into(),
            remote: Some(host),
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The host that replied so.
    pub fn host(&self) -> Option<&Domain> {
        self.remote.as_ref()
    }
}

/// `text` with runs of control characters and spaces as one space, capped.
fn printable(text: &str) -> String {
    let unsafe_char = |c: char| c.is_control() || c.is_whitespace() || is_bidi_control(c);
    let mut clean = String::with_capacity(text.len().min(Diagnostic::MAX));
    for word in text.split(unsafe_char).filter(|word| !word.is_empty()) {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
        if clean.len() > Diagnostic::MAX {
            clean.truncate(clean.floor_char_boundary(Diagnostic::MAX - 3));
            clean.push('…');
            break;
        }
    }
    clean
}

/// Characters that reorder the text around them on a terminal.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The kinds of notices (RFC 3464 §2.3.3's action, as we group them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// Delivery takes longer.
    Delay,
    /// Delivery failed for good.
    Failure,
    /// Delivery, relaying or expansion, where asked.
    Success,
}

impl NoticeKind {
    /// Every kind, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Failure, Self::Delay, Self::Success];

    /// Its name in stores, traces and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Failure => "failure",
            Self::Success => "success",
        }
    }
}

/// Text that names no [`NoticeKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of notice: delay, failure or success")]
pub struct NoticeKindError;

impl std::fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for NoticeKind {
    type Err = NoticeKindError;

    fn from_str(text: &str) -> Result<Self, NoticeKindError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(NoticeKindError)
    }
}

serde_as_string!(NoticeKind);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_text_is_made_safe_and_capped() {
        let host: Domain = "mx.example".parse().unwrap();
        let reply = Diagnostic::remote(host, "550 5.1.1 no\r\n\x1b[31msuch \u{202e}user");
        assert_eq!(reply.text(), "550 5.1.1 no [31msuch user");
        let long = Diagnostic::ours("ä".repeat(5000));
        assert!(long.text().len() <= Diagnostic::MAX && long.text().ends_with('…'));
    }
}
