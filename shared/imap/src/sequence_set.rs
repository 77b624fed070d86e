//! Sets of message numbers or UIDs (RFC 9051 §9 `sequence-set`).

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result};

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A number; never zero.
    Number(u32),
    /// `*`: the largest number in use.
    Last,
}

/// Numbers and ranges as a client wrote them, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceSet(Box<[(Bound, Bound)]>);

/// Which messages a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Messages {
    /// Those in the set.
    Set(SequenceSet),
    /// `$`: the result of the last SEARCH RETURN (SAVE) (RFC 9051 §6.4.4.1).
    Saved,
}

/// Text that is not a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a set is numbers and ranges such as 1:4,7,9:*")]
pub struct SetError;

impl Bound {
    fn resolve(self, last: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Last => last,
        }
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        match cursor.skip(b'*') {
            true => Ok(Self::Last),
            false => cursor.nonzero().map(Self::Number),
        }
    }
}

impl SequenceSet {
    /// The set of these numbers, as few ranges as possible; None of none. They
    /// must rise.
    pub fn of(numbers: impl IntoIterator<Item = u32>) -> Option<Self> {
        let ranges = Runs::new(numbers.into_iter())
            .map(|(first, last)| (Bound::Number(first), Bound::Number(last)));
        let ranges: Box<[_]> = ranges.collect();
        (!ranges.is_empty()).then_some(Self(ranges))
    }

    /// The set of these ranges; None of none. No number in them is zero.
    pub fn of_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Option<Self> {
        let ranges = ranges.into_iter();
        let ranges: Box<[_]> = ranges
            .map(|(first, last)| (Bound::Number(first), Bound::Number(last)))
            .collect();
        (!ranges.is_empty()).then_some(Self(ranges))
    }

    /// All numbers.
    pub fn all() -> Self {
        Self([(Bound::Number(1), Bound::Last)].into())
    }

    /// Its ranges as they were written.
    pub fn as_written(&self) -> &[(Bound, Bound)] {
        &self.0
    }

    /// Its ranges in rising order without overlap, `*` being `last`. Where there
    /// is no number in use, `last` is zero and `*` stands for nothing.
    pub fn ranges(&self, last: u32) -> Vec<RangeInclusive<u32>> {
        let resolved = self
            .0
            .iter()
            .map(|(a, b)| (a.resolve(last), b.resolve(last)));
        let mut ordered: Vec<_> = resolved
            .map(|(a, b)| (a.min(b).max(1), a.max(b)))
            .filter(|(first, end)| first <= end)
            .collect();
        ordered.sort_unstable();
        let mut ranges: Vec<RangeInclusive<u32>> = Vec::with_capacity(ordered.len());
        for (first, end) in ordered {
            match ranges.last_mut() {
                Some(range) if first <= range.end().saturating_add(1) => {
                    *range = *range.start()..=end.max(*range.end());
                }
                Some(_) | None => ranges.push(first..=end),
            }
        }
        ranges
    }

    /// Whether `number` is in it, `*` being `last`.
    pub fn contains(&self, number: u32, last: u32) -> bool {
        self.0.iter().any(|(a, b)| {
            let (a, b) = (a.resolve(last), b.resolve(last));
            (a.min(b)..=a.max(b)).contains(&number)
        })
    }

    /// The largest number written, if any is.
    pub fn largest(&self) -> Option<u32> {
        let bounds = self.0.iter().flat_map(|(a, b)| [a, b]);
        let numbers = bounds.filter_map(|bound| match bound {
            Bound::Number(number) => Some(*number),
            Bound::Last => None,
        });
        numbers.max()
    }

    /// Whether `*` is in it, which QRESYNC's parameters may not hold.
    pub fn is_open(&self) -> bool {
        let last = |bound: &Bound| *bound == Bound::Last;
        self.0.iter().any(|(a, b)| last(a) || last(b))
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut ranges = Vec::new();
        loop {
            let first = Bound::parse(cursor)?;
            let end = match cursor.skip(b':') {
                true => Bound::parse(cursor)?,
                false => first,
            };
            ranges.push((first, end));
            if !cursor.skip(b',') {
                return Ok(Self(ranges.into()));
            }
        }
    }

    /// A set without `*`.
    pub(crate) fn parse_closed(cursor: &mut Cursor<'_>) -> Result<Self> {
        let set = Self::parse(cursor)?;
        match set.is_open() {
            true => Err(CommandError::Expected("a set without *")),
            false => Ok(set),
        }
    }
}

impl Messages {
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        match cursor.skip(b'$') {
            true => Ok(Self::Saved),
            false => SequenceSet::parse(cursor).map(Self::Set),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Last => f.write_str("*"),
        }
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, end)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match first == end {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}:{end}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(set) => set.fmt(f),
            Self::Saved => f.write_str("$"),
        }
    }
}

impl FromStr for SequenceSet {
    type Err = SetError;

    fn from_str(text: &str) -> std::result::Result<Self, SetError> {
        let mut cursor = Cursor::new(text.as_bytes());
        let set = Self::parse(&mut cursor).map_err(|_| SetError)?;
        cursor.is_at_end().then_some(set).ok_or(SetError)
    }
}

/// Writes rising numbers as a set, in as few ranges as possible.
pub fn write_numbers(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    for (at, (first, end)) in Runs::new(numbers.into_iter()).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(first.to_string().as_bytes());
        if end > first {
            out.push(b':');
            out.extend_from_slice(end.to_string().as_bytes());
        }
    }
}

/// Runs of numbers that follow one another.
struct Runs<I: Iterator>(std::iter::Peekable<I>);

impl<I: Iterator<Item = u32>> Runs<I> {
    fn new(numbers: I) -> Self {
        Self(numbers.peekable())
    }
}

impl<I: Iterator<Item = u32>> Iterator for Runs<I> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        let first = self.0.next()?;
        let mut last = first;
        while let Some(next) = self.0.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        Some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, last: u32, expected: &[RangeInclusive<u32>]) {
        let set: SequenceSet = text.parse().unwrap();
        assert_eq!(set.ranges(last), expected, "{text} of {last}");
        assert_eq!(set.to_string(), text);
    }

    #[test]
    fn sets_become_rising_ranges() {
        check("1", 9, &[1..=1]);
        check("2:4,1", 9, &[1..=4]);
        check("7,3:5,4:6", 9, &[3..=7]);
        check("5:*", 9, &[5..=9]);
        check("*", 9, &[9..=9]);
        check("*:5", 9, &[5..=9]);
        // RFC 9051: 559:* holds the last number even where that is below 559.
        check("559:*", 9, &[9..=559]);
        check("*", 0, &[]);
        check("4294967295,1:4294967294", 9, &[1..=u32::MAX]);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for wrong in [
            "",
            "0",
            "1:",
            ":1",
            "1,",
            ",1",
            "a",
            "4294967296",
            "1 2",
            "-1",
            "**",
        ] {
            assert!(wrong.parse::<SequenceSet>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in proptest::collection::btree_set(1_u32..300, 1..60)) {
            let mut wire = Vec::new();
            write_numbers(&mut wire, numbers.iter().copied());
            let set: SequenceSet = String::from_utf8(wire).unwrap().parse().unwrap();
            prop_assert_eq!(&SequenceSet::of(numbers.iter().copied()).unwrap(), &set);
            let back: Vec<u32> = set.ranges(0).into_iter().flatten().collect();
            prop_assert_eq!(back, numbers.iter().copied().collect::<Vec<_>>());
            prop_assert!((1..300).all(|n| set.contains(n, 0) == numbers.contains(&n)));
        }
    }
}
