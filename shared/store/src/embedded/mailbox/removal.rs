//! Removing all of an account's mailboxes.
//!
//! First the account is marked, which hides its mailboxes and refuses what
//! still comes; the mark stays, so that no late delivery brings it back. Then
//! its rows go in chunks: entries and what belongs to them, what they showed
//! (each queues its release), mailboxes. Entries go first, so that at any crash
//! between two chunks everything a row refers to is still held.

use message::AccountId;

use super::super::EmbeddedStore;
use super::super::engine::{Read, Step};
use super::super::key::{Key, Space};
use super::record::{AccountRecord, account_key, id_in, of_account};
use super::{CHUNK, shown};
use crate::StoreError;
use crate::mailbox::{MailboxChanged, Usage};

impl EmbeddedStore {
    pub(super) async fn remove_mailboxes(&self, account: AccountId) -> Result<(), StoreError> {
        self.change(move |step, _| mark(step, account)).await?;
        let chunk =
            move |step: &mut Step<'_>, changed: &mut Vec<_>| remove_chunk(step, account, changed);
        while !self.change(chunk).await? {}
        Ok(())
    }
}

/// Marks the account as removed.
pub(super) fn mark(step: &mut Step<'_>, account: AccountId) -> Result<(), StoreError> {
    let key = account_key(account);
    let mut record = step.get_json::<AccountRecord>(&key)?.unwrap_or_default();
    if record.removed {
        return Ok(());
    }
    record.removed = true;
    record.usage = Usage::default();
    record.next_modseq();
    step.put_json(key, &record)
}

/// Removes one chunk of a marked account; true when nothing is left.
pub(super) fn remove_chunk(
    step: &mut Step<'_>,
    account: AccountId,
    changed: &mut Vec<MailboxChanged>,
) -> Result<bool, StoreError> {
    for space in [
        Space::MailboxEntry,
        Space::EntryState,
        Space::EntryChange,
        Space::Vanished,
        Space::Doomed,
        Space::Subscription,
        Space::MailboxName,
    ] {
        let rows = first_keys(step, &of_account(space, account))?;
        if !rows.is_empty() {
            rows.into_iter().for_each(|key| step.delete(key));
            return Ok(false);
        }
    }
    let contents = first_keys(step, &shown::account_prefix(account))?;
    if !contents.is_empty() {
        for key in contents {
            let release = shown::read_back(key.as_bytes())?;
            shown::release(step, key, &release);
        }
        return Ok(false);
    }
    let mailboxes = first_keys(step, &of_account(Space::Mailbox, account))?;
    let done = mailboxes.len() < CHUNK;
    let modseq = step
        .get_json(&account_key(account))?
        .map_or(0, |record: AccountRecord| record.modseq);
    for key in mailboxes {
        changed.push(MailboxChanged {
            account,
            mailbox: id_in(key.as_bytes())?,
            modseq,
        });
        step.delete(key);
    }
    Ok(done)
}

fn first_keys(read: &impl Read, prefix: &Key) -> Result<Vec<Key>, StoreError> {
    super::page(read, prefix, None, CHUNK, |key, _| Ok(Key::read(key)))
}
