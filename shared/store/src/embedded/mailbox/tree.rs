//! Making, renaming and deleting mailboxes.

use std::collections::BTreeSet;

use message::{AccountId, Timestamp};

use super::super::engine::{Read, Step};
use super::super::key::{Key, Space};
use super::CHUNK;
use super::desk::Desk;
use super::record::{
    self, MailboxRecord, mailbox_key, name_key, names_below, of_account, subscription_key,
};
use super::row::{Fixed, on_shelf};
use super::shown;
use crate::StoreError;
use crate::mailbox::{
    Created, Deleted, MAX_MAILBOXES, MailboxChanged, MailboxId, MailboxName, Renamed, Role, Usage,
};

/// Whose tree of mailboxes, and when.
#[derive(Clone, Copy)]
pub(super) struct Tree {
    pub(super) account: AccountId,
    pub(super) now: Timestamp,
}

impl Tree {
    pub(super) fn create(
        self,
        step: &mut Step<'_>,
        name: &MailboxName,
        role: Option<Role>,
        changed: &mut Vec<MailboxChanged>,
    ) -> Result<Created, StoreError> {
        let Some(mut desk) = Desk::open(step, self.account, self.now)? else {
            return Ok(Created::NoSuchAccount);
        };
        if desk.step.exists(&name_key(self.account, name))? {
            return Ok(Created::Exists);
        }
        if role.is_some() {
            let all = record::all(desk.step, self.account)?;
            if all.iter().any(|mailbox| mailbox.role == role) {
                return Ok(Created::RoleTaken);
            }
        }
        let missing = missing_above(&desk, name)?;
        if desk.owner.mailboxes + missing.len() >= MAX_MAILBOXES {
            return Ok(Created::TooMany);
        }
        make(&mut desk, missing, changed)?;
        let mailbox = desk.owner.new_mailbox(name.clone(), role, self.now);
        mailbox.put_new(desk.step, self.account)?;
        changed.push(desk.changed(mailbox.id));
        desk.close()?;
        Ok(Created::Created(mailbox.id))
    }

    pub(super) fn rename(
        self,
        step: &mut Step<'_>,
        id: MailboxId,
        name: &MailboxName,
        changed: &mut Vec<MailboxChanged>,
    ) -> Result<Renamed, StoreError> {
        let Some(mut desk) = Desk::open(step, self.account, self.now)? else {
            return Ok(Renamed::NoSuchMailbox);
        };
        let all = record::all(desk.step, self.account)?;
        let Some(old) = all.iter().find(|mailbox| mailbox.id == id) else {
            return Ok(Renamed::NoSuchMailbox);
        };
        let old = old.name.clone();
        if *name == old {
            return Ok(Renamed::Renamed);
        }
        let missing = missing_above(&desk, name)?;
        let more = missing.len() + usize::from(old.is_inbox());
        if desk.owner.mailboxes + more > MAX_MAILBOXES {
            return Ok(Renamed::TooMany);
        }
        if old.is_inbox() {
            return self.rename_inbox(desk, all, name, missing, changed);
        }
        if name.is_below(&old) {
            return Ok(Renamed::IntoItself);
        }
        let (moving, staying): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|mailbox| mailbox.name == old || mailbox.name.is_below(&old));
        let names = moving
            .iter()
            .map(|mailbox| mailbox.name.renamed(&old, name));
        let Ok(names) = names.collect::<Result<Vec<_>, _>>() else {
            return Ok(Renamed::TooLong);
        };
        let taken: BTreeSet<_> = staying.iter().map(|mailbox| &mailbox.name).collect();
        if names.iter().any(|name| taken.contains(name)) {
            return Ok(Renamed::Exists);
        }
        make(&mut desk, missing, changed)?;
        for mailbox in &moving {
            desk.step.delete(name_key(self.account, &mailbox.name));
        }
        desk.owner.next_modseq();
        for (mut mailbox, name) in moving.into_iter().zip(names) {
            mailbox.name = name;
            mailbox.put_new(desk.step, self.account)?;
            changed.push(desk.changed(mailbox.id));
        }
        desk.close()?;
        Ok(Renamed::Renamed)
    }

    /// The entries stay on their shelf, which a new mailbox gets; the inbox gets
    /// a new one.
    fn rename_inbox(
        self,
        mut desk: Desk<'_, '_>,
        all: Vec<MailboxRecord>,
        name: &MailboxName,
        missing: Vec<MailboxName>,
        changed: &mut Vec<MailboxChanged>,
    ) -> Result<Renamed, StoreError> {
        if all.iter().any(|mailbox| mailbox.name == *name) {
            return Ok(Renamed::Exists);
        }
        make(&mut desk, missing, changed)?;
        let Some(mut filled) = desk.mailbox(MailboxId::INBOX)? else {
            return Ok(Renamed::NoSuchMailbox);
        };
        let (id, inbox, role) = (filled.id, filled.name.clone(), filled.role.take());
        let empty = desk.owner.emptied(id, inbox, role, self.now);
        filled.id = desk.owner.next_mailbox();
        filled.name = name.clone();
        for mailbox in [empty, filled] {
            mailbox.put_new(desk.step, self.account)?;
            changed.push(desk.changed(mailbox.id));
        }
        desk.close()?;
        Ok(Renamed::Renamed)
    }

    /// Hides a mailbox; its shelf is then to be [emptied](empty).
    pub(super) fn delete(
        self,
        step: &mut Step<'_>,
        id: MailboxId,
        changed: &mut Vec<MailboxChanged>,
    ) -> Result<Deleted, StoreError> {
        if id == MailboxId::INBOX {
            return Ok(Deleted::IsInbox);
        }
        let Some(mut desk) = Desk::open(step, self.account, self.now)? else {
            return Ok(Deleted::NoSuchMailbox);
        };
        let Some(mailbox) = desk.mailbox(id)? else {
            return Ok(Deleted::NoSuchMailbox);
        };
        if desk
            .step
            .first(&names_below(self.account, &mailbox.name))?
            .is_some()
        {
            return Ok(Deleted::HasInferiors);
        }
        desk.step.delete(mailbox_key(self.account, id));
        desk.step.delete(name_key(self.account, &mailbox.name));
        let doomed = on_shelf(Space::Doomed, self.account, mailbox.shelf);
        desk.step.put(doomed, Vec::new());
        let usage = desk.owner.usage;
        desk.owner.usage = Usage {
            octets: usage.octets.saturating_sub(mailbox.octets),
            messages: usage.messages.saturating_sub(mailbox.messages),
        };
        desk.owner.mailboxes = desk.owner.mailboxes.saturating_sub(1);
        desk.owner.next_modseq();
        changed.push(desk.changed(id));
        desk.close()?;
        Ok(Deleted::Deleted)
    }

    /// False if there are too many.
    pub(super) fn subscribe(
        self,
        step: &mut Step<'_>,
        name: &MailboxName,
    ) -> Result<bool, StoreError> {
        if Desk::open(step, self.account, self.now)?.is_none() {
            return Ok(false);
        }
        let key = subscription_key(self.account, name);
        if step.exists(&key)? {
            return Ok(true);
        }
        let mut count = 0;
        let all = of_account(Space::Subscription, self.account);
        step.scan(&all, None, &mut |_, _| {
            count += 1;
            Ok(count < MAX_MAILBOXES)
        })?;
        let room = count < MAX_MAILBOXES;
        if room {
            step.put(key, Vec::new());
        }
        Ok(room)
    }
}

/// Names above `name` without a mailbox, the highest first.
fn missing_above(desk: &Desk<'_, '_>, name: &MailboxName) -> Result<Vec<MailboxName>, StoreError> {
    let mut missing = Vec::new();
    for above in name.superiors() {
        // What has a mailbox has one above it too.
        if desk.step.exists(&name_key(desk.account, &above))? {
            break;
        }
        missing.push(above);
    }
    missing.reverse();
    Ok(missing)
}

fn make(
    desk: &mut Desk<'_, '_>,
    names: Vec<MailboxName>,
    changed: &mut Vec<MailboxChanged>,
) -> Result<(), StoreError> {
    for name in names {
        let mailbox = desk.owner.new_mailbox(name, None, desk.now);
        mailbox.put_new(desk.step, desk.account)?;
        changed.push(desk.changed(mailbox.id));
    }
    Ok(())
}

/// Empties one chunk of a shelf whose mailbox was deleted, of whatever account;
/// true when there is none.
pub(super) fn empty(step: &mut Step<'_>) -> Result<bool, StoreError> {
    let Some((doomed, _)) = step.first(&Key::new(Space::Doomed))? else {
        return Ok(true);
    };
    let account = super::account_in(&doomed)?;
    let shelf = super::row::shelf_in(&doomed)?;
    let entries = on_shelf(Space::MailboxEntry, account, shelf);
    let contents = super::page(step, &entries, None, CHUNK, |key, value| {
        let fixed: Fixed = super::from_json(key, value)?;
        Ok((Key::read(key), fixed.content))
    })?;
    for (key, content) in &contents {
        shown::lose(step, account, content)?;
        step.delete(key.clone());
    }
    let mut left = contents.len() == CHUNK;
    for space in [Space::EntryState, Space::EntryChange, Space::Vanished] {
        let rows = on_shelf(space, account, shelf);
        let keys = super::page(step, &rows, None, CHUNK, |key, _| Ok(Key::read(key)))?;
        left |= keys.len() == CHUNK;
        keys.into_iter().for_each(|key| step.delete(key));
    }
    if !left {
        step.delete(Key::read(&doomed));
    }
    Ok(false)
}
