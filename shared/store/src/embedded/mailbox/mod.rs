//! Mailboxes on the embedded engine.
//!
//! | key | value |
//! | --- | --- |
//! | MailboxAccount · account | [`record::AccountRecord`] |
//! | Mailbox · account · id | [`record::MailboxRecord`] |
//! | MailboxName · account · name | its id |
//! | MailboxEntry · account · shelf · UID | [`row::Fixed`]: what never changes |
//! | EntryState · account · shelf · UID | modification sequence and flags |
//! | EntryChange · account · shelf · modification sequence | UID |
//! | Vanished · account · shelf · modification sequence | UIDs |
//! | Doomed · account · shelf | nothing: its mailbox was deleted |
//! | Subscription · account · name | nothing |
//! | Shown · account · content | how many entries show it |
//! | Delivered · account · message | nothing: the delivery record |
//! | Release · account · content | nothing: waits for the ledger |
//! | Epoch | [`epoch::EpochRecord`] |
//!
//! Entries stand on a *shelf*, which a mailbox keeps when it is renamed. Counts
//! are kept in the records and change in the step that changes entries, so that
//! no operation ever scans a mailbox to count it. What spans many entries runs
//! in steps of at most [`CHUNK`]; a crash between two of them leaves a whole
//! state, and repeating the operation finishes it.

mod across;
mod append;
mod copy;
mod desk;
mod epoch;
mod expunge;
mod flags;
mod list;
mod lock;
mod record;
mod removal;
mod row;
mod shown;
mod steps;
mod tree;

use std::time::Duration;

use async_trait::async_trait;
use message::{AccountId, ContentId, MessageId};

use super::EmbeddedStore;
use super::engine::{Read, from_json};
use super::key::{Key, KeyReader};
use super::page::{corrupt, page};
use crate::StoreError;
use crate::mailbox::{
    AllAppended, Appended, Copied, Created, Deleted, Delta, EntryState, Expunge, FlagChange,
    FlagsStored, LockHolder, MailboxChanges, MailboxEntry, MailboxId, MailboxInfo, MailboxName,
    MailboxStore, Measure, NewEntry, Quota, Release, Renamed, Role, Usage,
};
use copy::Kind;
pub(super) use epoch::Watch;
use expunge::Removal;
use flags::Marking;
use list::Page;
pub(super) use lock::Locks;
use record::AccountRecord;
use steps::ascending;

/// The most entries that one step touches.
const CHUNK: usize = 500;

fn account_in(key: &[u8]) -> Result<AccountId, StoreError> {
    KeyReader::new(key).u64().map(AccountId::from_bits)
}

#[async_trait]
impl MailboxStore for EmbeddedStore {
    async fn append(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entry: NewEntry,
        quota: Quota,
    ) -> Result<Appended, StoreError> {
        let to = self.place(account, mailbox, quota);
        self.change(move |step, changed| append::append(step, &to, entry, changed))
            .await
    }

    async fn append_all(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entries: Vec<NewEntry>,
        quota: Quota,
    ) -> Result<AllAppended, StoreError> {
        let to = self.place(account, mailbox, quota);
        self.change(move |step, changed| append::append_all(step, &to, entries, changed))
            .await
    }

    async fn mailboxes(&self, account: AccountId) -> Result<Vec<MailboxInfo>, StoreError> {
        self.open_account(account).await?;
        self.engine.read(|read| list::mailboxes(read, account))
    }

    async fn mailbox(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<Option<MailboxInfo>, StoreError> {
        self.open_account(account).await?;
        let found = self
            .engine
            .read(|read| list::mailbox(read, account, mailbox))?;
        Ok(found.map(record::MailboxRecord::info))
    }

    async fn find(
        &self,
        account: AccountId,
        name: &MailboxName,
    ) -> Result<Option<MailboxInfo>, StoreError> {
        self.open_account(account).await?;
        let found = self.engine.read(|read| list::named(read, account, name))?;
        Ok(found.map(record::MailboxRecord::info))
    }

    async fn create(
        &self,
        account: AccountId,
        name: &MailboxName,
        role: Option<Role>,
    ) -> Result<Created, StoreError> {
        let (tree, name) = (self.tree(account), name.clone());
        self.change(move |step, changed| tree.create(step, &name, role, changed))
            .await
    }

    async fn rename(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        name: &MailboxName,
    ) -> Result<Renamed, StoreError> {
        let (tree, name) = (self.tree(account), name.clone());
        self.change(move |step, changed| tree.rename(step, mailbox, &name, changed))
            .await
    }

    async fn delete(&self, account: AccountId, mailbox: MailboxId) -> Result<Deleted, StoreError> {
        let tree = self.tree(account);
        let deleted = self
            .change(move |step, changed| tree.delete(step, mailbox, changed))
            .await?;
        while !self.change(|step, _| tree::empty(step)).await? {}
        Ok(deleted)
    }

    async fn subscribe(&self, account: AccountId, name: &MailboxName) -> Result<bool, StoreError> {
        let (tree, name) = (self.tree(account), name.clone());
        self.change(move |step, _| tree.subscribe(step, &name))
            .await
    }

    async fn unsubscribe(&self, account: AccountId, name: &MailboxName) -> Result<(), StoreError> {
        self.open_account(account).await?;
        let key = record::subscription_key(account, name);
        self.change(move |step, _| {
            step.delete(key);
            Ok(())
        })
        .await
    }

    async fn subscriptions(&self, account: AccountId) -> Result<Vec<MailboxName>, StoreError> {
        self.open_account(account).await?;
        self.engine
            .read(|read| record::subscriptions(read, account))
    }

    async fn states(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<EntryState>, StoreError> {
        let page = Page::new(account, mailbox, after, limit);
        self.engine.read(|read| page.states(read))
    }

    async fn measures(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Measure>, StoreError> {
        let page = Page::new(account, mailbox, after, limit);
        self.engine.read(|read| page.measures(read))
    }

    async fn entries(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        let page = Page::new(account, mailbox, after, limit);
        self.engine.read(|read| page.entries(read))
    }

    async fn entries_at(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        let uids = ascending(uids);
        self.engine
            .read(|read| list::entries_at(read, account, mailbox, &uids))
    }

    async fn entry(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uid: u32,
    ) -> Result<Option<MailboxEntry>, StoreError> {
        let mut found = self
            .engine
            .read(|read| list::entries_at(read, account, mailbox, &[uid]))?;
        Ok(found.pop())
    }

    async fn delta(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
        limit: usize,
    ) -> Result<Option<Delta>, StoreError> {
        self.engine
            .read(|read| list::delta(read, account, mailbox, since, limit))
    }

    async fn store_flags(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        change: &FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsStored, StoreError> {
        let marking = Marking {
            account,
            mailbox,
            change: change.clone(),
            unchanged_since,
            now: self.clock.now(),
        };
        self.mark(marking, uids).await
    }

    async fn copy(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
        quota: Quota,
    ) -> Result<Copied, StoreError> {
        let trip = self.trip(account, from, uids, to, Kind::Copy(quota));
        self.change(move |step, changed| copy::copy(step, &trip, changed))
            .await
    }

    async fn move_entries(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        let trip = self.trip(account, from, uids, to, Kind::Move);
        self.change(move |step, changed| copy::copy(step, &trip, changed))
            .await
    }

    async fn expunge(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        which: Expunge,
    ) -> Result<Vec<u32>, StoreError> {
        let removal = Removal {
            account,
            mailbox,
            which,
            now: self.clock.now(),
        };
        self.remove(removal, uids).await
    }

    async fn usage(&self, account: AccountId) -> Result<Usage, StoreError> {
        let record = self
            .engine
            .read(|read| AccountRecord::find(read, account))?;
        Ok(record.map(|record| record.usage).unwrap_or_default())
    }

    async fn lock(
        &self,
        account: AccountId,
        holder: LockHolder,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let now = self.clock.monotonic();
        Ok(self.locks.take(account, holder, now, lease))
    }

    async fn unlock(&self, account: AccountId, holder: LockHolder) -> Result<(), StoreError> {
        self.locks.give_back(account, holder);
        Ok(())
    }

    async fn remove_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.remove_mailboxes(account).await
    }

    async fn releases(&self, limit: usize) -> Result<Vec<Release>, StoreError> {
        self.waiting_releases(limit).await
    }

    async fn released(&self, releases: &[Release]) -> Result<(), StoreError> {
        let keys = releases.iter().map(shown::release_key);
        self.forget(keys.collect()).await
    }

    async fn deliveries(
        &self,
        after: Option<(AccountId, MessageId)>,
        limit: usize,
    ) -> Result<Vec<(AccountId, MessageId)>, StoreError> {
        self.all_deliveries(after, limit)
    }

    async fn forget_deliveries(
        &self,
        records: &[(AccountId, MessageId)],
    ) -> Result<(), StoreError> {
        let keys = records
            .iter()
            .map(|(account, message)| across::delivered_key(*account, *message));
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
        self.all_shown(after, limit)
    }

    fn changes(&self, account: AccountId) -> MailboxChanges {
        self.watchers.watch(account)
    }
}

#[cfg(test)]
mod tests;
