//! The pack: how small contents that arrived together stand in one object.
//!
//! ```text
//! records     as in a segment of files, one behind the other
//! index       the header of each once more
//! tail        0 magic · 8 number of records · 12 CRC-32 of index and number
//! ```
//!
//! A record's header says where it was written, and its id does. A pack that was
//! written anew without its dead keeps those headers, so a record that is not
//! found at its place is found by the index.
//!
//! A content of its own, long or alone, is a record whose header stands at its
//! end: its numbers are known last, and an object is written from the front.

use std::ops::Range;

use bytes::Bytes;
use object_store::PutPayload;

use crate::name::Stamp;
use crate::record::{Damage, HEADER, Header};

const MAGIC: &[u8; 8] = b"ROHRIDX1";
const TAIL: usize = 16;
/// The most records of a pack.
pub(super) const RECORDS: usize = 512;
/// The longest index with its tail.
const LONGEST: u64 = RECORDS as u64 * HEADER + TAIL as u64;

/// The records of a pack, in the order in which they stand.
pub(super) struct Index {
    pub(super) members: Vec<Member>,
}

/// A record of a pack.
pub(super) struct Member {
    pub(super) header: Header,
    /// Where it stands now.
    pub(super) at: u64,
}

impl Member {
    /// Where it was written, as its id says.
    pub(super) fn offset(&self) -> u32 {
        self.header.offset as u32
    }

    pub(super) fn length(&self) -> u32 {
        self.header.length() as u32
    }

    pub(super) fn range(&self) -> Range<u64> {
        self.at..self.at + self.header.length()
    }
}

/// A pack of these records, each with its header and all that follows it.
pub(super) fn encode(records: Vec<(Header, Bytes)>) -> PutPayload {
    let mut index = Vec::with_capacity(records.len() * HEADER as usize + TAIL);
    for (header, _) in &records {
        index.extend_from_slice(&header.encode());
    }
    let count = (records.len() as u32).to_le_bytes();
    let checksum = checksum(&index, count);
    index.extend_from_slice(MAGIC);
    index.extend_from_slice(&count);
    index.extend_from_slice(&checksum.to_le_bytes());
    let records = records.into_iter().map(|(_, record)| record);
    records.chain([Bytes::from(index)]).collect()
}

/// The part of an object of this size that holds its index.
pub(super) fn index_range(size: u64) -> Range<u64> {
    size.saturating_sub(LONGEST)..size
}

impl Index {
    /// Reads the index at the end of a pack, of which `end` are the last octets.
    pub(super) fn decode(stamp: Stamp, size: u64, end: &[u8]) -> Result<Self, Damage> {
        let damage = |what| Damage { offset: size, what };
        let none = || damage("the pack has no index");
        let (end, tail) = end.split_last_chunk::<TAIL>().ok_or_else(none)?;
        let [count, written] =
            [&tail[8..12], &tail[12..]].map(|n| n.try_into().unwrap_or_default());
        let length = u32::from_le_bytes(count) as usize * HEADER as usize;
        let start = end
            .len()
            .checked_sub(length)
            .filter(|_| tail.starts_with(MAGIC));
        let index = &end[start.ok_or_else(none)?..];
        if checksum(index, count) != u32::from_le_bytes(written) {
            return Err(damage("the index does not match its checksum"));
        }
        let (mut at, mut members) = (0, Vec::new());
        for encoded in index.as_chunks().0 {
            let header = Header::decode_anywhere(encoded, stamp).map_err(|d| damage(d.what))?;
            members.push(Member { header, at });
            at += header.length();
        }
        let whole = at + (length + TAIL) as u64 == size;
        whole
            .then_some(Self { members })
            .ok_or_else(|| damage("the pack has another length"))
    }

    /// The record that was written at `offset`.
    pub(super) fn find(&self, offset: u32) -> Option<&Member> {
        self.members.iter().find(|member| member.offset() == offset)
    }
}

fn checksum(index: &[u8], count: [u8; 4]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(index);
    hasher.update(&count);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use message::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn pack(lengths: &[u64]) -> Bytes {
        let mut offset = 4096;
        let record = |octets: &u64| {
            let header = Header {
                stamp: Stamp::from_bits(7),
                offset,
                batch: 0,
                octets: *octets,
                trailer: 0,
                stored_at: Timestamp::UNIX_EPOCH,
            };
            offset += header.length();
            (header, vec![b'x'; header.length() as usize].into())
        };
        let payload = encode(lengths.iter().map(record).collect());
        payload.into_iter().flatten().collect()
    }

    proptest! {
        #[test]
        fn an_index_tells_where_each_record_stands(
            lengths in prop::collection::vec(0..3000_u64, 0..20),
            flipped in any::<prop::sample::Index>(),
        ) {
            let pack = pack(&lengths);
            let size = pack.len() as u64;
            let range = index_range(size);
            let end = &pack[range.start as usize..];
            let index = Index::decode(Stamp::from_bits(7), size, end);
            let index = index.map_err(|damage| damage.what).unwrap();
            prop_assert_eq!(index.members.len(), lengths.len());
            let (mut at, mut offset) = (0, 4096);
            for (member, octets) in index.members.iter().zip(&lengths) {
                prop_assert_eq!((member.at, member.header.octets), (at, *octets));
                prop_assert_eq!(index.find(offset as u32).map(|m| m.at), Some(at));
                at += member.header.length();
                offset += member.header.length();
            }
            let (length, mut damaged) = (lengths.len() * 64 + TAIL, pack.to_vec());
            let octet = pack.len() - length + flipped.index(length);
            damaged[octet] ^= 1;
            prop_assert!(Index::decode(Stamp::from_bits(7), size, &damaged).is_err());
        }

        #[test]
        fn any_octets_are_an_index_or_damage(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Index::decode(Stamp::from_bits(7), 300, &octets).is_err());
        }
    }
}
