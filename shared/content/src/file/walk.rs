//! Walking a file from header to header, whatever it holds.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::Error;
use crate::name::Stamp;
use crate::record::{ALIGNMENT, Damage, HEADER, Header, MAGIC, State};

/// The headers of a file in their order. [`Error::Corrupt`] stands for a gap
/// between records and the walk goes on behind it; another error ends it.
///
/// A gap is damage only if a later batch follows: the last batch was perhaps
/// never confirmed, and a crash may have left any part of it.
pub(crate) struct Walk<'a> {
    file: &'a File,
    path: &'a Path,
    stamp: Stamp,
    offset: u64,
    end: u64,
}

/// How much is searched at once for the record behind a gap.
const WINDOW: usize = 64 * 1024;

impl<'a> Walk<'a> {
    pub(crate) fn new(
        file: &'a File,
        path: &'a Path,
        stamp: Stamp,
        offset: u64,
    ) -> Result<Self, Error> {
        let end = file.metadata().map_err(Error::io("look at", path))?.len();
        Ok(Self {
            file,
            path,
            stamp,
            offset: offset.next_multiple_of(ALIGNMENT),
            end,
        })
    }

    fn step(&mut self) -> Result<Option<(Header, State)>, Error> {
        while self.offset < self.end {
            let gap = match self.header(self.offset)? {
                Ok((header, state)) => {
                    self.offset += header.length();
                    return Ok(Some((header, state)).filter(|_| self.offset <= self.end));
                }
                Err(gap) => gap,
            };
            let later = self.search(self.offset + ALIGNMENT)?;
            self.offset = later.map_or(self.end, |header| header.offset);
            if later.is_some_and(|header| u64::from(header.batch) > gap.offset) {
                return Err(gap.of(self.path));
            }
        }
        Ok(None)
    }

    fn header(&self, offset: u64) -> Result<Result<(Header, State), Damage>, Error> {
        let mut encoded = [0; HEADER as usize];
        self.read(&mut encoded, offset)?;
        Ok(Header::decode(&encoded, self.stamp, offset))
    }

    /// The first header at or behind `offset`.
    fn search(&self, mut offset: u64) -> Result<Option<Header>, Error> {
        let mut window = vec![0; WINDOW];
        while offset < self.end {
            self.read(&mut window, offset)?;
            for (i, _) in window
                .chunks(ALIGNMENT as usize)
                .enumerate()
                .filter(|(_, w)| w == MAGIC)
            {
                let header = self.header(offset + i as u64 * ALIGNMENT)?;
                if let Ok((header, _)) = header {
                    return Ok(Some(header));
                }
            }
            offset += WINDOW as u64;
        }
        Ok(None)
    }

    /// Fills `octets`, with zeros behind the end of the file.
    fn read(&self, mut octets: &mut [u8], mut offset: u64) -> Result<(), Error> {
        while !octets.is_empty() {
            match self.file.read_at(octets, offset) {
                Ok(0) => {
                    octets.fill(0);
                    break;
                }
                Ok(read) => {
                    octets = &mut octets[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", self.path)(error)),
            }
        }
        Ok(())
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<(Header, State), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(Error::Io { .. }))) {
            self.offset = self.end;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use message::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::encoder::Encoder;

    const STAMP: u128 = 99;

    /// A segment of records with these lengths, each a batch of its own.
    fn segment(lengths: &[usize]) -> Vec<u8> {
        let mut segment = Vec::new();
        for length in lengths {
            let mut encoder = Encoder::new();
            encoder.push(&vec![b'x'; *length]);
            let mut content = encoder.finish(b"trailer");
            let header = Header {
                stamp: Stamp::from_bits(STAMP),
                offset: segment.len() as u64,
                batch: segment.len() as u32,
                octets: content.octets,
                trailer: content.trailer,
                stored_at: Timestamp::UNIX_EPOCH,
            };
            content.record[..HEADER as usize].copy_from_slice(&header.encode());
            segment.extend(content.record);
        }
        segment
    }

    /// The lengths of the records found, and the number of gaps.
    fn walk(segment: &[u8]) -> (Vec<usize>, usize) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(segment).unwrap();
        let steps = Walk::new(&file, Path::new("segment"), Stamp::from_bits(STAMP), 0).unwrap();
        let (found, gaps): (Vec<_>, Vec<_>) = steps.partition(Result::is_ok);
        (
            found
                .into_iter()
                .map(|step| step.unwrap().0.octets as usize)
                .collect(),
            gaps.len(),
        )
    }

    #[test]
    fn a_gap_is_damage_only_before_a_later_batch() {
        let lengths = [10, 100_000, 30];
        let whole = segment(&lengths);
        assert_eq!(walk(&whole), (lengths.to_vec(), 0));
        let cut = |at: usize| [&whole[..at], &[0; 8], &whole[at + 8..]].concat();
        assert_eq!(walk(&cut(0)), (vec![100_000, 30], 1));
        let last = whole.len() - segment(&[30]).len();
        assert_eq!(walk(&cut(last)), (vec![10, 100_000], 0));
        assert_eq!(walk(&whole[..whole.len() - 1]), (vec![10, 100_000], 0));
    }

    proptest! {
        #[test]
        fn no_octets_stop_a_walk_from_ending(
            lengths in prop::collection::vec(0..2000_usize, 0..6),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
            kept in any::<prop::sample::Index>(),
        ) {
            let mut octets = segment(&lengths);
            octets.push(0);
            for (at, octet) in damage {
                let at = at.index(octets.len());
                octets[at] = octet;
            }
            let (found, _) = walk(&octets[..kept.index(octets.len())]);
            prop_assert!(found.len() <= lengths.len());
        }
    }
}
