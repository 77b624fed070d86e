//! A selected mailbox as its client knows it: which message has which number.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use imap::Messages;
use store::mailbox::{MailboxChanges, MailboxId};

use super::answer::Answer;

/// What a session holds of its mailbox: 4 octets for each message.
pub(super) struct View {
    pub(super) mailbox: MailboxId,
    pub(super) read_only: bool,
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
    /// All changes up to this one are known.
    pub(super) modseq: u64,
    /// The UIDs, rising: that of message `n` is at `n - 1`.
    pub(super) uids: Vec<u32>,
    /// UIDs of messages that are gone, and of which the client does not know yet.
    pub(super) gone: Vec<u32>,
    /// Our own changes, of which the client knows: UIDs and what they came to.
    pub(super) own: HashMap<u32, u64>,
    /// The result that `$` stands for; rising.
    pub(super) saved: Vec<u32>,
    pub(super) changes: MailboxChanges,
    /// There may be news.
    pub(super) dirty: bool,
}

impl View {
    /// How many messages the client knows of.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.uids.len()).unwrap_or(u32::MAX)
    }

    /// The number of a message.
    pub(super) fn number(&self, uid: u32) -> Option<u32> {
        let at = self.uids.binary_search(&uid).ok()?;
        u32::try_from(at + 1).ok()
    }

    /// What a command calls a message: its number, or its UID.
    pub(super) fn name(&self, uid: u32, by_uid: bool) -> Option<u32> {
        match by_uid {
            true => Some(uid),
            false => self.number(uid),
        }
    }

    /// The UIDs of the messages meant, rising. Numbers that are not there are a
    /// mistake; UIDs that are not are none (RFC 9051 §6.4.9).
    pub(super) fn resolve(&self, messages: &Messages, by_uid: bool) -> Result<Vec<u32>, Answer> {
        match messages {
            Messages::Saved => Ok(self.saved.clone()),
            Messages::Set(set) if by_uid => {
                let last = self.uids.last().copied().unwrap_or(0);
                let ranges = set.ranges(last);
                let found = ranges.into_iter().flat_map(|range| self.within(range));
                Ok(found.copied().collect())
            }
            Messages::Set(set) => {
                let ranges = set.ranges(self.count());
                let last = ranges.last().map_or(0, |range| *range.end());
                if last > self.count() || ranges.is_empty() {
                    return Err(Answer::bad("There is no message of that number"));
                }
                let found = ranges.into_iter().flat_map(|range| {
                    &self.uids[*range.start() as usize - 1..*range.end() as usize]
                });
                Ok(found.copied().collect())
            }
        }
    }

    /// The UIDs in a range.
    pub(super) fn within(&self, range: RangeInclusive<u32>) -> &[u32] {
        let start = self.uids.partition_point(|uid| uid < range.start());
        let end = self.uids.partition_point(|uid| uid <= range.end());
        &self.uids[start..end]
    }

    /// Forgets messages, whose UIDs rise.
    pub(super) fn remove(&mut self, uids: &[u32]) {
        let is_gone = |uid: &u32| uids.binary_search(uid).is_ok();
        self.uids.retain(|uid| !is_gone(uid));
        self.saved.retain(|uid| !is_gone(uid));
        self.own.retain(|uid, _| !is_gone(uid));
    }
}
