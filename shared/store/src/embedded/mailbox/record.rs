//! The records of accounts and mailboxes: their counters and counts.

use message::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::engine::{Read, Step, from_json};
use super::super::key::{Key, KeyReader, Space};
use crate::StoreError;
use crate::mailbox::{Flag, MailboxEntry, MailboxInfo, MailboxName, Role, STANDARD, Usage};

pub(super) fn account_key(account: AccountId) -> Key {
    Key::new(Space::MailboxAccount).u64(account.bits())
}

pub(super) fn mailbox_prefix(account: AccountId) -> Key {
    Key::new(Space::Mailbox).u64(account.bits())
}

pub(super) fn mailbox_key(account: AccountId, name: &MailboxName) -> Key {
    mailbox_prefix(account).text(name.as_str())
}

pub(super) fn account_entries(account: AccountId) -> Key {
    Key::new(Space::MailboxEntry).u64(account.bits())
}

/// Entries stand under their mailbox's number, which a new name does not change.
pub(super) fn entry_prefix(account: AccountId, number: u32) -> Key {
    account_entries(account).u32(number)
}

pub(super) fn entry_key(account: AccountId, number: u32, uid: u32) -> Key {
    entry_prefix(account, number).u32(uid)
}

/// What is common to an account's mailboxes.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct AccountRecord {
    /// The last modification sequence given: one series for the account, so
    /// that it orders changes across mailboxes too.
    pub(super) modseq: u64,
    /// The last UIDVALIDITY given.
    uid_validity: u32,
    /// The last mailbox number given.
    number: u32,
    pub(super) usage: Usage,
    /// The account is gone for good, and may still be being emptied.
    #[serde(default)]
    pub(super) removed: bool,
}

impl AccountRecord {
    /// The account as it stands, unless it is removed or was never used.
    pub(super) fn find(read: &impl Read, account: AccountId) -> Result<Option<Self>, StoreError> {
        let record = read.get_json::<Self>(&account_key(account))?;
        Ok(record.filter(|record| !record.removed))
    }

    /// The account, with its standard mailboxes from now on; `None` once it is
    /// removed.
    pub(super) fn open(
        step: &mut Step<'_>,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        if let Some(record) = step.get_json::<Self>(&account_key(account))? {
            return Ok((!record.removed).then_some(record));
        }
        let mut record = Self::default();
        for (name, role) in STANDARD {
            let mailbox = MailboxRecord {
                number: record.next_number(),
                role: Some(role),
                uid_validity: record.next_uid_validity(now),
                uid_next: 1,
                messages: 0,
                unseen: 0,
                octets: 0,
                highest_modseq: record.next_modseq(),
            };
            step.put_json(mailbox_prefix(account).text(name), &mailbox)?;
        }
        step.put_json(account_key(account), &record)?;
        Ok(Some(record))
    }

    pub(super) fn next_modseq(&mut self) -> u64 {
        self.modseq += 1;
        self.modseq
    }

    fn next_number(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    /// The time in seconds, or more where that was given already: never the
    /// same twice, even if the clock is set back (RFC 9051 §2.3.1.1).
    fn next_uid_validity(&mut self, now: Timestamp) -> u32 {
        let seconds = u32::try_from(now.as_second()).unwrap_or_default();
        self.uid_validity = seconds.max(self.uid_validity.saturating_add(1));
        self.uid_validity
    }
}

/// A mailbox; its name is in its key.
#[derive(Serialize, Deserialize)]
pub(super) struct MailboxRecord {
    pub(super) number: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    pub(super) uid_validity: u32,
    uid_next: u32,
    messages: u64,
    unseen: u64,
    octets: u64,
    pub(super) highest_modseq: u64,
}

impl MailboxRecord {
    pub(super) fn find(
        read: &impl Read,
        account: AccountId,
        name: &MailboxName,
    ) -> Result<Option<Self>, StoreError> {
        read.get_json(&mailbox_key(account, name))
    }

    /// The UID of a new entry; there is an end to them.
    pub(super) fn next_uid(&mut self) -> Result<u32, StoreError> {
        let uid = self.uid_next;
        self.uid_next = uid
            .checked_add(1)
            .ok_or_else(|| StoreError::Full("the mailbox has used up its UIDs".into()))?;
        Ok(uid)
    }

    /// Counts an entry in, here and for the account.
    pub(super) fn gain(&mut self, usage: &mut Usage, entry: &MailboxEntry) {
        self.messages += 1;
        self.unseen += u64::from(is_unseen(entry));
        self.octets += entry.size;
        usage.messages += 1;
        usage.octets += entry.size;
        self.highest_modseq = entry.modseq;
    }

    /// Counts an entry out.
    pub(super) fn lose(&mut self, usage: &mut Usage, entry: &MailboxEntry) {
        let less = |count: &mut u64, by: u64| *count = count.saturating_sub(by);
        less(&mut self.messages, 1);
        less(&mut self.unseen, u64::from(is_unseen(entry)));
        less(&mut self.octets, entry.size);
        less(&mut usage.messages, 1);
        less(&mut usage.octets, entry.size);
    }

    fn info(self, name: MailboxName) -> MailboxInfo {
        MailboxInfo {
            name,
            role: self.role,
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            messages: self.messages,
            unseen: self.unseen,
            octets: self.octets,
            highest_modseq: self.highest_modseq,
        }
    }
}

fn is_unseen(entry: &MailboxEntry) -> bool {
    !entry.flags.contains(&Flag::Seen)
}

/// The number of a mailbox that is there.
pub(super) fn number(
    read: &impl Read,
    account: AccountId,
    name: &MailboxName,
) -> Result<Option<u32>, StoreError> {
    if AccountRecord::find(read, account)?.is_none() {
        return Ok(None);
    }
    Ok(MailboxRecord::find(read, account, name)?.map(|mailbox| mailbox.number))
}

/// All mailboxes of an account, by name.
pub(super) fn mailboxes(
    read: &impl Read,
    account: AccountId,
) -> Result<Vec<MailboxInfo>, StoreError> {
    let mut mailboxes = Vec::new();
    if AccountRecord::find(read, account)?.is_some() {
        read.scan(&mailbox_prefix(account), None, &mut |key, value| {
            let mailbox = from_json::<MailboxRecord>(key, value)?;
            mailboxes.push(mailbox.info(name_in(key)?));
            Ok(true)
        })?;
    }
    Ok(mailboxes)
}

/// The name that a mailbox's key holds.
pub(super) fn name_in(key: &[u8]) -> Result<MailboxName, StoreError> {
    let mut parts = KeyReader::new(key);
    let _account = parts.u64()?;
    parts
        .text()?
        .parse()
        .map_err(|error| super::corrupt(key, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_validity_is_never_given_twice() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut record = AccountRecord::default();
        let given = [at(100), at(100), at(50), at(-1), at(200), at(1 << 33)]
            .map(|now| record.next_uid_validity(now));
        assert_eq!(given, [100, 101, 102, 103, 200, 201]);
    }
}
