//! What never changes of an entry, as `functions/mailbox/desk.lua` keeps it.
//!
//! The rest, which only stands here, is the delivery (a length, then 16 octets
//! or none) and the prefix, whose ever same words are single octets.

use message::{ContentId, MessageId, Timestamp};
use redis::{RedisWrite, ToRedisArgs};

use super::content;
use super::state::packed_flags;
use crate::StoreError;
use crate::mailbox::{EntryState, MailboxEntry, Measure, NewEntry, Vanished, sorted};

/// The words of prefixes, each as the octet of its place, from 1; prefixes have
/// no control characters but those of line ends.
const WORDS: [&str; 5] = [
    ">\r\nDelivered-To: ",
    "Return-Path: <",
    "Delivered-To: ",
    ">\r\n",
    "\r\n",
];

/// What stands before a prefix that is kept as it is, and before a shortened one.
const VERBATIM: u8 = 0;
const SHORTENED: u8 = 1;

/// A new entry as the functions take it.
pub(super) struct EntryArguments {
    content: ContentId,
    size: u64,
    date: [u8; 8],
    rest: Vec<u8>,
    bits: u8,
    keywords: String,
}

impl EntryArguments {
    pub(super) fn of(entry: NewEntry) -> Result<Self, StoreError> {
        let NewEntry {
            delivery,
            content,
            prefix,
            size,
            internal_date,
            flags,
        } = entry;
        if prefix.len() > NewEntry::MAX_PREFIX {
            let misuse = format!("a prefix of {} octets", prefix.len());
            return Err(StoreError::Misused(misuse));
        }
        let flags = sorted(flags).ok_or_else(|| StoreError::Misused("too many keywords".into()))?;
        let (bits, keywords) = packed_flags(&flags);
        Ok(Self {
            content,
            size,
            date: internal_date.as_microsecond().to_be_bytes(),
            rest: packed_rest(delivery, &prefix),
            bits,
            keywords,
        })
    }
}

impl ToRedisArgs for EntryArguments {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        out.write_arg(&content::packed(&self.content));
        out.write_arg(self.size.to_string().as_bytes());
        out.write_arg(&self.date);
        out.write_arg(&self.rest);
        out.write_arg(self.bits.to_string().as_bytes());
        out.write_arg(self.keywords.as_bytes());
    }
}

impl redis::ToSingleRedisArg for EntryArguments {}

/// An entry without what changes of it.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    content: ContentId,
    size: u64,
    internal_date: Timestamp,
    saved: Timestamp,
    delivery: Option<MessageId>,
    prefix: String,
}

impl Row {
    /// What an entry's octets say, if they are one's.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let (&length, octets) = octets.split_first()?;
        let (id, octets) = octets.split_at_checked(length.into())?;
        let (measure, octets) = octets.split_at_checked(MEASURE)?;
        let Measure {
            size,
            internal_date,
            saved,
            uid: _,
        } = measure_of(0, measure)?;
        let (&length, octets) = octets.split_first()?;
        let (delivery, prefix) = octets.split_at_checked(length.into())?;
        let delivery = match delivery {
            [] => None,
            bits => Some(MessageId::from_bits(u128::from_be_bytes(
                bits.try_into().ok()?,
            ))),
        };
        Some(Self {
            content: content::unpacked(id)?,
            size,
            internal_date,
            saved,
            delivery,
            prefix: unpacked_prefix(prefix)?,
        })
    }

    pub(super) fn with(self, state: EntryState) -> MailboxEntry {
        MailboxEntry {
            uid: state.uid,
            modseq: state.modseq,
            delivery: self.delivery,
            content: self.content,
            prefix: self.prefix,
            size: self.size,
            internal_date: self.internal_date,
            saved: self.saved,
            flags: state.flags.to_vec(),
        }
    }
}

/// Size (6 octets), internal date (8) and time of saving (7).
const MEASURE: usize = 21;

/// What an entry is searched by, from its octets.
pub(super) fn measure(uid: u32, octets: &[u8]) -> Option<Measure> {
    measure_of(uid, octets)
}

fn measure_of(uid: u32, octets: &[u8]) -> Option<Measure> {
    let (size, octets) = octets.split_first_chunk::<6>()?;
    let (date, saved) = octets.split_first_chunk::<8>()?;
    let saved: &[u8; 7] = saved.try_into().ok()?;
    let mut wide = [[0; 8]; 2];
    wide[0][2..].copy_from_slice(size);
    wide[1][1..].copy_from_slice(saved);
    let time = |microseconds| Timestamp::from_microsecond(microseconds).ok();
    Some(Measure {
        uid,
        size: u64::from_be_bytes(wide[0]),
        internal_date: time(i64::from_be_bytes(*date))?,
        saved: time(i64::from_be_bytes(wide[1]))?,
    })
}

fn packed_rest(delivery: Option<MessageId>, prefix: &str) -> Vec<u8> {
    let mut rest = Vec::with_capacity(18 + prefix.len());
    match delivery {
        None => rest.push(0),
        Some(message) => {
            let bits = message.bits().to_be_bytes();
            rest.push(bits.len() as u8);
            rest.extend_from_slice(&bits);
        }
    }
    if prefix.bytes().any(|octet| (1..=5).contains(&octet)) {
        rest.push(VERBATIM);
        rest.extend_from_slice(prefix.as_bytes());
        return rest;
    }
    rest.push(SHORTENED);
    let mut left = prefix;
    while let Some(next) = left.chars().next() {
        let word = WORDS
            .iter()
            .zip(1..)
            .find(|(word, _)| left.starts_with(**word));
        match word {
            Some((word, octet)) => {
                rest.push(octet);
                left = &left[word.len()..];
            }
            None => {
                let (letter, behind) = left.split_at(next.len_utf8());
                rest.extend_from_slice(letter.as_bytes());
                left = behind;
            }
        }
    }
    rest
}

fn unpacked_prefix(octets: &[u8]) -> Option<String> {
    let (&form, octets) = octets.split_first()?;
    if form == VERBATIM {
        return String::from_utf8(octets.to_vec()).ok();
    }
    let mut prefix = Vec::with_capacity(octets.len() + 40);
    for &octet in octets {
        let word = usize::from(octet)
            .checked_sub(1)
            .and_then(|at| WORDS.get(at));
        match word {
            Some(word) => prefix.extend_from_slice(word.as_bytes()),
            None => prefix.push(octet),
        }
    }
    String::from_utf8(prefix).ok()
}

/// The UIDs in a log of what vanished, ascending.
pub(super) fn vanished(log: &[Vec<u8>]) -> Vanished {
    let uids = log.iter().flat_map(|row| row.as_chunks::<4>().0);
    let mut uids: Vec<_> = uids.map(|uid| u32::from_be_bytes(*uid)).collect();
    uids.sort_unstable();
    Vanished::Uids(uids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_survive_octets_and_become_shorter() {
        let usual = "Return-Path: <a@example.net>\r\nDelivered-To: b@example.org\r\n";
        for prefix in ["", usual, "X: \u{1}\r\n", "Return-Path: <ä@b>", "\r\n>\r\n"] {
            for delivery in [None, Some(MessageId::from_bits(7))] {
                let rest = packed_rest(delivery, prefix);
                let start = usize::from(rest[0]) + 1;
                assert_eq!(unpacked_prefix(&rest[start..]).as_deref(), Some(prefix));
            }
        }
        // Length and form, the two addresses, and three words of an octet each.
        assert_eq!(packed_rest(None, usual).len(), 2 + 13 + 13 + 3);
    }
}
