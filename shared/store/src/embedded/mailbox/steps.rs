//! Running the steps of this port.

use message::AccountId;

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read, Step};
use super::super::key::{Key, Space};
use super::record::{self, AccountRecord};
use super::{CHUNK, append, tree};
use crate::StoreError;
use crate::mailbox::{MailboxChanged, MailboxName, Quota};

/// How many chunks of deleted mailboxes are emptied along the way.
const CHUNKS_ALONG: usize = 8;

/// In order, each once.
pub(super) fn ascending(uids: &[u32]) -> Vec<u32> {
    let mut uids = uids.to_vec();
    uids.sort_unstable();
    uids.dedup();
    uids
}

impl EmbeddedStore {
    pub(super) fn place(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        quota: Quota,
    ) -> append::Place {
        append::Place {
            account,
            mailbox: mailbox.clone(),
            quota,
            now: self.clock.now(),
        }
    }

    pub(super) fn tree(&self, account: AccountId) -> tree::Tree {
        tree::Tree {
            account,
            now: self.clock.now(),
        }
    }

    /// From the account's first use on its standard mailboxes are there.
    pub(super) async fn open_account(&self, account: AccountId) -> Result<(), StoreError> {
        let key = record::account_key(account);
        if !self.engine.read(|read| read.exists(&key))? {
            let now = self.clock.now();
            let open = move |step: &mut Step<'_>| AccountRecord::open(step, account, now).map(drop);
            self.engine.write(Durability::Durable, open).await?;
        }
        Ok(())
    }

    /// Goes on emptying what a crash left of deleted mailboxes.
    pub(super) async fn empty_doomed(&self) -> Result<(), StoreError> {
        let doomed = Key::new(Space::Doomed);
        for _ in 0..CHUNKS_ALONG {
            if self.engine.read(|read| read.first(&doomed))?.is_none() {
                break;
            }
            self.change(|step, _| tree::empty(step)).await?;
        }
        Ok(())
    }

    /// Runs a durable step and publishes the changes it names.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Step<'_>, &mut Vec<MailboxChanged>) -> Result<T, StoreError>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let watchers = self.watchers.clone();
        let step = move |rows: &mut Step<'_>| {
            let mut changed = Vec::new();
            step(rows, &mut changed).map(|done| (done, changed))
        };
        let publish = move |(_, changed): &(T, Vec<MailboxChanged>)| {
            changed.iter().for_each(|change| watchers.tell(*change));
        };
        let written = self
            .engine
            .write_and_announce(Durability::Durable, step, publish);
        written.await.map(|(done, _)| done)
    }

    /// Drops rows whose loss merely repeats work.
    pub(super) async fn forget(&self, mut keys: Vec<Key>) -> Result<(), StoreError> {
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
