//! What changes of entries, as `functions/mailbox/state.lua` packs it: for each
//! UID six octets of modification sequence, one of IMAP's own flags, two with the
//! number of a set of keywords; 64 UIDs to a block.

use std::collections::HashMap;
use std::sync::Arc;

use super::reply::Blocks;
use crate::mailbox::{EntryState, Flag, Keyword};

/// How many UIDs a block has.
pub(super) const PER_BLOCK: usize = 64;

/// How many octets a state has.
const WIDTH: usize = 9;

/// The highest modification sequence there can be.
pub(super) const MAX_MODSEQ: u64 = (1 << 48) - 1;

/// IMAP's own flags, by their bits.
const OWN: [Flag; 5] = [
    Flag::Seen,
    Flag::Answered,
    Flag::Flagged,
    Flag::Deleted,
    Flag::Draft,
];

/// A state as it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawState {
    pub(super) uid: u32,
    pub(super) modseq: u64,
    pub(super) bits: u8,
    /// The number of a set of keywords; 0 for none.
    pub(super) keywords: u16,
}

/// The block that a UID's state is in.
pub(super) fn block_of(uid: u32) -> u64 {
    u64::from(uid) / PER_BLOCK as u64
}

/// States in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct States(Vec<RawState>);

impl FromIterator<RawState> for States {
    fn from_iter<I: IntoIterator<Item = RawState>>(states: I) -> Self {
        Self(states.into_iter().collect())
    }
}

impl States {
    /// Reads those states of the blocks that are `wanted`.
    pub(super) fn read(&mut self, blocks: &Blocks, wanted: impl Fn(&RawState) -> bool) {
        for (number, octets) in &blocks.0 {
            let first = number * PER_BLOCK as u64;
            let (states, _) = octets.as_chunks::<WIDTH>();
            let states = states.iter().zip(first..);
            let states = states.filter_map(|(octets, uid)| unpacked(uid, octets));
            self.0.extend(states.filter(&wanted));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn truncate(&mut self, limit: usize) {
        self.0.truncate(limit);
    }

    /// Keeps the first `limit` by modification sequence; true if there were more.
    pub(super) fn keep_first_changes(&mut self, limit: usize) -> bool {
        self.0.sort_unstable_by_key(|state| state.modseq);
        let more = self.0.len() > limit;
        self.0.truncate(limit);
        more
    }

    pub(super) fn last_modseq(&self) -> Option<u64> {
        self.0.last().map(|state| state.modseq)
    }

    /// The numbers of all sets of keywords that occur, each once.
    pub(super) fn keyword_sets(&self) -> Vec<u16> {
        let mut numbers: Vec<_> = self.0.iter().map(|state| state.keywords).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|number| *number != 0);
        numbers
    }

    /// The states with their flags, if all sets of keywords can be read. Those
    /// with the same flags share them.
    pub(super) fn flagged(self, numbers: &[u16], sets: &[String]) -> Option<Vec<EntryState>> {
        let sets: HashMap<_, _> = numbers.iter().zip(sets).collect();
        let mut known: HashMap<(u8, u16), Arc<[Flag]>> = HashMap::new();
        let states = self.0.into_iter().map(|state| {
            let packed = (state.bits, state.keywords);
            let flags = match known.get(&packed) {
                Some(flags) => flags.clone(),
                None => {
                    let set = sets.get(&state.keywords).map_or("", |set| set.as_str());
                    let flags: Arc<[Flag]> = unpacked_flags(state.bits, set)?.into();
                    known.insert(packed, flags.clone());
                    flags
                }
            };
            Some(EntryState {
                uid: state.uid,
                modseq: state.modseq,
                flags,
            })
        });
        states.collect()
    }
}

fn unpacked(uid: u64, octets: &[u8; WIDTH]) -> Option<RawState> {
    let [m0, m1, m2, m3, m4, m5, bits, k0, k1] = *octets;
    let modseq = u64::from_be_bytes([0, 0, m0, m1, m2, m3, m4, m5]);
    (modseq > 0).then_some(RawState {
        uid: u32::try_from(uid).ok()?,
        modseq,
        bits,
        keywords: u16::from_be_bytes([k0, k1]),
    })
}

/// Flags as the functions take them: a bit for each of IMAP's own, and the
/// keywords in order, each once, parted by spaces.
pub(super) fn packed_flags(flags: &[Flag]) -> (u8, String) {
    let mut bits = 0;
    let mut keywords: Vec<&Keyword> = Vec::new();
    for flag in flags {
        match flag {
            Flag::Seen => bits |= 1,
            Flag::Answered => bits |= 2,
            Flag::Flagged => bits |= 4,
            Flag::Deleted => bits |= 8,
            Flag::Draft => bits |= 16,
            Flag::Keyword(keyword) => keywords.push(keyword),
        }
    }
    keywords.sort();
    keywords.dedup();
    let keywords: Vec<_> = keywords.into_iter().map(Keyword::as_str).collect();
    (bits, keywords.join(" "))
}

fn unpacked_flags(bits: u8, keywords: &str) -> Option<Vec<Flag>> {
    let own = OWN.into_iter().enumerate();
    let own = own.filter_map(|(bit, flag)| (bits & 1 << bit != 0).then_some(Some(flag)));
    let keywords = keywords.split_ascii_whitespace();
    let keywords = keywords.map(|keyword| keyword.parse().ok().map(Flag::Keyword));
    own.chain(keywords).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_survive_octets() {
        let keyword = |text: &str| Flag::Keyword(text.parse().unwrap());
        for flags in [
            vec![],
            vec![Flag::Seen, Flag::Draft],
            vec![keyword("$a"), keyword("b")],
            vec![Flag::Answered, Flag::Flagged, Flag::Deleted, keyword("c")],
        ] {
            let (bits, keywords) = packed_flags(&flags);
            assert_eq!(unpacked_flags(bits, &keywords), Some(flags));
        }
        let (bits, keywords) =
            packed_flags(&[keyword("b"), Flag::Seen, keyword("A"), keyword("B")]);
        assert_eq!((bits, keywords.as_str()), (1, "A b"));
    }

    #[test]
    fn blocks_are_read_by_uid_and_by_change() {
        let mut octets = vec![0; WIDTH * PER_BLOCK];
        octets[WIDTH..WIDTH * 2].copy_from_slice(&[0, 0, 0, 0, 1, 2, 1, 0, 0]);
        octets[WIDTH * 3..WIDTH * 4].copy_from_slice(&[0, 0, 0, 0, 0, 9, 0, 0, 1]);
        let mut states = States::default();
        states.read(&Blocks(vec![(2, octets)]), |_| true);
        assert_eq!(states.keyword_sets(), [1]);
        let uids: Vec<_> = states
            .0
            .iter()
            .map(|state| (state.uid, state.modseq))
            .collect();
        assert_eq!(uids, [(129, 258), (131, 9)]);
        assert!(states.keep_first_changes(1));
        assert_eq!(states.last_modseq(), Some(9));
        let flagged = states.flagged(&[1], &["$x".to_owned()]).unwrap();
        assert_eq!(*flagged[0].flags, [Flag::Keyword("$x".parse().unwrap())]);
    }
}
