//! Enhanced mail system status codes (RFC 3463).

use std::fmt;
use std::str::FromStr;

use crate::serde_as_string;

/// A code such as `5.1.1`: class, subject, detail (RFC 3463 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedStatus {
    class: u8,
    subject: u16,
    detail: u16,
}

/// Text that is not an enhanced status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code: class 2, 4 or 5, then two numbers up to 999, as in 5.1.1")]
pub struct StatusError;

impl EnhancedStatus {
    /// The code `class.subject.detail`; for codes written in the source.
    ///
    /// # Panics
    /// If class is not 2, 4 or 5 or a number is over 999.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        assert!(matches!(class, 2 | 4 | 5) && subject <= 999 && detail <= 999);
        Self {
            class,
            subject,
            detail,
        }
    }

    /// 2 for success, 4 for a transient failure, 5 for a permanent one.
    pub const fn class(self) -> u8 {
        self.class
    }

    /// What it is about: 1 the address, 2 the mailbox, 3 the mail system, 4 the
    /// network, 5 the protocol, 6 the content, 7 policy; 0 anything else.
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// What exactly, within its subject.
    pub const fn detail(self) -> u16 {
        self.detail
    }

    /// Whether trying again later may help.
    pub const fn is_transient(self) -> bool {
        self.class == 4
    }

    /// The same subject and detail in another class, as when a transient
    /// failure has lasted too long.
    ///
    /// # Panics
    /// If class is not 2, 4 or 5.
    pub const fn with_class(self, class: u8) -> Self {
        Self::new(class, self.subject, self.detail)
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for EnhancedStatus {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        let mut numbers = text.split('.').map(number);
        let mut next = || numbers.next().flatten().ok_or(StatusError);
        let (class, subject, detail) = (next()?, next()?, next()?);
        if numbers.next().is_some() || !matches!(class, 2 | 4 | 5) {
            return Err(StatusError);
        }
        Ok(Self {
            class: class as u8,
            subject,
            detail,
        })
    }
}

/// One to three digits without a leading zero (RFC 3463 §2).
fn number(digits: &str) -> Option<u16> {
    let well_formed = (1..=3).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'));
    well_formed.then(|| digits.parse().ok()).flatten()
}

serde_as_string!(EnhancedStatus);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_and_printed() {
        for code in ["2.0.0", "4.4.7", "5.7.509", "5.1.10"] {
            assert_eq!(
                code.parse::<EnhancedStatus>().map(|c| c.to_string()),
                Ok(code.into())
            );
        }
        for wrong in [
            "", "5.1", "5.1.1.1", "3.0.0", "5.01.1", "5.1.1000", "5.-1.1", "5.1.1 ",
        ] {
            assert_eq!(
                wrong.parse::<EnhancedStatus>(),
                Err(StatusError),
                "{wrong:?}"
            );
        }
    }
}
