//! The records of accounts and mailboxes: their counters and counts.

use message::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::engine::{Read, Step, from_json};
use super::super::key::{Key, KeyReader, Space};
use crate::StoreError;
use crate::mailbox::{MailboxId, MailboxInfo, MailboxName, Role, STANDARD, Usage};

pub(super) fn account_key(account: AccountId) -> Key {
    of_account(Space::MailboxAccount, account)
}

pub(super) fn of_account(space: Space, account: AccountId) -> Key {
    Key::new(space).u64(account.bits())
}

pub(super) fn mailbox_key(account: AccountId, mailbox: MailboxId) -> Key {
    of_account(Space::Mailbox, account).u32(mailbox.number())
}

pub(super) fn name_key(account: AccountId, name: &MailboxName) -> Key {
    of_account(Space::MailboxName, account).text(name.as_str())
}

/// The names that stand below `name`.
pub(super) fn names_below(account: AccountId, name: &MailboxName) -> Key {
    let below = of_account(Space::MailboxName, account).raw(name.as_str().as_bytes());
    below.raw(b"/")
}

pub(super) fn subscription_key(account: AccountId, name: &MailboxName) -> Key {
    of_account(Space::Subscription, account).text(name.as_str())
}

/// The name that the key of a name or a subscription holds.
pub(super) fn name_in(key: &[u8]) -> Result<MailboxName, StoreError> {
    let mut parts = KeyReader::new(key);
    let _account = parts.u64()?;
    let name = parts.text()?.parse();
    name.map_err(|error| super::corrupt(key, error))
}

/// The id that a mailbox's key holds.
pub(super) fn id_in(key: &[u8]) -> Result<MailboxId, StoreError> {
    let mut parts = KeyReader::new(key);
    let _account = parts.u64()?;
    Ok(MailboxId::from_number(parts.u32()?))
}

/// What is common to an account's mailboxes.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct AccountRecord {
    /// The last modification sequence given: one series for the account, so
    /// that it orders changes across mailboxes too.
    pub(super) modseq: u64,
    /// The last UIDVALIDITY given.
    uid_validity: u32,
    /// The last id of a mailbox given.
    mailbox: u32,
    /// How many mailboxes there are.
    pub(super) mailboxes: usize,
    /// The last number of a shelf given.
    shelf: u32,
    pub(super) usage: Usage,
    /// The account is gone for good, and may still be being emptied.
    #[serde(default)]
    pub(super) removed: bool,
    /// The store's epoch for which the numbers have jumped.
    #[serde(default)]
    pub(super) epoch: u64,
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
            let name: MailboxName =
                name.parse()
                    .map_err(|error: crate::mailbox::MailboxNameError| {
                        StoreError::Misused(error.to_string())
                    })?;
            step.put(subscription_key(account, &name), Vec::new());
            let mailbox = record.new_mailbox(name, Some(role), now);
            mailbox.put_new(step, account)?;
        }
        step.put_json(account_key(account), &record)?;
        Ok(Some(record))
    }

    pub(super) fn next_modseq(&mut self) -> u64 {
        self.modseq += 1;
        self.modseq
    }

    /// A new, empty mailbox.
    pub(super) fn new_mailbox(
        &mut self,
        name: MailboxName,
        role: Option<Role>,
        now: Timestamp,
    ) -> MailboxRecord {
        let id = self.next_mailbox();
        self.emptied(id, name, role, now)
    }

    /// An empty mailbox of an id that was given already.
    pub(super) fn emptied(
        &mut self,
        id: MailboxId,
        name: MailboxName,
        role: Option<Role>,
        now: Timestamp,
    ) -> MailboxRecord {
        self.shelf += 1;
        MailboxRecord {
            id,
            shelf: self.shelf,
            name,
            role,
            uid_validity: self.next_uid_validity(now),
            uid_next: 1,
            messages: 0,
            unseen: 0,
            deleted: 0,
            octets: 0,
            highest_modseq: self.next_modseq(),
            vanished: 0,
            forgotten: 0,
        }
    }

    /// The id of one mailbox more.
    pub(super) fn next_mailbox(&mut self) -> MailboxId {
        self.mailbox += 1;
        self.mailboxes += 1;
        MailboxId::from_number(self.mailbox)
    }

    /// The time in seconds, or more where that was given already: never the
    /// same twice, even if the clock is set back (RFC 9051 §2.3.1.1).
    fn next_uid_validity(&mut self, now: Timestamp) -> u32 {
        let seconds = u32::try_from(now.as_second()).unwrap_or_default();
        self.uid_validity = seconds.max(self.uid_validity.saturating_add(1));
        self.uid_validity
    }
}

/// A mailbox.
#[derive(Serialize, Deserialize)]
pub(super) struct MailboxRecord {
    pub(super) id: MailboxId,
    /// What its entries stand under. The inbox gets a new one when it is renamed.
    pub(super) shelf: u32,
    pub(super) name: MailboxName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
    pub(super) messages: u64,
    pub(super) unseen: u64,
    #[serde(default)]
    pub(super) deleted: u64,
    pub(super) octets: u64,
    pub(super) highest_modseq: u64,
    /// How many UIDs its log of expunged entries names.
    #[serde(default)]
    pub(super) vanished: u64,
    /// Of this modification sequence and those below it the log knows nothing.
    #[serde(default)]
    pub(super) forgotten: u64,
}

impl MailboxRecord {
    pub(super) fn find(
        read: &impl Read,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<Option<Self>, StoreError> {
        read.get_json(&mailbox_key(account, mailbox))
    }

    /// The mailbox of that name.
    pub(super) fn named(
        read: &impl Read,
        account: AccountId,
        name: &MailboxName,
    ) -> Result<Option<Self>, StoreError> {
        match read.get_json::<MailboxId>(&name_key(account, name))? {
            Some(id) => Self::find(read, account, id),
            None => Ok(None),
        }
    }

    pub(super) fn put(&self, step: &mut Step<'_>, account: AccountId) -> Result<(), StoreError> {
        step.put_json(mailbox_key(account, self.id), self)
    }

    /// Writes it together with its name.
    pub(super) fn put_new(
        &self,
        step: &mut Step<'_>,
        account: AccountId,
    ) -> Result<(), StoreError> {
        step.put_json(name_key(account, &self.name), &self.id)?;
        self.put(step, account)
    }

    /// The UID of a new entry; there is an end to them.
    pub(super) fn next_uid(&mut self) -> Result<u32, StoreError> {
        let uid = self.uid_next;
        self.uid_next = uid
            .checked_add(1)
            .ok_or_else(|| StoreError::Full("the mailbox has used up its UIDs".into()))?;
        Ok(uid)
    }

    pub(super) fn info(self) -> MailboxInfo {
        MailboxInfo {
            id: self.id,
            name: self.name,
            role: self.role,
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            messages: self.messages,
            unseen: self.unseen,
            deleted: self.deleted,
            octets: self.octets,
            highest_modseq: self.highest_modseq,
        }
    }
}

/// The names that an account has subscribed to.
pub(super) fn subscriptions(
    read: &impl Read,
    account: AccountId,
) -> Result<Vec<MailboxName>, StoreError> {
    let prefix = of_account(Space::Subscription, account);
    super::page(read, &prefix, None, usize::MAX, |key, _| name_in(key))
}

/// All mailboxes of an account, in the order of their ids.
pub(super) fn all(read: &impl Read, account: AccountId) -> Result<Vec<MailboxRecord>, StoreError> {
    let mut mailboxes = Vec::new();
    read.scan(
        &of_account(Space::Mailbox, account),
        None,
        &mut |key, value| {
            mailboxes.push(from_json(key, value)?);
            Ok(true)
        },
    )?;
    Ok(mailboxes)
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
