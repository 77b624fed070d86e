//! Reading entries, and what became of them.

use message::AccountId;

use super::super::engine::{Read, from_json};
use super::super::key::{Key, Space};
use super::super::page::page;
use super::record::{self, AccountRecord, MailboxRecord};
use super::row::{self, Fixed, States};
use crate::StoreError;
use crate::mailbox::{
    Delta, EntryState, MailboxEntry, MailboxId, MailboxInfo, MailboxName, Measure, Vanished,
};

/// A page of a mailbox: what stands above `after`, at most `limit`.
#[derive(Clone, Copy)]
pub(super) struct Page {
    account: AccountId,
    mailbox: MailboxId,
    after: u32,
    limit: usize,
}

impl Page {
    pub(super) fn new(account: AccountId, mailbox: MailboxId, after: u32, limit: usize) -> Self {
        Self {
            account,
            mailbox,
            after,
            limit,
        }
    }

    fn of<T>(
        self,
        read: &impl Read,
        space: Space,
        decode: impl FnMut(&[u8], &[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let Some(mailbox) = mailbox(read, self.account, self.mailbox)? else {
            return Ok(Vec::new());
        };
        let shelf = row::on_shelf(space, self.account, mailbox.shelf);
        let after = shelf.clone().u32(self.after);
        page(read, &shelf, Some(&after), self.limit, decode)
    }

    pub(super) fn states(self, read: &impl Read) -> Result<Vec<EntryState>, StoreError> {
        let mut states = States::default();
        self.of(read, Space::EntryState, |key, value| {
            states.decode(key, value)
        })
    }

    pub(super) fn measures(self, read: &impl Read) -> Result<Vec<Measure>, StoreError> {
        self.of(read, Space::MailboxEntry, |key, value| {
            let fixed: Fixed = from_json(key, value)?;
            Ok(fixed.measure(row::uid_in(key)?))
        })
    }

    pub(super) fn entries(self, read: &impl Read) -> Result<Vec<MailboxEntry>, StoreError> {
        let states = self.states(read)?;
        let fixed = self.of(read, Space::MailboxEntry, from_json::<Fixed>)?;
        let both = fixed.into_iter().zip(states);
        Ok(both.map(|(fixed, state)| fixed.with(state)).collect())
    }
}

/// All mailboxes of an account, by name.
pub(super) fn mailboxes(
    read: &impl Read,
    account: AccountId,
) -> Result<Vec<MailboxInfo>, StoreError> {
    if AccountRecord::find(read, account)?.is_none() {
        return Ok(Vec::new());
    }
    let mut mailboxes = record::all(read, account)?;
    mailboxes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(mailboxes.into_iter().map(MailboxRecord::info).collect())
}

/// A mailbox of this name that is there.
pub(super) fn named(
    read: &impl Read,
    account: AccountId,
    name: &MailboxName,
) -> Result<Option<MailboxRecord>, StoreError> {
    if AccountRecord::find(read, account)?.is_none() {
        return Ok(None);
    }
    MailboxRecord::named(read, account, name)
}

/// A mailbox that is there.
pub(super) fn mailbox(
    read: &impl Read,
    account: AccountId,
    id: MailboxId,
) -> Result<Option<MailboxRecord>, StoreError> {
    if AccountRecord::find(read, account)?.is_none() {
        return Ok(None);
    }
    MailboxRecord::find(read, account, id)
}

/// The entries of these UIDs.
pub(super) fn entries_at(
    read: &impl Read,
    account: AccountId,
    id: MailboxId,
    uids: &[u32],
) -> Result<Vec<MailboxEntry>, StoreError> {
    let mut entries = Vec::new();
    let Some(mailbox) = mailbox(read, account, id)? else {
        return Ok(entries);
    };
    let mut states = States::default();
    for &uid in uids {
        let key = row::entry_key(account, mailbox.shelf, uid);
        if let Some(fixed) = read.get_json::<Fixed>(&key)? {
            let state = states.of(read, account, mailbox.shelf, uid)?;
            let state = state.ok_or_else(|| super::corrupt(key.as_bytes(), "it has no state"))?;
            entries.push(fixed.with(state));
        }
    }
    Ok(entries)
}

/// What became of a mailbox after `since`.
pub(super) fn delta(
    read: &impl Read,
    account: AccountId,
    id: MailboxId,
    since: u64,
    limit: usize,
) -> Result<Option<Delta>, StoreError> {
    let Some(mailbox) = mailbox(read, account, id)? else {
        return Ok(None);
    };
    let shelf = mailbox.shelf;
    let changes = row::on_shelf(Space::EntryChange, account, shelf);
    let after = row::change_key(account, shelf, since);
    let limit = limit.max(1);
    let mut uids = page(read, &changes, Some(&after), limit.saturating_add(1), uid)?;
    let more = uids.len() > limit;
    uids.truncate(limit);
    let mut states = States::default();
    let mut changed = Vec::with_capacity(uids.len());
    for uid in uids {
        let state = states.of(read, account, shelf, uid)?;
        changed.push(state.ok_or_else(|| super::corrupt(changes.as_bytes(), "it leads nowhere"))?);
    }
    let last = changed.last().map(|state| state.modseq);
    Ok(Some(Delta {
        uid_validity: mailbox.uid_validity,
        uid_next: mailbox.uid_next,
        modseq: last.filter(|_| more).unwrap_or(mailbox.highest_modseq),
        changed,
        vanished: vanished(read, account, &mailbox, since)?,
        more,
    }))
}

fn uid(key: &[u8], value: &[u8]) -> Result<u32, StoreError> {
    let uid = value.try_into().map(u32::from_be_bytes);
    uid.map_err(|_| super::corrupt(key, "no UID"))
}

fn vanished(
    read: &impl Read,
    account: AccountId,
    mailbox: &MailboxRecord,
    since: u64,
) -> Result<Vanished, StoreError> {
    if since < mailbox.forgotten {
        return Ok(Vanished::Unknown);
    }
    let log = row::on_shelf(Space::Vanished, account, mailbox.shelf);
    let after: Key = row::vanished_key(account, mailbox.shelf, since);
    let mut gone = Vec::new();
    read.scan(&log, Some(&after), &mut |_, uids| {
        let uids = uids.as_chunks().0.iter();
        gone.extend(uids.map(|uid| u32::from_be_bytes(*uid)));
        Ok(true)
    })?;
    gone.sort_unstable();
    Ok(Vanished::Uids(gone))
}
