//! Mailboxes on Redis: a hash tag for each account. What stands under which key,
//! `functions/mailbox/` says; entries and states are packed octets, which
//! [`entry`] and [`state`] read.
//!
//! An account has its mailboxes after a first step of its own: a function that
//! does not find them answers so, and is called again. What spans accounts is in
//! [`across`]. Long operations take several steps, each of them whole.

mod account;
mod across;
mod changes;
mod content;
mod entry;
mod reply;
mod state;
mod tree;

use std::time::Duration;

use async_trait::async_trait;
use message::{AccountId, ContentId, MessageId};

use super::RedisStore;
use super::connection::Call;
use crate::StoreError;
use crate::mailbox::{
    AllAppended, Appended, Copied, Created, Deleted, Delta, EntryState, Expunge, FlagChange,
    FlagsStored, LockHolder, MAX_MAILBOXES, MAX_TOGETHER, MailboxChanges, MailboxEntry, MailboxId,
    MailboxInfo, MailboxName, MailboxStore, Measure, NewEntry, Quota, Release, Renamed, Role,
    Usage, Vanished,
};
use account::Owner;
pub(super) use changes::Changes;
use entry::{EntryArguments, Row};
use reply::{AppendReply, Blocks, CopyReply, DeltaReply, InfoReply};
use state::States;

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
    include_str!("../functions/mailbox/list.lua"),
    include_str!("../functions/mailbox/tree.lua"),
    include_str!("../functions/mailbox/removal.lua"),
    include_str!("../functions/mailbox/lock.lua"),
    include_str!("../functions/mailbox/epoch.lua"),
];

/// The most entries that one step touches or reads.
const CHUNK: usize = 500;

/// The most blocks of states that one step reads.
const BLOCKS: usize = 1024;

#[async_trait]
impl MailboxStore for RedisStore {
    async fn append(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entry: NewEntry,
        quota: Quota,
    ) -> Result<Appended, StoreError> {
        let owner = self.owner(account);
        let delivery = entry.delivery.map(|message| message.bits().to_be_bytes());
        let call = owner
            .place("mailbox_append", mailbox, quota)
            .arg(delivery.as_ref().map_or(&[][..], |bits| bits))
            .arg(EntryArguments::of(entry)?);
        // Without a delivery record a repetition would file it twice.
        let call = match delivery {
            Some(_) => call,
            None => call.once(),
        };
        Ok(owner.call::<AppendReply>(call).await?.one())
    }

    async fn append_all(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entries: Vec<NewEntry>,
        quota: Quota,
    ) -> Result<AllAppended, StoreError> {
        if entries.len() > MAX_TOGETHER || entries.iter().any(|entry| entry.delivery.is_some()) {
            let misuse = format!(
                "{} entries at once, or a delivery among them",
                entries.len()
            );
            return Err(StoreError::Misused(misuse));
        }
        let owner = self.owner(account);
        let mut call = owner.place("mailbox_append_all", mailbox, quota);
        for entry in entries {
            call = call.arg(EntryArguments::of(entry)?);
        }
        owner.call::<AppendReply>(call.once()).await?.all()
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
        if mailbox == MailboxId::INBOX {
            return Ok(Deleted::IsInbox);
        }
        let owner = self.owner(account);
        let hide = |call: Call| call.arg(mailbox.number());
        let deleted = owner.busy::<String>("mailbox_delete", hide).await?;
        while !owner.empty_shelf().await? {}
        match deleted.as_str() {
            "deleted" => Ok(Deleted::Deleted),
            "has inferiors" => Ok(Deleted::HasInferiors),
            _missing => Ok(Deleted::NoSuchMailbox),
        }
    }

    async fn subscribe(&self, account: AccountId, name: &MailboxName) -> Result<bool, StoreError> {
        let owner = self.owner(account);
        let call = owner.write("mailbox_subscribe").arg(name.as_str());
        owner.call(call.arg(MAX_MAILBOXES)).await
    }

    async fn unsubscribe(&self, account: AccountId, name: &MailboxName) -> Result<(), StoreError> {
        let owner = self.owner(account);
        let call = owner.write("mailbox_unsubscribe").arg(name.as_str());
        owner.call::<u64>(call).await.map(drop)
    }

    async fn subscriptions(&self, account: AccountId) -> Result<Vec<MailboxName>, StoreError> {
        let owner = self.owner(account);
        let names: Vec<String> = owner.call(owner.read("mailbox_subscriptions")).await?;
        names.into_iter().map(|name| owner.name(name)).collect()
    }

    async fn states(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<EntryState>, StoreError> {
        let owner = self.owner(account);
        let mut found = States::default();
        let mut block = state::block_of(after.saturating_add(1));
        while found.len() < limit && after < u32::MAX {
            let call = Call::read("mailbox_states", &owner.key)
                .arg(mailbox.number())
                .arg(block)
                .arg((limit / state::PER_BLOCK + 2).min(BLOCKS));
            let (next, blocks): (i64, Blocks) = self.link.call(call).await?;
            found.read(&blocks, |state| state.uid > after);
            match u64::try_from(next) {
                Ok(next) => block = next,
                Err(_no_more) => break,
            }
        }
        found.truncate(limit);
        owner.flagged(found).await
    }

    async fn measures(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Measure>, StoreError> {
        let owner = self.owner(account);
        let mut measures: Vec<Measure> = Vec::new();
        while measures.len() < limit {
            let most = (limit - measures.len()).min(CHUNK);
            let call = Call::read("mailbox_measures", &owner.key)
                .arg(mailbox.number())
                .arg(measures.last().map_or(after, |last| last.uid))
                .arg(most);
            let page: Vec<(u32, Vec<u8>)> = self.link.call(call).await?;
            for (uid, octets) in &page {
                measures.push(entry::measure(*uid, octets).ok_or_else(|| owner.corrupt("entry"))?);
            }
            if page.len() < most {
                break;
            }
        }
        Ok(measures)
    }

    async fn entries(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        let owner = self.owner(account);
        let mut entries: Vec<MailboxEntry> = Vec::new();
        while entries.len() < limit {
            let most = (limit - entries.len()).min(CHUNK);
            let call = Call::read("mailbox_entries", &owner.key)
                .arg(mailbox.number())
                .arg(entries.last().map_or(after, |last| last.uid))
                .arg(most);
            let page = owner.entries(call).await?;
            let is_last = page.len() < most;
            entries.extend(page);
            if is_last {
                break;
            }
        }
        Ok(entries)
    }

    async fn entries_at(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
    ) -> Result<Vec<MailboxEntry>, StoreError> {
        let owner = self.owner(account);
        let mut entries = Vec::new();
        for chunk in ascending(uids).chunks(CHUNK) {
            let call = Call::read("mailbox_entries_at", &owner.key)
                .arg(mailbox.number())
                .arg(chunk);
            entries.extend(owner.entries(call).await?);
        }
        Ok(entries)
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
        let owner = self.owner(account);
        let call = Call::read("mailbox_delta", &owner.key)
            .arg(mailbox.number())
            .arg(since.min(state::MAX_MODSEQ));
        let Some(reply) = self.link.call::<Option<DeltaReply>>(call).await? else {
            return Ok(None);
        };
        let DeltaReply(info, vanished, blocks) = reply;
        let info = info.info(&owner)?;
        let mut changed = States::default();
        changed.read(&blocks, |state| state.modseq > since);
        let more = changed.keep_first_changes(limit.max(1));
        let modseq = changed.last_modseq().filter(|_| more);
        Ok(Some(Delta {
            uid_validity: info.uid_validity,
            uid_next: info.uid_next,
            modseq: modseq.unwrap_or(info.highest_modseq),
            changed: owner.flagged(changed).await?,
            vanished: vanished.map_or(Vanished::Unknown, |log| entry::vanished(&log)),
            more,
        }))
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
        let (kind, flags) = match change {
            FlagChange::Add(flags) => ("add", flags),
            FlagChange::Remove(flags) => ("remove", flags),
            FlagChange::Replace(flags) => ("replace", flags),
        };
        let (bits, keywords) = state::packed_flags(flags);
        let mut all = FlagsStored::default();
        for chunk in ascending(uids).chunks(CHUNK) {
            let call = owner
                .write("mailbox_store_flags")
                .arg(mailbox.number())
                .arg(unchanged_since.map_or(String::new(), |modseq| modseq.to_string()))
                .arg((kind, bits, &keywords))
                .arg(chunk);
            let (stored, modified, too_many): (States, Vec<u32>, Vec<u32>) =
                owner.call(call).await?;
            all.stored.extend(owner.flagged(stored).await?);
            all.modified.extend(modified);
            all.too_many.extend(too_many);
        }
        Ok(all)
    }

    async fn copy(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
        quota: Quota,
    ) -> Result<Copied, StoreError> {
        let owner = self.owner(account);
        let call = owner
            .write("mailbox_copy")
            .arg(self.link.now())
            .arg((from.number(), to.number()))
            .arg(account::limits(quota))
            .arg(together(uids)?)
            .once();
        Ok(owner.call::<CopyReply>(call).await?.0)
    }

    async fn move_entries(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        let owner = self.owner(account);
        let call = owner
            .write("mailbox_move")
            .arg(self.link.now())
            .arg((from.number(), to.number()))
            .arg(together(uids)?)
            .once();
        Ok(owner.call::<CopyReply>(call).await?.0)
    }

    async fn expunge(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        which: Expunge,
    ) -> Result<Vec<u32>, StoreError> {
        let owner = self.owner(account);
        let which = match which {
            Expunge::All => "all",
            Expunge::Deleted => "deleted",
        };
        let mut gone: Vec<u32> = Vec::new();
        for chunk in ascending(uids).chunks(CHUNK) {
            let of = |call: Call| call.arg(mailbox.number()).arg(which).arg(chunk);
            gone.extend(owner.busy::<Vec<u32>>("mailbox_expunge", of).await?);
        }
        Ok(gone)
    }

    async fn usage(&self, account: AccountId) -> Result<Usage, StoreError> {
        let call = Call::read("mailbox_usage", &self.owner(account).key);
        let (octets, messages): (Option<u64>, Option<u64>) = self.link.call(call).await?;
        Ok(Usage {
            octets: octets.unwrap_or(0),
            messages: messages.unwrap_or(0),
        })
    }

    async fn lock(
        &self,
        account: AccountId,
        holder: LockHolder,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let lease = u64::try_from(lease.as_micros()).unwrap_or(u64::MAX);
        let call = Call::write("mailbox_lock", &self.owner(account).key)
            .arg(format!("{holder:?}"))
            .arg(lease.min(state::MAX_MODSEQ))
            .arg(self.link.now());
        self.link.call(call).await
    }

    async fn unlock(&self, account: AccountId, holder: LockHolder) -> Result<(), StoreError> {
        let call = Call::write("mailbox_unlock", &self.owner(account).key)
            .arg(format!("{holder:?}"))
            .arg(self.link.now());
        self.link.call::<u64>(call).await.map(drop)
    }

    async fn remove_account(&self, account: AccountId) -> Result<(), StoreError> {
        let owner = self.owner(account);
        owner.busy::<u64>("mailbox_remove", |call| call).await?;
        while !owner.release_some().await? {}
        Ok(())
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

impl Owner<'_> {
    /// What `call` gives: rows with the states that belong to them.
    async fn entries(&self, call: Call) -> Result<Vec<MailboxEntry>, StoreError> {
        let (rows, blocks): (Vec<(u32, Vec<u8>)>, Blocks) = self.link.call(call).await?;
        let mut states = States::default();
        let wanted = |uid| rows.binary_search_by_key(&uid, |(uid, _)| *uid).is_ok();
        states.read(&blocks, |state| wanted(state.uid));
        if states.len() != rows.len() {
            return Err(self.corrupt("an entry without a state"));
        }
        let states = self.flagged(states).await?;
        let both = rows.iter().zip(states);
        both.map(|((_, octets), state)| {
            let row = Row::read(octets).ok_or_else(|| self.corrupt("entry"))?;
            Ok(row.with(state))
        })
        .collect()
    }

    async fn info(&self, call: Call) -> Result<Option<MailboxInfo>, StoreError> {
        let found = self.call::<Option<InfoReply>>(call).await?;
        found.map(|found| found.info(self)).transpose()
    }

    /// Empties some of a shelf whose mailbox was deleted; true if there is none.
    async fn empty_shelf(&self) -> Result<bool, StoreError> {
        let some = |call: Call| call.arg(CHUNK);
        self.busy("mailbox_empty_shelf", some).await
    }

    /// Releases some of what a removed account showed; true if it shows nothing.
    async fn release_some(&self) -> Result<bool, StoreError> {
        let some = |call: Call| call.arg(CHUNK);
        self.busy("mailbox_release_shown", some).await
    }
}

/// In order, each once.
fn ascending(uids: &[u32]) -> Vec<u32> {
    let mut uids = uids.to_vec();
    uids.sort_unstable();
    uids.dedup();
    uids
}

/// The same, for what is one step.
fn together(uids: &[u32]) -> Result<Vec<u32>, StoreError> {
    let uids = ascending(uids);
    match uids.len() {
        ..=MAX_TOGETHER => Ok(uids),
        many => Err(StoreError::Misused(format!("{many} entries at once"))),
    }
}
