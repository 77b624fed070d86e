//! The record: how one content stands in a file or an object.
//!
//! ```text
//! header     64 octets, numbers little-endian
//! octets     blocks of 64 KiB, the last one shorter, each with its CRC-32
//! trailer    the same
//! padding    zeros to a multiple of 8
//!
//! header:    0 magic · 8 stamp of the file · 24 offset in it · 32 octets
//!            40 stored at (ms) · 48 length of trailer · 52 start of the batch
//!            56 CRC-32 of all that · 60 state
//! ```
//!
//! The stamp is random and known to nobody outside, so octets that imitate a
//! record are never taken for one. Only the state ever changes.

use std::path::Path;

use bytes::Bytes;
use message::Timestamp;

use crate::name::Stamp;
use crate::{Error, Trailer};

pub(crate) const MAGIC: &[u8; 8] = b"ROHRREC1";
pub(crate) const HEADER: u64 = 64;
pub(crate) const ALIGNMENT: u64 = 8;
/// The octets that one checksum covers at most.
pub(crate) const BLOCK: u64 = crate::CHUNK as u64;

/// Contents up to this length share a segment.
pub(crate) const PACKED: u64 = 128 * 1024;
/// The longest record of a segment: two full blocks and the longest trailer,
/// with generous room for header and checksums.
pub(crate) const PACKED_RECORD: u32 = PACKED as u32 + Trailer::MAX as u32 + 4096;

const CHECKSUM: u64 = 4;
const CHECKSUM_AT: usize = 56;
const STATE_AT: usize = 60;
/// Lengths above this are damage, so that sums of lengths cannot overflow.
const MAX_OCTETS: u64 = 1 << 40;

/// What does not hold, and where, from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) offset: u64,
    pub(crate) what: &'static str,
}

impl Damage {
    /// The error of a file that is damaged so.
    pub(crate) fn of(self, file: &Path) -> Error {
        Error::Corrupt {
            file: file.to_owned(),
            offset: self.offset,
            what: self.what,
        }
    }
}

/// Whether a record still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    Dead,
}

impl State {
    pub(crate) const fn mark(self) -> &'static [u8; 4] {
        match self {
            Self::Live => b"LIVE",
            Self::Dead => b"DEAD",
        }
    }
}

/// Where in a file the state of the record at `offset` stands.
pub(crate) const fn state_at(offset: u64) -> u64 {
    offset + STATE_AT as u64
}

/// What a record's header says, but for its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) stamp: Stamp,
    /// Where the record begins in its file.
    pub(crate) offset: u64,
    /// Where the batch begins that was made durable with it.
    pub(crate) batch: u32,
    pub(crate) octets: u64,
    pub(crate) trailer: u32,
    pub(crate) stored_at: Timestamp,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER as usize] {
        let mut encoded = [0; HEADER as usize];
        let mut put = |at: usize, field: &[u8]| encoded[at..][..field.len()].copy_from_slice(field);
        put(0, MAGIC);
        put(8, &self.stamp.bits().to_le_bytes());
        put(24, &self.offset.to_le_bytes());
        put(32, &self.octets.to_le_bytes());
        put(40, &self.stored_at.as_millisecond().to_le_bytes());
        put(48, &self.trailer.to_le_bytes());
        put(52, &self.batch.to_le_bytes());
        put(STATE_AT, State::Live.mark());
        let checksum = crc32fast::hash(&encoded[..CHECKSUM_AT]);
        encoded[CHECKSUM_AT..STATE_AT].copy_from_slice(&checksum.to_le_bytes());
        encoded
    }

    /// Reads the header found at `offset` of the file named `stamp`.
    pub(crate) fn decode(
        encoded: &[u8; HEADER as usize],
        stamp: Stamp,
        offset: u64,
    ) -> Result<(Self, State), Damage> {
        let damage = |what| Err(Damage { offset, what });
        if &field::<8>(encoded, 0) != MAGIC {
            return damage("no record begins here");
        }
        let checksum = u32::from_le_bytes(field(encoded, CHECKSUM_AT));
        if crc32fast::hash(&encoded[..CHECKSUM_AT]) != checksum {
            return damage("the header does not match its checksum");
        }
        let header = Self {
            stamp: Stamp::from_bits(u128::from_le_bytes(field(encoded, 8))),
            offset: u64::from_le_bytes(field(encoded, 24)),
            octets: u64::from_le_bytes(field(encoded, 32)),
            stored_at: Timestamp::from_millisecond(i64::from_le_bytes(field(encoded, 40)))
                .unwrap_or(Timestamp::UNIX_EPOCH),
            trailer: u32::from_le_bytes(field(encoded, 48)),
            batch: u32::from_le_bytes(field(encoded, 52)),
        };
        if (header.stamp, header.offset) != (stamp, offset) {
            return damage("the record belongs elsewhere");
        }
        if header.octets > MAX_OCTETS || header.trailer as usize > Trailer::MAX {
            return damage("the record is longer than any");
        }
        let mark: [u8; 4] = field(encoded, STATE_AT);
        match [State::Live, State::Dead]
            .into_iter()
            .find(|state| state.mark() == &mark)
        {
            Some(state) => Ok((header, state)),
            None => damage("the record has no state"),
        }
    }

    /// Reads the header of a living record of the file named `stamp`, wherever
    /// in it the record was written.
    pub(crate) fn decode_anywhere(
        encoded: &[u8; HEADER as usize],
        stamp: Stamp,
    ) -> Result<Self, Damage> {
        let offset = u64::from_le_bytes(field(encoded, 24));
        Self::decode(encoded, stamp, offset).map(|(header, _)| header)
    }

    /// The length of the whole record.
    pub(crate) fn length(&self) -> u64 {
        let (at, length) = self.trailer_part();
        (at + length).next_multiple_of(ALIGNMENT)
    }

    /// Where in the record the block with this number is, and its length with
    /// checksum.
    pub(crate) fn block(&self, number: u64) -> (u64, u64) {
        let octets = self.octets.saturating_sub(number * BLOCK).min(BLOCK);
        (HEADER + number * (BLOCK + CHECKSUM), octets + CHECKSUM)
    }

    /// Where in the record the trailer's blocks are, and their length.
    pub(crate) fn trailer_part(&self) -> (u64, u64) {
        (
            HEADER + framed(self.octets),
            framed(u64::from(self.trailer)),
        )
    }
}

/// The length of so many octets with their checksums.
pub(crate) const fn framed(octets: u64) -> u64 {
    octets + octets.div_ceil(BLOCK) * CHECKSUM
}

fn field<const N: usize>(encoded: &[u8; HEADER as usize], at: usize) -> [u8; N] {
    std::array::from_fn(|i| encoded[at + i])
}

/// The octets of a block, once its checksum holds; `offset` is where it was read.
pub(crate) fn verified(mut block: Bytes, offset: u64) -> Result<Bytes, Damage> {
    let length = block.len().checked_sub(CHECKSUM as usize);
    let length = length.ok_or(Damage {
        offset,
        what: "the block is too short",
    })?;
    let checksum = block.split_off(length);
    if crc32fast::hash(&block).to_le_bytes() != *checksum {
        return Err(Damage {
            offset,
            what: "a block does not match its checksum",
        });
    }
    Ok(block)
}

/// All of a record that was read at once, verified.
pub(crate) struct Unpacked {
    pub(crate) trailer: Trailer,
    /// The octets.
    pub(crate) blocks: Vec<Bytes>,
}

impl Unpacked {
    /// Takes apart `body`, what follows the header; `offset` is where it was
    /// read.
    pub(crate) fn verify(header: &Header, body: &Bytes, offset: u64) -> Result<Self, Damage> {
        let part = |at: u64, length: u64| {
            let (start, end) = ((at - HEADER) as usize, (at - HEADER + length) as usize);
            let whole = body.len() >= end;
            whole.then(|| body.slice(start..end)).ok_or(Damage {
                offset,
                what: "the record is too short",
            })
        };
        let block = |number| {
            let (at, length) = header.block(number);
            verified(part(at, length)?, offset + at - HEADER)
        };
        let blocks = (0..header.octets.div_ceil(BLOCK)).map(block);
        let blocks = blocks.collect::<Result<_, _>>()?;
        let (at, length) = header.trailer_part();
        let trailer = decode_trailer(part(at, length)?, offset + at - HEADER)?;
        Ok(Self { trailer, blocks })
    }
}

/// The trailer out of its blocks.
pub(crate) fn decode_trailer(mut framed: Bytes, offset: u64) -> Result<Trailer, Damage> {
    let (mut at, mut encoded) = (offset, Vec::with_capacity(framed.len()));
    while !framed.is_empty() {
        let block = framed.split_to(framed.len().min((BLOCK + CHECKSUM) as usize));
        let length = block.len() as u64;
        encoded.extend_from_slice(&verified(block, at)?);
        at += length;
    }
    Trailer::decode(encoded.into()).ok_or(Damage {
        offset,
        what: "the trailer is none",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(octets: u64, trailer: u32) -> Header {
        let stamp = Stamp::from_bits(7);
        let stored_at = Timestamp::from_millisecond(1_795_446_300_123).unwrap();
        Header {
            stamp,
            offset: 4096,
            batch: 1024,
            octets,
            trailer,
            stored_at,
        }
    }

    #[test]
    fn a_header_is_read_as_written_and_only_in_its_place() {
        let header = header(123_456, 789);
        let mut encoded = header.encode();
        let decode = |encoded: &_, stamp, offset| {
            Header::decode(encoded, Stamp::from_bits(stamp), offset).map_err(|damage| damage.what)
        };
        assert_eq!(decode(&encoded, 7, 4096), Ok((header, State::Live)));
        assert_eq!(
            decode(&encoded, 8, 4096),
            Err("the record belongs elsewhere")
        );
        assert_eq!(
            decode(&encoded, 7, 4104),
            Err("the record belongs elsewhere")
        );
        encoded[STATE_AT..].copy_from_slice(State::Dead.mark());
        assert_eq!(decode(&encoded, 7, 4096), Ok((header, State::Dead)));
    }

    proptest! {
        #[test]
        fn any_octets_are_a_record_or_damage(
            octets in prop::collection::vec(any::<u8>(), 0..300),
            encoded in prop::array::uniform32(any::<u8>()),
        ) {
            let mut padded = [0; HEADER as usize];
            padded[..32].copy_from_slice(&encoded);
            prop_assert!(Header::decode(&padded, Stamp::from_bits(0), 0).is_err());
            let octets = Bytes::from(octets);
            prop_assert!(verified(octets.clone(), 0).map_or(true, |b| b.len() + 4 == octets.len()));
            let _ = decode_trailer(octets.clone(), 0);
            let _ = Trailer::decode(octets);
        }
    }
}
