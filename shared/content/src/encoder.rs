//! Building a [`record`](crate::record) while octets arrive.

use crate::record::{ALIGNMENT, BLOCK, HEADER, framed};

/// Builds a record while octets arrive.
pub(crate) struct Encoder {
    /// Starts with room for the header.
    record: Vec<u8>,
    /// How much of `record` is complete: the rest is the open block.
    complete: usize,
    octets: u64,
}

/// A record, or the end of one, that lacks only its header.
pub(crate) struct Unheaded {
    /// With room for the header, unless the beginning was taken before.
    pub(crate) record: Vec<u8>,
    pub(crate) octets: u64,
    pub(crate) trailer: u32,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self {
            record: vec![0; HEADER as usize],
            complete: HEADER as usize,
            octets: 0,
        }
    }

    /// The number of octets appended so far.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.frame(octets);
        self.octets += octets.len() as u64;
    }

    /// Whether a block is complete that was not yet taken.
    pub(crate) fn has_complete(&self) -> bool {
        self.complete > 0
    }

    /// Takes what is complete so far, so that it can be written.
    pub(crate) fn take_complete(&mut self) -> Vec<u8> {
        let open = self.record.split_off(self.complete);
        self.complete = 0;
        std::mem::replace(&mut self.record, open)
    }

    /// Appends an encoded trailer and the padding.
    pub(crate) fn finish(mut self, trailer: &[u8]) -> Unheaded {
        self.close_block();
        self.frame(trailer);
        self.close_block();
        let length = HEADER + framed(self.octets) + framed(trailer.len() as u64);
        let padding = length.next_multiple_of(ALIGNMENT) - length;
        self.record.resize(self.record.len() + padding as usize, 0);
        Unheaded {
            record: self.record,
            octets: self.octets,
            trailer: trailer.len() as u32,
        }
    }

    fn frame(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            let room = BLOCK as usize - (self.record.len() - self.complete);
            let (now, later) = octets.split_at(octets.len().min(room));
            self.record.extend_from_slice(now);
            if now.len() == room {
                self.close_block();
            }
            octets = later;
        }
    }

    fn close_block(&mut self) {
        if self.record.len() > self.complete {
            let checksum = crc32fast::hash(&self.record[self.complete..]);
            self.record.extend_from_slice(&checksum.to_le_bytes());
            self.complete = self.record.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use message::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::name::Stamp;
    use crate::record::{Header, verified};

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

    proptest! {
        #[test]
        fn a_record_holds_what_was_pushed(
            pieces in prop::collection::vec((any::<u8>(), 0..90_000_usize), 0..6),
            trailer in 0..150_000_usize,
            spills in any::<bool>(),
        ) {
            let (mut encoder, mut octets, mut record) = (Encoder::new(), Vec::new(), Vec::new());
            for (octet, length) in pieces {
                let piece = vec![octet; length];
                encoder.push(&piece);
                octets.extend(piece);
                if spills {
                    record.extend(encoder.take_complete());
                }
            }
            let end = encoder.finish(&vec![b't'; trailer]);
            record.extend(&end.record);
            let header = header(end.octets, end.trailer);
            prop_assert_eq!(record.len() as u64, header.length());
            prop_assert_eq!(end.octets, octets.len() as u64);
            for (number, expected) in octets.chunks(BLOCK as usize).enumerate() {
                let (at, length) = header.block(number as u64);
                let block = Bytes::copy_from_slice(&record[at as usize..][..length as usize]);
                prop_assert!(verified(block, at).is_ok_and(|block| block == expected));
            }
        }
    }
}
