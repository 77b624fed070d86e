//! Messages in mailboxes.

use std::sync::Arc;

use message::{AccountId, ContentId, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Flag, MailboxId, MailboxName, Role};

/// A mailbox and its counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxInfo {
    /// Which.
    pub id: MailboxId,
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
    /// How many of them are `\Deleted`.
    pub deleted: u64,
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
    /// Its first flags, at most [`Flag::MAX_KEYWORDS`] keywords among them.
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
    /// Raised with every change to it; no two entries of an account share one.
    pub modseq: u64,
    /// The delivery it came by, if any; its copies name it too.
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
    /// When it was put into this mailbox (RFC 8514).
    pub saved: Timestamp,
    /// Its flags, sorted.
    pub flags: Vec<Flag>,
}

impl MailboxEntry {
    /// The EMAILID of RFC 8474: the same for all entries of an account with the
    /// same octets by origin, that is for a message and its copies.
    pub fn email_id(&self) -> String {
        match self.delivery {
            Some(message) => format!("D{message}"),
            // An EMAILID has no dots.
            None => {
                let content = self.content.as_str();
                format!("C{}", content.replace('_', "_u").replace('.', "_d"))
            }
        }
    }
}

/// What changes of an entry: all that a session keeps of each. Flags that
/// several entries of a list share are in memory once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryState {
    /// Its UID.
    pub uid: u32,
    /// Raised with every change to it.
    pub modseq: u64,
    /// Its flags, sorted.
    pub flags: Arc<[Flag]>,
}

/// What never changes of an entry, and is searched and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Its UID.
    pub uid: u32,
    /// Its size in octets.
    pub size: u64,
    /// When it was received.
    pub internal_date: Timestamp,
    /// When it was put into this mailbox.
    pub saved: Timestamp,
}

/// What an account's mailboxes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Sum of sizes.
    pub octets: u64,
    /// Number of entries.
    pub messages: u64,
}

/// What an account's mailboxes may hold (RFC 9208): STORAGE and MESSAGE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quota {
    /// The most octets.
    #[serde(default, rename = "quota", skip_serializing_if = "Option::is_none")]
    pub octets: Option<u64>,
    /// The most entries.
    #[serde(
        default,
        rename = "message_quota",
        skip_serializing_if = "Option::is_none"
    )]
    pub messages: Option<u64>,
}

impl Quota {
    /// Whatever one likes.
    pub const NONE: Self = Self {
        octets: None,
        messages: None,
    };

    /// At most so many octets.
    pub const fn octets(octets: Option<u64>) -> Self {
        Self {
            octets,
            messages: None,
        }
    }

    /// Whether `more` may be added to `held`.
    pub fn allows(&self, held: Usage, more: Usage) -> bool {
        let fits = |held: u64, more, most: Option<u64>| {
            most.is_none_or(|most| held.saturating_add(more) <= most)
        };
        fits(held.octets, more.octets, self.octets)
            && fits(held.messages, more.messages, self.messages)
    }
}

/// An account's last entry of a content is gone: its reference can be released.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// The account that referred to it.
    pub account: AccountId,
    /// The content it no longer shows.
    pub content: ContentId,
}
