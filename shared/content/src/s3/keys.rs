//! The names of objects, below the prefix.
//!
//! ```text
//! <writer>/<stamp>.segment            a pack
//! <writer>/<stamp>.content            a content of its own
//! <writer>/<stamp>.dead/<offset>      the record written there was removed
//! <writer>/started                    tells when the writer began
//! ```
//!
//! In the order of names, in which a bucket is listed, a pack follows what is
//! dead in it.

use crate::name::{Kind, Location, Stamp, WriterName, file_name, parse_file_name};

/// A pack's name, or that of a content of its own, without its extension.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Stem {
    pub(super) writer: WriterName,
    pub(super) stamp: Stamp,
}

/// What the name of an object says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    Pack(Stem),
    Single(Stem),
    /// In this pack the record that was written at the offset is dead.
    Dead(Stem, u32),
}

impl Stem {
    pub(super) fn of(location: &Location) -> Self {
        Self {
            writer: location.writer.clone(),
            stamp: location.stamp,
        }
    }

    pub(super) fn pack(&self) -> String {
        format!("{}/{}", self.writer, file_name(self.stamp, Kind::Segment))
    }

    pub(super) fn single(&self) -> String {
        format!("{}/{}", self.writer, file_name(self.stamp, Kind::Single))
    }

    /// The folder of what is dead in the pack.
    pub(super) fn dead(&self) -> String {
        format!("{}.dead", self.before())
    }

    pub(super) fn dead_at(&self, offset: u32) -> String {
        format!("{}/{offset:08x}", self.dead())
    }

    /// Comes before all the others in the order of names.
    pub(super) fn before(&self) -> String {
        format!("{}/{}", self.writer, self.stamp)
    }
}

impl Key {
    /// Reads the name of an object; none if it is not one of these.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (writer, rest) = name.split_once('/')?;
        let writer: WriterName = writer.parse().ok()?;
        let stem = |stamp| Stem { writer, stamp };
        if let Some((pack, offset)) = rest.split_once(".dead/") {
            // The digits of a stamp are those of a file's name.
            let (stamp, _) = parse_file_name(&format!("{pack}.segment"))?;
            let stem = stem(stamp);
            let offset = u32::from_str_radix(offset, 16).ok()?;
            return (stem.dead_at(offset) == name).then_some(Self::Dead(stem, offset));
        }
        match parse_file_name(rest)? {
            (stamp, Kind::Segment) => Some(Self::Pack(stem(stamp))),
            (stamp, Kind::Single) => Some(Self::Single(stem(stamp))),
            (_, Kind::Partial | Kind::Summaries) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written_and_in_the_order_that_listing_needs() {
        let stem = Stem {
            writer: "w".parse().unwrap(),
            stamp: Stamp::from_bits(7),
        };
        let names = [
            stem.before(),
            stem.single(),
            stem.dead_at(0xff),
            stem.pack(),
        ];
        assert!(names.is_sorted());
        assert_eq!(Key::parse(&stem.pack()), Some(Key::Pack(stem.clone())));
        assert_eq!(Key::parse(&stem.single()), Some(Key::Single(stem.clone())));
        assert_eq!(
            Key::parse(&stem.dead_at(255)),
            Some(Key::Dead(stem.clone(), 255))
        );
        for foreign in [
            "started",
            "w/started",
            "w/7.segment",
            "a.b/x",
            &format!("{}/ff", stem.dead()),
            &format!("{}/000000FF", stem.dead()),
            &stem.dead(),
        ] {
            assert_eq!(Key::parse(foreign), None, "{foreign}");
        }
    }
}
