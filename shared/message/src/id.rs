//! Identifiers of messages, contents and accounts.

use std::fmt;
use std::str::FromStr;

use crate::serde_as_string;
use crate::time::{Clock, Randomness, Timestamp};

/// Rohrpost's own id of a message: a UUIDv7 (RFC 9562 §5.7) whose 74 random
/// bits are all fresh, printed as 32 hexadecimal digits.
///
/// It is also the trace id of the message. It tells the time of acceptance and
/// is never a capability: knowing it gives access to nothing. The header field
/// `Message-ID` is something else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u128);

/// An id that does not have the form of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

impl IdError {
    fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: text.chars().take(80).collect(),
            expected,
        }
    }
}

impl MessageId {
    /// Draws a new id: 48 bits of the clock's milliseconds, 74 random bits.
    pub fn draw(clock: &dyn Clock, random: &dyn Randomness) -> Self {
        let mut fresh = [0; 16];
        random.fill(&mut fresh[6..]);
        let millis = clock.now().as_millisecond().max(0) as u128 & ((1 << 48) - 1);
        let bits = u128::from_be_bytes(fresh) & !(0xf << 76) & !(0b11 << 62);
        Self(millis << 80 | 7 << 76 | 0b10 << 62 | bits)
    }

    /// The id with these 128 bits, as read back from a store or a trace.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits, most significant first in print.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// When the id was drawn, to the millisecond.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond((self.0 >> 80) as i64).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Whether this message's trace is kept when `ratio` (0 to 1) of all are.
    ///
    /// Decides on the low 56 bits, all of them random; a sampler that reads the
    /// upper half would see the constant variant bits.
    pub fn sampled(self, ratio: f64) -> bool {
        let threshold = (ratio.clamp(0.0, 1.0) * (1_u64 << 56) as f64) as u64;
        ((self.0 as u64) & ((1 << 56) - 1)) < threshold
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let well_formed = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        well_formed
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| IdError::new(text, "a message id (32 hexadecimal digits)"))
    }
}

/// An account's id: 64 random bits, drawn when the account is created, printed
/// as 16 hexadecimal digits. It outlives a change of the account's address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

impl AccountId {
    /// Draws a new id.
    pub fn draw(random: &dyn Randomness) -> Self {
        let mut fresh = [0; 8];
        random.fill(&mut fresh);
        Self(u64::from_be_bytes(fresh))
    }

    /// The id with these bits, as read back from a store.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits, most significant first in print.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AccountId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let well_formed = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        well_formed
            .then(|| u64::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| IdError::new(text, "an account id (16 hexadecimal digits)"))
    }
}

/// The name under which a content store keeps octets. Only the adapter that
/// made it knows what it means; everyone else passes it on.
///
/// At most [`ContentId::MAX`] characters out of `a-z A-Z 0-9 . _ -`, so that it
/// is safe as a file name, a key and a log field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(Box<str>);

impl ContentId {
    /// The longest content id, in octets.
    pub const MAX: usize = 96;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let well_formed = (1..=Self::MAX).contains(&text.len())
            && !text.starts_with('.')
            && text.bytes().all(allowed);
        well_formed
            .then(|| Self(text.into()))
            .ok_or_else(|| IdError::new(text, "a content id (1 to 96 of a-z A-Z 0-9 . _ -)"))
    }
}

serde_as_string!(MessageId, AccountId, ContentId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{ManualClock, SeededRandomness};

    #[test]
    fn a_message_id_is_a_uuid_v7_that_tells_its_time() {
        let clock = ManualClock::at("2026-11-23T15:05:00.123Z");
        let random = SeededRandomness::new(7);
        let id = MessageId::draw(&clock, &random);
        assert_eq!(id.timestamp(), clock.now());
        let text = id.to_string();
        assert_eq!(text.as_bytes()[12], b'7', "version in {text}");
        assert!(
            matches!(text.as_bytes()[16], b'8' | b'9' | b'a' | b'b'),
            "variant in {text}"
        );
        assert_eq!(text.parse(), Ok(id));
        assert_ne!(MessageId::draw(&clock, &random), id);
    }

    #[test]
    fn sampling_follows_the_ratio() {
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let random = SeededRandomness::new(1);
        let ids: Vec<_> = (0..10_000)
            .map(|_| MessageId::draw(&clock, &random))
            .collect();
        let kept = |ratio| ids.iter().filter(|id| id.sampled(ratio)).count();
        assert_eq!(kept(0.0), 0);
        assert_eq!(kept(1.0), ids.len());
        assert!(
            (2_300..2_700).contains(&kept(0.25)),
            "{} of 10000",
            kept(0.25)
        );
    }

    #[test]
    fn ids_refuse_what_is_not_theirs() {
        assert!("0123".parse::<MessageId>().is_err());
        assert!(
            "+123456789abcdef0123456789abcdef"
                .parse::<MessageId>()
                .is_err()
        );
        assert!("../etc/passwd".parse::<ContentId>().is_err());
        assert!("..".parse::<ContentId>().is_err());
        assert!("".parse::<ContentId>().is_err());
        assert!("xyz".parse::<AccountId>().is_err());
    }
}
