//! An account while a step works in its mailboxes: entries come and go
//! together with the counts, the index of changes and the log of what vanished.

use message::{AccountId, Timestamp};

use super::super::engine::{Read, Step};
use super::super::key::Space;
use super::record::{AccountRecord, MailboxRecord, account_key};
use super::row::{self, Fixed, States, change_key, entry_key, state_key, vanished_key};
use super::shown;
use crate::StoreError;
use crate::mailbox::{EntryState, Flag, MailboxChanged, MailboxId, VANISHED_KEPT};

pub(super) struct Desk<'s, 't> {
    pub(super) step: &'s mut Step<'t>,
    pub(super) account: AccountId,
    pub(super) owner: AccountRecord,
    pub(super) now: Timestamp,
    pub(super) states: States,
}

impl<'s, 't> Desk<'s, 't> {
    /// The account, with its standard mailboxes from now on; `None` once it is
    /// removed.
    pub(super) fn open(
        step: &'s mut Step<'t>,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let owner = AccountRecord::open(step, account, now)?;
        Ok(owner.map(|owner| Self {
            step,
            account,
            owner,
            now,
            states: States::default(),
        }))
    }

    pub(super) fn mailbox(&self, id: MailboxId) -> Result<Option<MailboxRecord>, StoreError> {
        MailboxRecord::find(self.step, self.account, id)
    }

    /// The entry with this UID, if it is there.
    pub(super) fn entry(
        &mut self,
        mailbox: &MailboxRecord,
        uid: u32,
    ) -> Result<Option<(Fixed, EntryState)>, StoreError> {
        let key = entry_key(self.account, mailbox.shelf, uid);
        let Some(fixed) = self.step.get_json(&key)? else {
            return Ok(None);
        };
        let state = self.state(mailbox, uid)?;
        let state = state.ok_or_else(|| super::corrupt(key.as_bytes(), "it has no state"))?;
        Ok(Some((fixed, state)))
    }

    pub(super) fn state(
        &mut self,
        mailbox: &MailboxRecord,
        uid: u32,
    ) -> Result<Option<EntryState>, StoreError> {
        self.states.of(self.step, self.account, mailbox.shelf, uid)
    }

    /// Puts an entry into a mailbox; its UID. `flags` are sorted.
    pub(super) fn file(
        &mut self,
        mailbox: &mut MailboxRecord,
        fixed: &Fixed,
        flags: &[Flag],
    ) -> Result<u32, StoreError> {
        let uid = mailbox.next_uid()?;
        mailbox.messages += 1;
        mailbox.octets += fixed.size;
        self.owner.usage.messages += 1;
        self.owner.usage.octets += fixed.size;
        shown::gain(self.step, self.account, &fixed.content)?;
        let key = entry_key(self.account, mailbox.shelf, uid);
        self.step.put_json(key, fixed)?;
        count(mailbox, None, Some(flags));
        self.put_state(mailbox, uid, flags);
        Ok(uid)
    }

    /// Gives an entry other flags, sorted; its new modification sequence.
    pub(super) fn reflag(
        &mut self,
        mailbox: &mut MailboxRecord,
        before: &EntryState,
        flags: &[Flag],
    ) -> u64 {
        count(mailbox, Some(&before.flags), Some(flags));
        let change = change_key(self.account, mailbox.shelf, before.modseq);
        self.step.delete(change);
        self.put_state(mailbox, before.uid, flags)
    }

    fn put_state(&mut self, mailbox: &mut MailboxRecord, uid: u32, flags: &[Flag]) -> u64 {
        let modseq = self.owner.next_modseq();
        let (account, shelf) = (self.account, mailbox.shelf);
        let state = row::encode(modseq, flags);
        self.step.put(state_key(account, shelf, uid), state);
        let change = change_key(account, shelf, modseq);
        self.step.put(change, uid.to_be_bytes().to_vec());
        mailbox.highest_modseq = modseq;
        modseq
    }

    /// Takes an entry out of a mailbox. What went is to be [logged](Self::log).
    pub(super) fn take(
        &mut self,
        mailbox: &mut MailboxRecord,
        fixed: &Fixed,
        state: &EntryState,
    ) -> Result<(), StoreError> {
        let (account, shelf) = (self.account, mailbox.shelf);
        for key in [
            entry_key(account, shelf, state.uid),
            state_key(account, shelf, state.uid),
            change_key(account, shelf, state.modseq),
        ] {
            self.step.delete(key);
        }
        let usage = &mut self.owner.usage;
        less(&mut mailbox.messages, 1);
        less(&mut mailbox.octets, fixed.size);
        less(&mut usage.messages, 1);
        less(&mut usage.octets, fixed.size);
        count(mailbox, Some(&state.flags), None);
        shown::lose(self.step, account, &fixed.content)
    }

    /// Notes which entries went, and forgets those that went long ago.
    pub(super) fn log(
        &mut self,
        mailbox: &mut MailboxRecord,
        gone: &[u32],
    ) -> Result<(), StoreError> {
        let modseq = self.owner.next_modseq();
        mailbox.highest_modseq = modseq;
        let (account, shelf) = (self.account, mailbox.shelf);
        let uids = gone.iter().flat_map(|uid| uid.to_be_bytes()).collect();
        self.step.put(vanished_key(account, shelf, modseq), uids);
        mailbox.vanished += gone.len() as u64;
        let log = row::on_shelf(Space::Vanished, account, shelf);
        while mailbox.vanished > VANISHED_KEPT as u64 {
            let Some((key, uids)) = self.step.first(&log)? else {
                break;
            };
            let left = mailbox.vanished - (uids.len() as u64 / 4).min(mailbox.vanished);
            if left < VANISHED_KEPT as u64 {
                break;
            }
            mailbox.vanished = left;
            mailbox.forgotten = row::modseq_in(&key)?;
            self.step.delete(super::Key::read(&key));
        }
        Ok(())
    }

    pub(super) fn put(&mut self, mailbox: &MailboxRecord) -> Result<(), StoreError> {
        mailbox.put(self.step, self.account)
    }

    /// That a mailbox changed, to be told once the step applied.
    pub(super) fn changed(&self, mailbox: MailboxId) -> MailboxChanged {
        MailboxChanged {
            account: self.account,
            mailbox,
            modseq: self.owner.modseq,
        }
    }

    /// Writes what is common to the account's mailboxes.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.step.put_json(account_key(self.account), &self.owner)
    }
}

fn less(count: &mut u64, by: u64) {
    *count = count.saturating_sub(by);
}

/// Counts an entry's flags out and in.
fn count(mailbox: &mut MailboxRecord, before: Option<&[Flag]>, after: Option<&[Flag]>) {
    let unseen = |flags: Option<&[Flag]>| flags.is_some_and(|flags| !flags.contains(&Flag::Seen));
    let deleted =
        |flags: Option<&[Flag]>| flags.is_some_and(|flags| flags.contains(&Flag::Deleted));
    less(&mut mailbox.unseen, unseen(before).into());
    less(&mut mailbox.deleted, deleted(before).into());
    mailbox.unseen += u64::from(unseen(after));
    mailbox.deleted += u64::from(deleted(after));
}
