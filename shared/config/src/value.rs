//! Values with units: spans of time and sizes.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time, written as a number and a unit: `250ms`, `10s`, `5m`, `4h`,
/// `5d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

/// Text that is not a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a span of time is a whole number and a unit (ms, s, m, h or d), at most 36500d, as in \"5m\""
)]
pub struct SpanError;

const SPAN_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

impl Span {
    /// The longest span, a hundred years: any time of day plus a span is still a
    /// time.
    pub const MAX: Self = Self::days(36_500);

    /// `count` milliseconds.
    pub const fn millis(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// `count` seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// `count` minutes.
    pub const fn minutes(count: u64) -> Self {
        Self::seconds(60 * count)
    }

    /// `count` hours.
    pub const fn hours(count: u64) -> Self {
        Self::minutes(60 * count)
    }

    /// `count` days.
    pub const fn days(count: u64) -> Self {
        Self::hours(24 * count)
    }

    /// The span as the standard library has it.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Deref for Span {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis() as u64;
        let whole = |&&(_, unit): &&(&str, u64)| millis != 0 && millis.is_multiple_of(unit);
        match SPAN_UNITS.iter().rev().find(whole) {
            Some((name, unit)) => write!(f, "{}{name}", millis / unit),
            None => f.write_str("0s"),
        }
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (count, name) = split_unit(text).ok_or(SpanError)?;
        let unit = SPAN_UNITS.iter().find(|(unit, _)| *unit == name);
        let (_, unit) = unit.ok_or(SpanError)?;
        let span = count.checked_mul(*unit).map(Self::millis);
        span.filter(|span| *span <= Self::MAX).ok_or(SpanError)
    }
}

/// A number of octets, written as a whole number, alone or with a unit: `64`,
/// `128 KiB`, `50 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// Text that is not a [`Size`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a size is a whole number of octets, alone or with KiB, MiB, GiB or TiB, as in \"50 MiB\"")]
pub struct SizeError;

const SIZE_UNITS: [(&str, u64); 6] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

impl Size {
    /// `count` times 1024 octets.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// `count` times 1024² octets.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The number of octets.
    pub const fn octets(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |&&(_, unit): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(unit);
        match SIZE_UNITS[2..].iter().rev().find(whole) {
            Some((name, unit)) => write!(f, "{} {name}", self.0 / unit),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let (count, name) = split_unit(text).ok_or(SizeError)?;
        let unit = SIZE_UNITS.iter().find(|(unit, _)| *unit == name);
        let (_, unit) = unit.ok_or(SizeError)?;
        count.checked_mul(*unit).map(Self).ok_or(SizeError)
    }
}

/// Splits `50 MiB` into the number and the name of the unit.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    Some((digits.parse().ok()?, unit.trim_start_matches(' ')))
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct SpanVisitor;

        impl Visitor<'_> for SpanVisitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time such as \"5m\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }

        from.deserialize_str(SpanVisitor)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct SizeVisitor;

        impl Visitor<'_> for SizeVisitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"50 MiB\", or a number of octets")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, octets: i64) -> Result<Size, E> {
                u64::try_from(octets)
                    .map(Size)
                    .map_err(|_| E::custom(SizeError))
            }

            fn visit_u64<E: de::Error>(self, octets: u64) -> Result<Size, E> {
                Ok(Size(octets))
            }
        }

        from.deserialize_any(SizeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_read_and_printed() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("5m", 300_000),
            ("4h", 14_400_000),
            ("5d", 432_000_000),
            ("0s", 0),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(
                (span, span.to_string()),
                (Span::millis(millis), text.to_owned())
            );
        }
        for wrong in [
            "",
            "5",
            "m",
            "-5m",
            "5 weeks",
            "1.5h",
            "99999999999999999999d",
            "36501d",
        ] {
            assert_eq!(wrong.parse::<Span>(), Err(SpanError), "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_read_and_printed() {
        for (text, octets) in [("50 MiB", 50 << 20), ("128 KiB", 128 << 10), ("7 B", 7)] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.octets(), size.to_string()), (octets, text.to_owned()));
        }
        assert_eq!("64".parse(), Ok(Size(64)));
        assert_eq!("1GiB".parse(), Ok(Size(1 << 30)));
        for wrong in ["", "MiB", "50 MB", "-1", "1.5 MiB", "99999999999 TiB"] {
            assert_eq!(wrong.parse::<Size>(), Err(SizeError), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn values_survive_printing(count: u64, millis in 0..Span::MAX.as_millis() as u64) {
            prop_assert_eq!(Span::millis(millis).to_string().parse(), Ok(Span::millis(millis)));
            prop_assert_eq!(Size(count).to_string().parse(), Ok(Size(count)));
        }
    }
}
