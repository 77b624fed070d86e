//! Entries as rows: what never changes of one, and what does.
//!
//! The second is small, so that a flag is set by writing a few octets, and a
//! mailbox of 100,000 entries is selected by reading a few megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use message::{AccountId, ContentId, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::engine::Read;
use super::super::key::{Key, KeyReader, Space};
use super::record::of_account;
use crate::StoreError;
use crate::mailbox::{EntryState, Flag, MailboxEntry, Measure};

/// The rows of one kind that stand on a shelf.
pub(super) fn on_shelf(space: Space, account: AccountId, shelf: u32) -> Key {
    of_account(space, account).u32(shelf)
}

pub(super) fn entry_key(account: AccountId, shelf: u32, uid: u32) -> Key {
    on_shelf(Space::MailboxEntry, account, shelf).u32(uid)
}

pub(super) fn state_key(account: AccountId, shelf: u32, uid: u32) -> Key {
    on_shelf(Space::EntryState, account, shelf).u32(uid)
}

pub(super) fn change_key(account: AccountId, shelf: u32, modseq: u64) -> Key {
    on_shelf(Space::EntryChange, account, shelf).u64(modseq)
}

pub(super) fn vanished_key(account: AccountId, shelf: u32, modseq: u64) -> Key {
    on_shelf(Space::Vanished, account, shelf).u64(modseq)
}

/// The shelf in the key of any of its rows.
pub(super) fn shelf_in(key: &[u8]) -> Result<u32, StoreError> {
    let mut parts = KeyReader::new(key);
    let _account = parts.u64()?;
    parts.u32()
}

/// The UID in the key of an entry or of its state.
pub(super) fn uid_in(key: &[u8]) -> Result<u32, StoreError> {
    let mut parts = KeyReader::new(key);
    let _account = parts.u64()?;
    let _shelf = parts.u32()?;
    parts.u32()
}

/// The modification sequence in the key of a change or of what vanished.
pub(super) fn modseq_in(key: &[u8]) -> Result<u64, StoreError> {
    let mut parts = KeyReader::new(key);
    let _account = parts.u64()?;
    let _shelf = parts.u32()?;
    parts.u64()
}

/// What never changes of an entry.
#[derive(Serialize, Deserialize)]
pub(super) struct Fixed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<MessageId>,
    pub(super) content: ContentId,
    pub(super) prefix: String,
    pub(super) size: u64,
    pub(super) internal_date: Timestamp,
    pub(super) saved: Timestamp,
}

impl Fixed {
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

    pub(super) fn measure(&self, uid: u32) -> Measure {
        Measure {
            uid,
            size: self.size,
            internal_date: self.internal_date,
            saved: self.saved,
        }
    }
}

/// A state as octets: the modification sequence, a bit for each of IMAP's own
/// flags, and the keywords, parted by spaces.
pub(super) fn encode(modseq: u64, flags: &[Flag]) -> Vec<u8> {
    let mut octets = modseq.to_be_bytes().to_vec();
    octets.push(0);
    for flag in flags {
        let bit = match flag {
            Flag::Keyword(keyword) => {
                if octets.len() > 9 {
                    octets.push(b' ');
                }
                octets.extend_from_slice(keyword.as_str().as_bytes());
                continue;
            }
            Flag::Seen => 1,
            Flag::Answered => 2,
            Flag::Flagged => 4,
            Flag::Deleted => 8,
            Flag::Draft => 16,
        };
        octets[8] |= bit;
    }
    octets
}

/// Reads states, and keeps flags that several of them have only once.
#[derive(Default)]
pub(super) struct States(HashMap<Vec<u8>, Arc<[Flag]>>);

impl States {
    pub(super) fn decode(&mut self, key: &[u8], value: &[u8]) -> Result<EntryState, StoreError> {
        let broken = || super::corrupt(key, "no state of an entry");
        let (modseq, flags) = value.split_first_chunk().ok_or_else(broken)?;
        let flags = match self.0.get(flags) {
            Some(known) => known.clone(),
            None => {
                let read: Arc<[Flag]> = read_flags(flags).ok_or_else(broken)?.into();
                self.0.insert(flags.to_vec(), read.clone());
                read
            }
        };
        Ok(EntryState {
            uid: uid_in(key)?,
            modseq: u64::from_be_bytes(*modseq),
            flags,
        })
    }

    /// The state of one entry.
    pub(super) fn of(
        &mut self,
        read: &impl Read,
        account: AccountId,
        shelf: u32,
        uid: u32,
    ) -> Result<Option<EntryState>, StoreError> {
        let key = state_key(account, shelf, uid);
        let value = read.get(&key)?;
        value
            .map(|value| self.decode(key.as_bytes(), &value))
            .transpose()
    }
}

fn read_flags(octets: &[u8]) -> Option<Vec<Flag>> {
    const OWN: [Flag; 5] = [
        Flag::Seen,
        Flag::Answered,
        Flag::Flagged,
        Flag::Deleted,
        Flag::Draft,
    ];
    let (bits, keywords) = octets.split_first()?;
    let own = OWN.into_iter().enumerate();
    let mut flags: Vec<_> = own
        .filter_map(|(bit, flag)| (bits & 1 << bit != 0).then_some(flag))
        .collect();
    let keywords = std::str::from_utf8(keywords).ok()?;
    for keyword in keywords.split(' ').filter(|keyword| !keyword.is_empty()) {
        flags.push(Flag::Keyword(keyword.parse().ok()?));
    }
    Some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_survive_octets() {
        let account = AccountId::from_bits(7);
        let key = state_key(account, 3, 42);
        let keyword = |text: &str| Flag::Keyword(text.parse().unwrap());
        let mut states = States::default();
        for flags in [
            vec![],
            vec![Flag::Seen, Flag::Draft],
            vec![keyword("$a"), keyword("b")],
            vec![Flag::Answered, Flag::Flagged, Flag::Deleted, keyword("c")],
        ] {
            let state = states.decode(key.as_bytes(), &encode(9, &flags)).unwrap();
            assert_eq!((state.uid, state.modseq), (42, 9));
            assert_eq!(*state.flags, *flags);
        }
        let refused = states.decode(key.as_bytes(), b"short");
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })));
    }
}
