//! Mailboxes: what an account sees of its mail.
//!
//! An entry refers to content by id; octets are elsewhere. UIDs, UIDVALIDITY
//! and modification sequences are those of IMAP (RFC 9051 §2.3.1.1, RFC 7162).

use async_trait::async_trait;
use message::{AccountId, ContentId, MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::StoreError;

/// The name of a mailbox: levels parted by `/`, `INBOX` in any case as `INBOX`.
/// At most 1000 octets, no control characters, no empty level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailboxName(Box<str>);

/// Text that cannot name a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mailbox name is 1 to 1000 octets without control characters or empty levels")]
pub struct MailboxNameError;

impl MailboxName {
    /// Where new mail goes.
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MailboxName {
    type Error = MailboxNameError;

    fn try_from(text: String) -> Result<Self, MailboxNameError> {
        let well_formed = (1..=1000).contains(&text.len())
            && !text.chars().any(char::is_control)
            && text.split('/').all(|level| !level.is_empty());
        if !well_formed {
            return Err(MailboxNameError);
        }
        let inbox = text.eq_ignore_ascii_case("INBOX");
        Ok(if inbox {
            Self::inbox()
        } else {
            Self(text.into())
        })
    }
}

impl std::str::FromStr for MailboxName {
    type Err = MailboxNameError;

    fn from_str(text: &str) -> Result<Self, MailboxNameError> {
        text.to_owned().try_into()
    }
}

impl From<MailboxName> for String {
    fn from(name: MailboxName) -> Self {
        name.0.into()
    }
}

impl std::fmt::Display for MailboxName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mailbox is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Incoming mail.
    Inbox,
    /// `\Sent`
    Sent,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Trash`
    Trash,
    /// `\Archive`
    Archive,
}

/// The mailboxes every account has from the start.
pub const STANDARD: [(&str, Role); 6] = [
    ("INBOX", Role::Inbox),
    ("Sent", Role::Sent),
    ("Drafts", Role::Drafts),
    ("Junk", Role::Junk),
    ("Trash", Role::Trash),
    ("Archive", Role::Archive),
];

/// A flag of an entry (RFC 9051 §2.3.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// Any other, such as `$Forwarded`.
    Keyword(Box<str>),
}

/// A mailbox and its counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxInfo {
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub role: Option<Role>,
    /// Changes when UIDs of before no longer mean the same.
    pub uid_validity: u32,
    /// The UID that the next entry gets.
    pub uid_next: u32,
    /// How many entries it holds.
    pub messages: u64,
    /// How many of them are not `\Seen`.
    pub unseen: u64,
    /// The sum of their sizes, in octets.
    pub octets: u64,
    /// The highest modification sequence in it.
    pub highest_modseq: u64,
}

/// A message as it is put into a mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// Set for deliveries: the account gets this message once, whatever became
    /// of the entry since.
    pub delivery: Option<MessageId>,
    /// Where its octets are.
    pub content: ContentId,
    /// What stands before the content's own prefix and octets in this mailbox:
    /// Return-Path and Delivered-To. At most [`NewEntry::MAX_PREFIX`] octets.
    pub prefix: String,
    /// Size of all of it, in octets: this prefix, the content's, the octets.
    pub size: u64,
    /// When it was received.
    pub internal_date: Timestamp,
    /// Its first flags.
    pub flags: Vec<Flag>,
}

impl NewEntry {
    /// The longest prefix, in octets.
    pub const MAX_PREFIX: usize = 4096;
}

/// A message in a mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MailboxEntry {
    /// Its UID in that mailbox.
    pub uid: u32,
    /// Raised with every change to it.
    pub modseq: u64,
    /// The delivery it came by, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<MessageId>,
    /// Where its octets are.
    pub content: ContentId,
    /// What stands before the content's own prefix and octets.
    pub prefix: String,
    /// Size of all of it, in octets.
    pub size: u64,
    /// When it was received.
    pub internal_date: Timestamp,
    /// Its flags, sorted.
    pub flags: Vec<Flag>,
}

/// What an append came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the mailbox, and durable.
    Stored {
        /// Under this UID.
        uid: u32,
        /// With this UIDVALIDITY.
        uid_validity: u32,
    },
    /// The account got this delivery before; nothing changed.
    AlreadyDelivered,
    /// The account's quota does not allow it; nothing changed.
    OverQuota,
    /// There is no such mailbox; nothing changed.
    NoSuchMailbox,
}

/// What an account's mailboxes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Sum of sizes.
    pub octets: u64,
    /// Number of entries.
    pub messages: u64,
}

/// An account's last entry of a content is gone: its reference can be released.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// The account that referred to it.
    pub account: AccountId,
    /// The content it no longer shows.
    pub content: ContentId,
}

/// That something changed in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxChanged {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub mailbox: MailboxName,
    /// Its highest modification sequence now.
    pub modseq: u64,
}

/// The port of mailboxes. Every account has the [`STANDARD`] mailboxes from its
/// first use on.
#[async_trait]
pub trait MailboxStore: Send + Sync {
    /// Puts a message into a mailbox; checks and writes the delivery record and
    /// the quota (in octets) in the same step. Durable.
    async fn append(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        entry: NewEntry,
        quota: Option<u64>,
    ) -> Result<Appended, StoreError>;

    /// All mailboxes of an account, by name.
    async fn mailboxes(&self, account: AccountId) -> Result<Vec<MailboxInfo>, StoreError>;

    /// A page of entries by UID: those above `after`, at most `limit`.
    async fn entries(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        after: u32,
        limit: usize,
    ) -> Result<Vec<MailboxEntry>, StoreError>;

    /// One entry.
    async fn entry(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        uid: u32,
    ) -> Result<Option<MailboxEntry>, StoreError>;

    /// Removes entries for good; returns which of `uids` were there. Queues a
    /// release for each content that the account no longer shows. Many may take
    /// several steps, each of them whole; repeating finishes them. Durable.
    async fn expunge(
        &self,
        account: AccountId,
        mailbox: &MailboxName,
        uids: &[u32],
    ) -> Result<Vec<u32>, StoreError>;

    /// What the account's mailboxes hold.
    async fn usage(&self, account: AccountId) -> Result<Usage, StoreError>;

    /// Removes all of an account's mailboxes for good and queues its releases;
    /// from now on it has no mailbox. Delivery records stay until they are
    /// forgotten. Many entries take several steps; repeating finishes them.
    /// Durable.
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

    /// Changes to any mailbox from now on, published in the same step as the
    /// change. A slow receiver loses the oldest and is told so.
    fn changes(&self) -> broadcast::Receiver<MailboxChanged>;
}
