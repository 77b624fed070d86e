//! The Sender Rewriting Scheme: return paths for mail that is passed on.
//!
//! A server that checks SPF (RFC 7208 §D.2) refuses mail that we pass on under
//! another domain's return path. A rewritten return path is an address of ours
//! which the original one can be read from, and which nobody else can make up:
//!
//! ```text
//! SRS0=hash=time=example.com=alice@ours          alice@example.com
//! SRS1=hash=first==hash=time=example.com=alice@ours   SRS0=hash=time=example.com=alice@first
//! ```
//!
//! The hash is keyed, over all that follows it, in whatever case; the time is
//! the day, modulo 1024. What was rewritten by others before is not wrapped
//! again: it leads back to the first of them, who knows how old it is.
//!
//! Nothing here fails but addresses: those that cannot be rewritten because no
//! room is left, and those that come back forged, damaged or too late.

use std::fmt;
use std::time::Duration;

use ring::hmac;
use subtle::ConstantTimeEq;

use crate::address::{Address, Domain, LocalPart};
use crate::status::EnhancedStatus;
use crate::time::Timestamp;

/// Characters of a hash: 30 bits, so that guessing one at a server that counts
/// errors takes years.
const HASH: usize = 6;
/// The days after which the time begins anew.
const DAYS: i64 = 1 << (5 * TIME);
/// Characters of a time.
const TIME: usize = 2;
/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Rewrites return paths, and reads them when they come back.
pub struct Rewriter {
    domain: Domain,
    /// The first signs, all of them verify.
    keys: Vec<hmac::Key>,
    max_age: i64,
}

/// Why an address that looks like one of ours is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrsError {
    /// The hash is not ours, or the address was changed on its way.
    #[error("this return address was not given out here, or was damaged on its way")]
    Forged,
    /// It was given out too long ago.
    #[error("this return address is too old")]
    Expired,
}

impl SrsError {
    /// The code of RFC 3463 under which mail to such an address is refused.
    pub const fn status(self) -> EnhancedStatus {
        match self {
            Self::Forged => EnhancedStatus::new(5, 7, 1),
            Self::Expired => EnhancedStatus::new(5, 1, 1),
        }
    }
}

impl Rewriter {
    /// The longest age that the time can tell from its beginning anew.
    pub const MAX_AGE: Duration = Duration::from_secs(DAYS as u64 / 2 * SECONDS_PER_DAY as u64);

    /// Rewrites to addresses at `domain`, which are taken back for `max_age`.
    /// The first of `secrets` signs, all of them verify; none without any.
    pub fn new<S: AsRef<[u8]>>(
        domain: Domain,
        secrets: impl IntoIterator<Item = S>,
        max_age: Duration,
    ) -> Option<Self> {
        let key = |secret: S| hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
        let keys: Vec<_> = secrets.into_iter().map(key).collect();
        let max_age = max_age.min(Self::MAX_AGE).as_secs() as i64 / SECONDS_PER_DAY;
        (!keys.is_empty()).then_some(Self {
            domain,
            keys,
            max_age,
        })
    }

    /// Where rewritten return paths are.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The return path under which mail of `sender` is passed on; none where a
    /// local part has no room for it (RFC 5321 §4.5.3.1.1).
    pub fn rewrite(&self, sender: &Address, now: Timestamp) -> Option<Address> {
        let local = sender.local_part().as_str();
        let (tag, signed) = match Tagged::read(local) {
            Some(Tagged { tag: Tag::Srs0, .. }) => {
                let tail = &local[Tag::LENGTH..];
                (Tag::Srs1, format!("{}={tail}", sender.domain()))
            }
            Some(Tagged {
                tag: Tag::Srs1,
                hash: _,
                signed,
            }) => (Tag::Srs1, signed.to_owned()),
            None => {
                let time = Day::of(now);
                (Tag::Srs0, format!("{time}={}={local}", sender.domain()))
            }
        };
        let hash = hash(&self.keys[0], tag, &signed);
        let hash = std::str::from_utf8(&hash).unwrap_or_default();
        let local = LocalPart::from_unquoted(&format!("{tag}={hash}={signed}")).ok()?;
        Some(Address::new(local, self.domain.clone()))
    }

    /// The address that `address` was made from; none where it is not one that
    /// [`Rewriter::rewrite`] could have made.
    ///
    /// # Errors
    /// When it looks like one and was not made here, or too long ago.
    pub fn restore(&self, address: &Address, now: Timestamp) -> Option<Result<Address, SrsError>> {
        if *address.domain() != self.domain {
            return None;
        }
        let local = address.local_part().as_str();
        Tag::read(local)?;
        let restored = Tagged::read(local).filter(|tagged| self.is_ours(tagged));
        Some(restored.map_or(Err(SrsError::Forged), |tagged| self.original(&tagged, now)))
    }

    fn is_ours(&self, tagged: &Tagged<'_>) -> bool {
        let given = tagged.hash.to_ascii_uppercase();
        let of_key = |key| hash(key, tagged.tag, tagged.signed);
        // Every key is tried, so that time does not tell which one it was.
        let matches = self
            .keys
            .iter()
            .map(|key| of_key(key).ct_eq(given.as_bytes()));
        matches
            .fold(subtle::Choice::from(0), |any, this| any | this)
            .into()
    }

    fn original(&self, tagged: &Tagged<'_>, now: Timestamp) -> Result<Address, SrsError> {
        let (domain, local) = match tagged.tag {
            Tag::Srs0 => {
                let (time, rest) = tagged.signed.split_once('=').ok_or(SrsError::Forged)?;
                let time = Day::read(time).ok_or(SrsError::Forged)?;
                if !time.is_within(self.max_age, Day::of(now)) {
                    return Err(SrsError::Expired);
                }
                let (domain, local) = rest.split_once('=').ok_or(SrsError::Forged)?;
                (domain, local.to_owned())
            }
            Tag::Srs1 => {
                let (domain, tail) = tagged.signed.split_once('=').ok_or(SrsError::Forged)?;
                (domain, format!("{}{tail}", Tag::Srs0))
            }
        };
        let local = LocalPart::from_unquoted(&local).map_err(|_| SrsError::Forged)?;
        let domain = domain.parse().map_err(|_| SrsError::Forged)?;
        Ok(Address::new(local, domain))
    }
}

/// How a rewritten local part begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// It holds the original address.
    Srs0,
    /// It holds somebody else's SRS0 address.
    Srs1,
}

impl Tag {
    /// The octets of a tag, without what parts it from the rest.
    const LENGTH: usize = 4;

    fn read(local: &str) -> Option<Self> {
        let parted = matches!(local.as_bytes().get(Self::LENGTH), Some(b'=' | b'+' | b'-'));
        let tag = local.get(..Self::LENGTH).filter(|_| parted)?;
        [Self::Srs0, Self::Srs1]
            .into_iter()
            .find(|known| tag.eq_ignore_ascii_case(known.as_str()))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Srs0 => "SRS0",
            Self::Srs1 => "SRS1",
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A rewritten local part, whoever rewrote it.
struct Tagged<'a> {
    tag: Tag,
    hash: &'a str,
    /// All that the hash is over.
    signed: &'a str,
}

impl<'a> Tagged<'a> {
    fn read(local: &'a str) -> Option<Self> {
        let tag = Tag::read(local)?;
        let (hash, signed) = local[Tag::LENGTH + 1..].split_once('=')?;
        let whole = match tag {
            Tag::Srs0 => {
                signed
                    .splitn(3, '=')
                    .filter(|part| !part.is_empty())
                    .count()
                    == 3
            }
            Tag::Srs1 => signed
                .split_once('=')
                .is_some_and(|(first, tail)| first.parse::<Domain>().is_ok() && !tail.is_empty()),
        };
        whole.then_some(Self { tag, hash, signed })
    }
}

/// Hosts on the way may change the case, so the hash does not depend on it.
fn hash(key: &hmac::Key, tag: Tag, signed: &str) -> [u8; HASH] {
    let text = format!("{tag}={}", signed.to_lowercase());
    let full = hmac::sign(key, text.as_bytes());
    let bits = full
        .as_ref()
        .iter()
        .take(8)
        .fold(0, |bits, octet| bits << 8 | u64::from(*octet));
    std::array::from_fn(|at| BASE32[(bits >> (59 - 5 * at)) as usize % BASE32.len()])
}

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// A day, as far as two characters tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day(i64);

impl Day {
    fn of(time: Timestamp) -> Self {
        Self(
            time.as_second()
                .div_euclid(SECONDS_PER_DAY)
                .rem_euclid(DAYS),
        )
    }

    fn read(text: &str) -> Option<Self> {
        let digit = |c: u8| BASE32.iter().position(|d| *d == c.to_ascii_uppercase());
        match text.as_bytes() {
            [high, low] => Some(Self((digit(*high)? << 5 | digit(*low)?) as i64)),
            _ => None,
        }
    }

    /// Whether it was at most `days` before `today`. A day ahead is as good as
    /// today: clocks differ.
    fn is_within(self, days: i64, today: Self) -> bool {
        let age = (today.0 - self.0).rem_euclid(DAYS);
        age <= days || age == DAYS - 1
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |at: i64| char::from(BASE32[at as usize % BASE32.len()]);
        write!(f, "{}{}", digit(self.0 >> 5), digit(self.0))
    }
}

#[cfg(test)]
mod tests;
