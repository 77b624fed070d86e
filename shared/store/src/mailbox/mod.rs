//! Mailboxes: what an account sees of its mail.
//!
//! An entry refers to content by id; octets are elsewhere. UIDs, UIDVALIDITY
//! and modification sequences are those of IMAP (RFC 9051 §2.3.1.1, RFC 7162).
//!
//! A mailbox has an id that outlives its name: who works in one names it by
//! [`MailboxId`], so that what he removes is not in another one that got the
//! name meanwhile. Names form a tree without gaps: those above a new mailbox
//! are made with it, and one with others below it cannot be deleted (RFC 9051
//! §6.3.5, HASCHILDREN).
//!
//! A session that looks at a mailbox reads [`MailboxStore::mailbox`] and then all
//! [`MailboxStore::states`]; from there on, whenever [`MailboxStore::changes`]
//! tells of something, the [`MailboxStore::delta`] since the modification sequence
//! that it knows. It may see a change twice, and never misses one.

mod entry;
mod epoch;
mod flag;
mod lock;
mod name;
mod outcome;
mod watch;

use std::time::Duration;

use async_trait::async_trait;
use message::{AccountId, ContentId, MessageId};

use crate::StoreError;
pub use entry::{EntryState, MailboxEntry, MailboxInfo, Measure, NewEntry, Quota, Release, Usage};
pub(crate) use epoch::ABSENCE;
pub use epoch::{Absence, Cause, Epochs, Standing};
pub use flag::{Flag, FlagChange, Keyword, KeywordError, sorted};
pub use lock::LockHolder;
pub use name::{MailboxId, MailboxName, MailboxNameError, Role, STANDARD};
pub use outcome::{
    AllAppended, Appended, Copied, Created, Deleted, Delta, Expunge, FlagsStored, Renamed, Vanished,
};
pub(crate) use watch::Watchers;
pub use watch::{MailboxChanged, MailboxChanges, MailboxEvent};

/// The most mailboxes of an account, and the most subscriptions.
pub const MAX_MAILBOXES: usize = 2_000;

/// The most entries that one step appends or moves.
pub const MAX_TOGETHER: usize = 1_000;

/// The most entries that one step copies. A copy is whole or it is none (RFC 9051
/// §6.4.7), so it is one step, however many they are; nobody else is served while
/// an engine takes it, some 15 µs for each.
pub const MAX_COPIED: usize = 20_000;

/// How many expunged UIDs of a mailbox are kept in its log at least.
pub const VANISHED_KEPT: usize = 10_000;

/// The port of mailboxes. Every account has the [`STANDARD`] mailboxes from its
/// first use on.
///
/// Whatever changes something is durable when it returns, and publishes its
/// changes in the same step. Repeating it after a lost answer changes nothing
/// more, except for an append without a delivery and a copy.
#[async_trait]
pub trait MailboxStore: Epochs {
    /// Puts a message into a mailbox; checks and writes the delivery record and
    /// the quota in the same step.
    async fn append(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entry: NewEntry,
        quota: Quota,
    ) -> Result<Appended, StoreError>;

    /// Puts all of these into a mailbox, or none (RFC 3502). At most
    /// [`MAX_TOGETHER`], none of them a delivery.
    async fn append_all(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entries: Vec<NewEntry>,
        quota: Quota,
    ) -> Result<AllAppended, StoreError>;

    /// All mailboxes of an account, by name.
    async fn mailboxes(&self, account: AccountId) -> Result<Vec<MailboxInfo>, StoreError>;

    /// A mailbox, whatever it is called now.
    async fn mailbox(
        &self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<Option<MailboxInfo>, StoreError>;

    /// The mailbox of this name.
    async fn find(
        &self,
        account: AccountId,
        name: &MailboxName,
    ) -> Result<Option<MailboxInfo>, StoreError>;

    /// Makes a mailbox, and those above it that are missing. A mailbox has a role
    /// alone.
    async fn create(
        &self,
        account: AccountId,
        name: &MailboxName,
        role: Option<Role>,
    ) -> Result<Created, StoreError>;

    /// Gives a mailbox another name, and those below it; makes those above the
    /// new name that are missing. Ids, entries, UIDs and roles stay.
    ///
    /// The inbox is special (RFC 9051 §6.3.6): a new mailbox takes its entries
    /// with their UIDs and their UIDVALIDITY, the inbox stays, empty and with a
    /// new UIDVALIDITY, and so do those below it.
    async fn rename(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        name: &MailboxName,
    ) -> Result<Renamed, StoreError>;

    /// Deletes a mailbox with its entries. Many entries take several steps after
    /// the one that hides them; [`MailboxStore::releases`] goes on with those
    /// that a crash left.
    async fn delete(&self, account: AccountId, mailbox: MailboxId) -> Result<Deleted, StoreError>;

    /// Adds a name to the account's subscriptions, whether there is such a
    /// mailbox or not; false if there are [`MAX_MAILBOXES`] already.
    async fn subscribe(&self, account: AccountId, name: &MailboxName) -> Result<bool, StoreError>;

    /// Takes a name from the account's subscriptions. Only this does: they stay
    /// as they are when mailboxes are renamed or deleted (RFC 9051 §6.3.7).
    async fn unsubscribe(&self, account: AccountId, name: &MailboxName) -> Result<(), StoreError>;

    /// The account's subscriptions, by name.
    async fn subscriptions(&self, account: AccountId) -> Result<Vec<MailboxName>, StoreError>;

    /// A page of what changes of entries, by UID: those above `after`, at most
    /// `limit`. A mailbox of 100,000 entries is read in well under 100 ms.
    async fn states(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<EntryState>, StoreError>;

    /// A page of what entries are searched by, by UID: those above `after`, at
    /// most `limit`.
    async fn measures(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<Measure>, StoreError>;

    /// A page of entries by UID: those above `after`, at most `limit`.
    async fn entries(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError>;

    /// The entries with these UIDs that are there, by UID.
    async fn entries_at(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
    ) -> Result<Vec<MailboxEntry>, StoreError>;

    /// One entry.
    async fn entry(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uid: u32,
    ) -> Result<Option<MailboxEntry>, StoreError>;

    /// What became of a mailbox after modification sequence `since`, seen at one
    /// moment: at most `limit` entries that changed, and all that vanished.
    /// `None` if there is no such mailbox.
    async fn delta(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
        limit: usize,
    ) -> Result<Option<Delta>, StoreError>;

    /// Changes the flags of entries, of each atomically; with `unchanged_since`
    /// only of those whose modification sequence is not higher. Many may take
    /// several steps.
    async fn store_flags(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        change: &FlagChange,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsStored, StoreError>;

    /// Copies entries into another mailbox or the same, all that are there or
    /// none: flags and internal dates are kept, the quota holds. At most
    /// [`MAX_COPIED`].
    async fn copy(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
        quota: Quota,
    ) -> Result<Copied, StoreError>;

    /// Moves entries into another mailbox or the same (RFC 6851): each is in one
    /// of the two at any moment. At most [`MAX_TOGETHER`].
    async fn move_entries(
        &self,
        account: AccountId,
        from: MailboxId,
        uids: &[u32],
        to: MailboxId,
    ) -> Result<Copied, StoreError>;

    /// Removes entries for good; returns which of `uids` it removed. Queues a
    /// release for each content that the account no longer shows. Many may take
    /// several steps, each of them whole; repeating finishes them.
    async fn expunge(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
        which: Expunge,
    ) -> Result<Vec<u32>, StoreError>;

    /// What the account's mailboxes hold.
    async fn usage(&self, account: AccountId) -> Result<Usage, StoreError>;

    /// Takes the account's mailboxes for `holder` alone until `lease` is over, or
    /// prolongs that; false while somebody else holds them. It binds those who
    /// ask: sessions of POP3. Not durable: a lock does not outlive its engine.
    async fn lock(
        &self,
        account: AccountId,
        holder: LockHolder,
        lease: Duration,
    ) -> Result<bool, StoreError>;

    /// Gives back what `holder` took, if it still holds it.
    async fn unlock(&self, account: AccountId, holder: LockHolder) -> Result<(), StoreError>;

    /// Removes all of an account's mailboxes for good and queues its releases;
    /// from now on it has no mailbox. Delivery records stay until they are
    /// forgotten. Many entries take several steps; repeating finishes them.
    async fn remove_account(&self, account: AccountId) -> Result<(), StoreError>;

    /// Releases that wait for the ledger, at most `limit`; each stays until
    /// [`MailboxStore::released`] names it.
    async fn releases(&self, limit: usize) -> Result<Vec<Release>, StoreError>;

    /// The ledger has these: they are dropped from the queue.
    async fn released(&self, releases: &[Release]) -> Result<(), StoreError>;

    /// A page of delivery records above `after`, by account and message.
    async fn deliveries(
        &self,
        after: Option<(AccountId, MessageId)>,
        limit: usize,
    ) -> Result<Vec<(AccountId, MessageId)>, StoreError>;

    /// Drops delivery records whose ledger entries are gone.
    async fn forget_deliveries(&self, records: &[(AccountId, MessageId)])
    -> Result<(), StoreError>;

    /// Whether any entry of the account shows `content`.
    async fn shows(&self, account: AccountId, content: &ContentId) -> Result<bool, StoreError>;

    /// A page of (account, content) pairs above `after` of all that mailboxes
    /// show, for `rohrpost check`.
    async fn shown(
        &self,
        after: Option<&Release>,
        limit: usize,
    ) -> Result<Vec<Release>, StoreError>;

    /// Changes to the account's mailboxes from now on.
    fn changes(&self, account: AccountId) -> MailboxChanges;
}
