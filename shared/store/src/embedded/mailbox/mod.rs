//! Mailboxes on the embedded engine.
//!
//! | key | value |
//! | --- | --- |
//! | MailboxAccount · account | [`record::AccountRecord`] |
//! | Mailbox · account · name | [`record::MailboxRecord`] |
//! | MailboxEntry · account · mailbox number · UID | [`MailboxEntry`] |
//! | Shown · account · content | how many entries show it |
//! | Delivered · account · message | nothing: the delivery record |
//! | Release · account · content | nothing: waits for the ledger |
//!
//! Counts are kept in the records and change in the step that changes entries,
//! so that no operation ever scans a mailbox to count it. What spans many
//! entries runs in steps of at most [`CHUNK`]; a crash between two of them
//! leaves a whole state, and repeating the operation finishes it.

mod append;
mod expunge;
mod record;
mod removal;
mod shown;

use async_trait::async_trait;
use message::{AccountId, ContentId, MessageId};
use tokio::sync::broadcast;

use super::EmbeddedStore;
use super::engine::{Durability, Read, Step, from_json};
use super::key::{Key, KeyReader, Space};
use super::page::{corrupt, page};
use crate::StoreError;
use crate::mailbox::{
    Appended, MailboxChanged, MailboxEntry, MailboxInfo, MailboxName, MailboxStore, NewEntry,
    Release, Usage,
};
use record::{AccountRecord, entry_key, entry_prefix};

/// The most entries that one step touches.
const CHUNK: usize = 500;

fn delivered_key(account: AccountId, message: MessageId) -> Key {
    Key::new(Space::Delivered)
        .u64(account.bits())
        .u128(message.bits())
}

#[async_trait]
impl MailboxStore for EmbeddedStore {
    async fn append(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entry: NewEntry,
        quota: Option<u64>,
    ) -> Result<Appended, StoreError> {
        let to = append::Place {
            account,
            mailbox: mailbox.clone(),
            quota,
            now: self.clock.now(),
        };
        self.change(move |step, changed| append::append(step, &to, entry, changed))
            .await
    }

    async fn mailboxes(&self, account: AccountId) -> Result<Vec<MailboxInfo>, StoreError> {
        let key = record::account_key(account);
        if !self.engine.read(|read| read.exists(&key))? {
            let now = self.clock.now();
            let open = move |step: &mut Step<'_>| AccountRecord::open(step, account, now).map(drop);
            self.engine.write(Durability::Durable, open).await?;
        }
        self.engine.read(|read| record::mailboxes(read, account))
    }

    async fn entries(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        after: u32,
        limit: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        self.engine.read(|read| {
            let Some(number) = record::number(read, account, mailbox)? else {
                return Ok(Vec::new());
            };
            let after = entry_key(account, number, after);
            page(
                read,
                &entry_prefix(account, number),
                Some(&after),
                limit,
                from_json,
            )
        })
    }

    async fn entry(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        uid: u32,
    ) -> Result<Option<MailboxEntry>, StoreError> {
        self.engine
            .read(|read| match record::number(read, account, mailbox)? {
                Some(number) => read.get_json(&entry_key(account, number, uid)),
                None => Ok(None),
            })
    }

    async fn expunge(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        uids: &[u32],
    ) -> Result<Vec<u32>, StoreError> {
        let mut uids = uids.to_vec();
        uids.sort_unstable();
        uids.dedup();
        let mut gone = Vec::new();
        for chunk in uids.chunks(CHUNK) {
            let (mailbox, chunk) = (mailbox.clone(), chunk.to_vec());
            let step = move |step: &mut Step<'_>, changed: &mut Vec<_>| {
                expunge::expunge(step, account, &mailbox, &chunk, changed)
            };
            gone.extend(self.change(step).await?);
        }
        Ok(gone)
    }

    async fn usage(&self, account: AccountId) -> Result<Usage, StoreError> {
        let record = self
            .engine
            .read(|read| AccountRecord::find(read, account))?;
        Ok(record.map(|record| record.usage).unwrap_or_default())
    }

    async fn remove_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.change(move |step, _| removal::mark(step, account))
            .await?;
        let chunk = move |step: &mut Step<'_>, changed: &mut Vec<_>| {
            removal::remove_chunk(step, account, changed)
        };
        while !self.change(chunk).await? {}
        Ok(())
    }

    async fn releases(&self, limit: usize) -> Result<Vec<Release>, StoreError> {
        let prefix = Key::new(Space::Release);
        self.engine
            .read(|read| page(read, &prefix, None, limit, |key, _| shown::read_back(key)))
    }

    async fn released(&self, releases: &[Release]) -> Result<(), StoreError> {
        self.forget(releases.iter().map(shown::release_key).collect())
            .await
    }

    async fn deliveries(
        &self,
        after: Option<(AccountId, MessageId)>,
        limit: usize,
    ) -> Result<Vec<(AccountId, MessageId)>, StoreError> {
        let prefix = Key::new(Space::Delivered);
        let after = after.map(|(account, message)| delivered_key(account, message));
        self.engine.read(|read| {
            page(read, &prefix, after.as_ref(), limit, |key, _| {
                let mut parts = KeyReader::new(key);
                let account = AccountId::from_bits(parts.u64()?);
                Ok((account, MessageId::from_bits(parts.u128()?)))
            })
        })
    }

    async fn forget_deliveries(
        &self,
        records: &[(AccountId, MessageId)],
    ) -> Result<(), StoreError> {
        let keys = records
            .iter()
            .map(|(account, message)| delivered_key(*account, *message));
        self.forget(keys.collect()).await
    }

    async fn shows(&self, account: AccountId, content: &ContentId) -> Result<bool, StoreError> {
        self.engine
            .read(|read| read.exists(&shown::key(account, content)))
    }

    async fn shown(
        &self,
        after: Option<&Release>,
        limit: usize,
    ) -> Result<Vec<Release>, StoreError> {
        let prefix = Key::new(Space::Shown);
        let after = after.map(|after| shown::key(after.account, &after.content));
        self.engine.read(|read| {
            page(read, &prefix, after.as_ref(), limit, |key, _| {
                shown::read_back(key)
            })
        })
    }

    fn changes(&self) -> broadcast::Receiver<MailboxChanged> {
        self.changes.subscribe()
    }
}

impl EmbeddedStore {
    /// Runs a durable step and publishes the changes it names.
    async fn change<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Step<'_>, &mut Vec<MailboxChanged>) -> Result<T, StoreError>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let changes = self.changes.clone();
        let step = move |rows: &mut Step<'_>| {
            let mut changed = Vec::new();
            step(rows, &mut changed).map(|done| (done, changed))
        };
        let publish = move |(_, changed): &(T, Vec<MailboxChanged>)| {
            for change in changed {
                // Nobody listening is no fault.
                let _ = changes.send(change.clone());
            }
        };
        let written = self
            .engine
            .write_and_announce(Durability::Durable, step, publish);
        written.await.map(|(done, _)| done)
    }

    /// Drops rows whose loss merely repeats work.
    async fn forget(&self, mut keys: Vec<Key>) -> Result<(), StoreError> {
        while !keys.is_empty() {
            let chunk = keys.split_off(keys.len().saturating_sub(CHUNK));
            let step = move |step: &mut Step<'_>| {
                chunk.into_iter().for_each(|key| step.delete(key));
                Ok(())
            };
            self.engine.write(Durability::Relaxed, step).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
