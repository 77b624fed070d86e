//! Mailboxes on Redis: a hash tag for each account. What stands under which key,
//! `functions/mailbox/` says; entries and states are packed octets, which
//! [`entry`] and [`state`] read.
//!
//! An account has its mailboxes after a first step of its own: a function that
//! does not find them answers so, and is called again. What spans accounts is in
//! [`across`]. Long operations take several steps, each of them whole.

mod account;
mod across;
mod change;
mod changes;
mod content;
mod entry;
mod list;
mod lock;
mod removal;
mod reply;
mod state;
mod subscription;
mod tree;

use std::time::Duration;

use async_trait::async_trait;
use message::{AccountId, ContentId, MessageId};

use super::RedisStore;
use super::connection::Call;
use crate::StoreError;
use crate::mailbox::{
    AllAppended, Appended, Copied, Created, Deleted, Delta, EntryState, Expunge, FlagChange,
    FlagsStored, LockHolder, MailboxChanges, MailboxEntry, MailboxId, MailboxInfo, MailboxName,
    MailboxStore, Measure, NewEntry, Quota, Release, Renamed, Role, Usage,
};
use account::Owner;
pub(super) use account::limits;
pub(super) use changes::Changes;
use list::Page;

/// The library `rohrpost_mailbox`.
pub(super) const FUNCTIONS: &[&str] = &[
    include_str!("../functions/mailbox/account.lua"),
    include_str!("../functions/mailbox/record.lua"),
    include_str!("../functions/mailbox/state.lua"),
    include_str!("../functions/mailbox/flag.lua"),
    include_str!("../functions/mailbox/shown.lua"),
    include_str!("../functions/mailbox/desk.lua"),
    include_str!("../functions/mailbox/busy.lua"),
    include_str!("../functions/mailbox/append.lua"),
    include_str!("../functions/mailbox/change.lua"),
    include_str!("../functions/mailbox/transfer.lua"),
    include_str!("../functions/mailbox/list.lua"),
    include_str!("../functions/mailbox/tree.lua"),
    include_str!("../functions/mailbox/removal.lua"),
    include_str!("../functions/mailbox/lock.lua"),
    include_str!("../functions/mailbox/epoch.lua"),
];

/// The most entries that one step touches or reads, where it may be one of many.
const CHUNK: usize = 500;

#[async_trait]
impl MailboxStore for RedisStore {
    async fn append(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entry: NewEntry,
        quota: Quota,
    ) -> Result<Appended, StoreError> {
        self.owner(account).append(mailbox, entry, quota).await
    }

    async fn append_all(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entries: Vec<NewEntry>,
        quota: Quota,
    ) -> Result<AllAppended, StoreError> {
        let owner = self.owner(account);
        owner.append_all(mailbox, entries, quota).await
    }

    async fn mailboxes(&self, account: AccountId) -> Result<Vec<MailboxInfo>, StoreError> {
        self.owner(account).mailboxes().await
    }

    async fn mailbox(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<Option<MailboxInfo>, StoreError> {
        let owner = self.owner(account);
        let call = owner.read("mailbox_mailbox").arg(mailbox.number());
        owner.info(call).await
    }

    async fn find(
        &self,
        account: AccountId,
        name: &MailboxName,
    ) -> Result<Option<MailboxInfo>, StoreError> {
        let owner = self.owner(account);
        let call = owner.read("mailbox_find").arg(name.as_str());
        owner.info(call).await
    }

    async fn create(
        &self,
        account: AccountId,
        name: &MailboxName,
        role: Option<Role>,
    ) -> Result<Created, StoreError> {
        self.owner(account).create(name, role).await
    }

    async fn rename(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        name: &MailboxName,
    ) -> Result<Renamed, StoreError> {
        self.owner(account).rename(mailbox, name).await
    }

    async fn delete(&self, account: AccountId, mailbox: MailboxId) -> Result<Deleted, StoreError> {
        self.owner(account).delete(mailbox).await
    }

    async fn subscribe(&self, account: AccountId, name: &MailboxName) -> Result<bool, StoreError> {
        self.owner(account).subscribe(name).await
    }

    async fn unsubscribe(&self, account: AccountId, name: &MailboxName) -> Result<(), StoreError> {
        self.owner(account).unsubscribe(name).await
    }

    async fn subscriptions(&self, account: AccountId) -> Result<Vec<MailboxName>, StoreError> {
        self.owner(account).subscriptions().await
    }

    async fn states(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<EntryState>, StoreError> {
        let page = Page {
            mailbox,
            after,
            limit,
        };
        self.owner(account).states(page).await
    }

    async fn measures(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Measure>, StoreError> {
        let page = Page {
            mailbox,
            after,
            limit,
        };
        self.owner(account).measures(page).await
    }

    async fn entries(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        let page = Page {
            mailbox,
            after,
            limit,
        };
        self.owner(account).entries(page).await
    }

    async fn entries_at(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        self.owner(account).entries_at(mailbox, uids).await
    }

    async fn entry(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uid: u32,
    ) -> Result<Option<MailboxEntry>, StoreError> {
        Ok(self.entries_at(account, mailbox, &[uid]).await?.pop())
    }

    async fn delta(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
        limit: usize,
    ) -> Result<Option<Delta>, StoreError> {
        self.owner(account).delta(mailbox, since, limit).await
    }

    async fn store_flags(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        change: &FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsStored, StoreError> {
        let owner = self.owner(account);
        let stored = owner.store_flags(mailbox, uids, change, unchanged_since);
        stored.await
    }

    async fn copy(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
        quota: Quota,
    ) -> Result<Copied, StoreError> {
        self.owner(account).copy(from, uids, to, quota).await
    }

    async fn move_entries(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        self.owner(account).move_entries(from, uids, to).await
    }

    async fn expunge(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        which: Expunge,
    ) -> Result<Vec<u32>, StoreError> {
        self.owner(account).expunge(mailbox, uids, which).await
    }

    async fn usage(&self, account: AccountId) -> Result<Usage, StoreError> {
        self.owner(account).usage().await
    }

    async fn lock(
        &self,
        account: AccountId,
        holder: LockHolder,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        self.owner(account).lock(holder, lease).await
    }

    async fn unlock(&self, account: AccountId, holder: LockHolder) -> Result<(), StoreError> {
        self.owner(account).unlock(holder).await
    }

    async fn remove_account(&self, account: AccountId) -> Result<(), StoreError> {
        self.owner(account).remove().await
    }

    async fn releases(&self, limit: usize) -> Result<Vec<Release>, StoreError> {
        self.waiting_releases(limit).await
    }

    async fn released(&self, releases: &[Release]) -> Result<(), StoreError> {
        self.drop_releases(releases).await
    }

    async fn deliveries(
        &self,
        after: Option<(AccountId, MessageId)>,
        limit: usize,
    ) -> Result<Vec<(AccountId, MessageId)>, StoreError> {
        self.all_deliveries(after, limit).await
    }

    async fn forget_deliveries(
        &self,
        records: &[(AccountId, MessageId)],
    ) -> Result<(), StoreError> {
        self.drop_deliveries(records).await
    }

    async fn shows(&self, account: AccountId, content: &ContentId) -> Result<bool, StoreError> {
        let call = Call::read("mailbox_shows", &self.owner(account).key);
        self.link.call(call.arg(content::packed(content))).await
    }

    async fn shown(
        &self,
        after: Option<&Release>,
        limit: usize,
    ) -> Result<Vec<Release>, StoreError> {
        self.all_shown(after, limit).await
    }

    fn changes(&self, account: AccountId) -> MailboxChanges {
        self.changes.watch(account)
    }
}

impl RedisStore {
    fn owner(&self, account: AccountId) -> Owner<'_> {
        Owner::new(&self.link, account, self.epoch.number())
    }
}

/// In order, each once.
fn ascending(uids: &[u32]) -> Vec<u32> {
    let mut uids = uids.to_vec();
    uids.sort_unstable();
    uids.dedup();
    uids
}
