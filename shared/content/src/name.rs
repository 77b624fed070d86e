//! Names: of writers, of files, and of contents.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use message::{Clock, ContentId, Randomness};

use crate::Error;

/// The name a process writes under: a directory in the store.
///
/// 1 to 32 of `a-z A-Z 0-9 _ -`. A process keeps its name over restarts, and may
/// share it with others at the same time, as the instances of one service do: each
/// writes files of its own there, named by chance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterName(Box<str>);

/// Text that is not a [`WriterName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a writer's name is 1 to 32 of a-z A-Z 0-9 _ -")]
pub struct WriterNameError;

impl WriterName {
    const MAX: usize = 32;
}

impl FromStr for WriterName {
    type Err = WriterNameError;

    fn from_str(text: &str) -> Result<Self, WriterNameError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let well_formed = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(allowed);
        well_formed
            .then(|| Self(text.into()))
            .ok_or(WriterNameError)
    }
}

impl fmt::Display for WriterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one file of a writer, for all time: 48 bits of the clock's
/// milliseconds, then 80 random bits. No counter, so nothing has to be
/// remembered across crashes and removals, and no one outside can guess it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp(u128);

impl Stamp {
    pub(crate) fn draw(clock: &dyn Clock, random: &dyn Randomness) -> Self {
        let mut octets = [0; 16];
        random.fill(&mut octets[6..]);
        let millis = clock.now().as_millisecond().max(0) as u128 & ((1 << 48) - 1);
        Self(millis << 80 | u128::from_be_bytes(octets))
    }

    pub(crate) fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a file of a writer's directory holds, told by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Many records, appended.
    Segment,
    /// One record of its own.
    Single,
    /// Not yet either of them; nothing refers to it.
    Partial,
    /// The summaries of a segment's contents.
    Summaries,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Segment, Self::Single, Self::Partial, Self::Summaries];

    const fn extension(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Single => "content",
            Self::Partial => "partial",
            Self::Summaries => "summaries",
        }
    }

    /// The path of this kind's file with the stamp of another.
    pub(crate) fn beside(self, path: &Path) -> PathBuf {
        path.with_extension(self.extension())
    }
}

/// The name of a file in a writer's directory.
pub(crate) fn file_name(stamp: Stamp, kind: Kind) -> String {
    format!("{stamp}.{}", kind.extension())
}

/// Reads the name of a file; none if it is not one of ours.
pub(crate) fn parse_file_name(name: &str) -> Option<(Stamp, Kind)> {
    let (digits, extension) = name.split_once('.')?;
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.extension() == extension)?;
    Some((Stamp(parse_hex(digits, 32)?), kind))
}

/// Where a content is: all that its id says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(crate) writer: WriterName,
    pub(crate) stamp: Stamp,
    pub(crate) slot: Slot,
}

/// The part of its file that a content takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// All of a [`Kind::Single`].
    Whole,
    /// The record of `length` octets at `offset` of a [`Kind::Segment`].
    Packed { offset: u32, length: u32 },
}

impl Location {
    /// The path of the file below `root`.
    pub(crate) fn path(&self, root: &Path) -> PathBuf {
        let kind = match self.slot {
            Slot::Whole => Kind::Single,
            Slot::Packed { .. } => Kind::Segment,
        };
        root.join(&*self.writer.0).join(file_name(self.stamp, kind))
    }

    /// Whether both are in one file.
    pub(crate) fn shares_file_with(&self, other: &Self) -> bool {
        self.stamp == other.stamp && self.writer == other.writer
    }

    /// The path of the file beside its segment that holds its summary.
    pub(crate) fn summaries_path(&self, root: &Path) -> PathBuf {
        Kind::Summaries.beside(&self.path(root))
    }

    pub(crate) fn parse(id: &ContentId) -> Result<Self, Error> {
        // Only the canonical text is an id, so that no content has two.
        Self::read(id.as_str())
            .filter(|location| location.text() == id.as_str())
            .ok_or_else(|| Error::ForeignId(id.clone()))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let writer = parts.next()?.parse().ok()?;
        let stamp = Stamp(parse_hex(parts.next()?, 32)?);
        let slot = match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => Slot::Whole,
            (Some(offset), Some(length), None) => Slot::Packed {
                offset: parse_hex(offset, 8)? as u32,
                length: parse_hex(length, 8)? as u32,
            },
            (_, _, _) => return None,
        };
        Some(Self {
            writer,
            stamp,
            slot,
        })
    }

    fn text(&self) -> String {
        let Self {
            writer,
            stamp,
            slot,
        } = self;
        match slot {
            Slot::Whole => format!("{writer}.{stamp}"),
            Slot::Packed { offset, length } => {
                format!("{writer}.{stamp}.{offset:08x}.{length:08x}")
            }
        }
    }

    pub(crate) fn id(&self) -> ContentId {
        self.text()
            .parse()
            .expect("at most 83 letters, digits and dots")
    }
}

/// A number of exactly `digits` lower-case hexadecimal digits.
fn parse_hex(text: &str, digits: usize) -> Option<u128> {
    let well_formed =
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    well_formed
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_the_place_and_nothing_else_does() {
        let longest: WriterName = "w".repeat(WriterName::MAX).parse().unwrap();
        for slot in [
            Slot::Whole,
            Slot::Packed {
                offset: u32::MAX,
                length: 7,
            },
        ] {
            let location = Location {
                writer: longest.clone(),
                stamp: Stamp(u128::MAX),
                slot,
            };
            assert_eq!(Location::parse(&location.id()).unwrap(), location);
        }
        let stamp = Stamp(1);
        for wrong in [
            "object".into(),
            format!("a.{stamp}.00000000"),
            format!("a.{stamp}.00000000.00000001.0"),
            format!("a.{stamp}.0000000A.00000001"),
            format!("a.{stamp}..00000001"),
        ] {
            let id: ContentId = wrong.parse().unwrap();
            assert!(
                matches!(Location::parse(&id), Err(Error::ForeignId(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_writer_cannot_name_another_directory() {
        for wrong in ["", ".", "..", "a/b", "a.b", &"w".repeat(33)] {
            assert_eq!(
                wrong.parse::<WriterName>(),
                Err(WriterNameError),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn foreign_files_are_left_alone() {
        let stamp = Stamp(5);
        for kind in Kind::ALL {
            assert_eq!(
                parse_file_name(&file_name(stamp, kind)),
                Some((stamp, kind))
            );
        }
        for foreign in ["README", ".segment", "05.segment", "lost+found"] {
            assert_eq!(parse_file_name(foreign), None, "{foreign}");
        }
    }
}
