//! What a sender may ask about notices: the parameters of RFC 3461.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::serde_as_string;

/// RET of MAIL: how much of the message a failure notice returns (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header section only.
    Hdrs,
}

/// NOTIFY of RCPT: when the sender wants to hear (RFC 3461 §4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// Not said: of failure and delay, as mail servers always did.
    #[default]
    Unspecified,
    /// `NEVER`.
    Never,
    /// A list of at least one of the three.
    #[serde(untagged)]
    When {
        /// `SUCCESS` was listed.
        success: bool,
        /// `FAILURE` was listed.
        failure: bool,
        /// `DELAY` was listed.
        delay: bool,
    },
}

impl Notify {
    /// Whether success is to be reported.
    pub fn wants_success(self) -> bool {
        matches!(self, Self::When { success: true, .. })
    }

    /// Whether failure is to be reported.
    pub fn wants_failure(self) -> bool {
        matches!(self, Self::Unspecified | Self::When { failure: true, .. })
    }

    /// Whether a delay is to be reported.
    pub fn wants_delay(self) -> bool {
        matches!(self, Self::Unspecified | Self::When { delay: true, .. })
    }
}

/// ENVID of MAIL, decoded: the sender's own name for the envelope
/// (RFC 3461 §4.4). Printable ASCII, at most 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnvelopeId(Box<str>);

/// ORCPT of RCPT, decoded: the recipient as the sender first wrote it
/// (RFC 3461 §4.2). Its text form is `type;address`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OriginalRecipient {
    address_type: Box<str>,
    address: Box<str>,
}

/// A DSN parameter that breaks RFC 3461.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DsnError {
    /// ENVID is empty, too long or not printable ASCII.
    #[error("ENVID must be 1 to 100 printable ASCII characters")]
    EnvelopeId,
    /// ORCPT lacks its address type, or the address is empty, too long or not printable.
    #[error("ORCPT must be an address type, a semicolon and up to 500 printable characters")]
    OriginalRecipient,
}

impl EnvelopeId {
    /// The decoded id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EnvelopeId {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let well_formed =
            (1..=100).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
        well_formed
            .then(|| Self(text.into()))
            .ok_or(DsnError::EnvelopeId)
    }
}

impl OriginalRecipient {
    /// The address type, lower case: `rfc822` or `utf-8` (RFC 6533) as a rule.
    pub fn address_type(&self) -> &str {
        &self.address_type
    }

    /// The decoded address, in the syntax of its type.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.address_type, self.address)
    }
}

impl FromStr for OriginalRecipient {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let (address_type, address) = text.split_once(';').ok_or(DsnError::OriginalRecipient)?;
        let type_ok = (1..=40).contains(&address_type.len())
            && address_type
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let address_ok =
            (1..=500).contains(&address.len()) && !address.chars().any(char::is_control);
        if !type_ok || !address_ok {
            return Err(DsnError::OriginalRecipient);
        }
        Ok(Self {
            address_type: address_type.to_ascii_lowercase().into(),
            address: address.into(),
        })
    }
}

serde_as_string!(EnvelopeId, OriginalRecipient);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_notify_means_failure_and_delay() {
        let unspecified = Notify::default();
        assert!(unspecified.wants_failure() && unspecified.wants_delay());
        assert!(!unspecified.wants_success());
        assert!(!Notify::Never.wants_failure());
    }

    #[test]
    fn notify_survives_json() {
        let all = [
            Notify::Unspecified,
            Notify::Never,
            Notify::When {
                success: true,
                failure: false,
                delay: true,
            },
        ];
        for notify in all {
            let text = serde_json::to_string(&notify).unwrap();
            assert_eq!(
                serde_json::from_str::<Notify>(&text).unwrap(),
                notify,
                "{text}"
            );
        }
    }

    #[test]
    fn original_recipients_keep_their_type() {
        let orcpt: OriginalRecipient = "RFC822;Bob@Example.Org".parse().unwrap();
        assert_eq!(orcpt.to_string(), "rfc822;Bob@Example.Org");
        for wrong in [
            "",
            "bob@example.org",
            ";bob",
            "rfc822;",
            "rfc 822;bob",
            "rfc822;a\r\nb",
        ] {
            assert!(wrong.parse::<OriginalRecipient>().is_err(), "{wrong:?}");
        }
    }
}
