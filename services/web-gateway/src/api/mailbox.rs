//! Mailboxes of an account and their messages.

use message::{ContentId, MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use store::mailbox::{Flag, MailboxInfo, MailboxName, Role};
use utoipa::ToSchema;

/// A mailbox and its counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mailbox {
    /// Its name, levels parted by `/`.
    #[schema(example = "INBOX")]
    pub name: String,
    /// What it is for: `inbox`, `sent`, `drafts`, `junk`, `trash` or `archive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    /// How many messages it holds.
    pub messages: u64,
    /// How many of them are not `\Seen`.
    pub unseen: u64,
    /// The sum of their sizes.
    pub octets: u64,
    /// Changes when UIDs of before no longer mean the same.
    pub uid_validity: u32,
    /// The UID that the next message gets.
    pub uid_next: u32,
}

impl From<MailboxInfo> for Mailbox {
    fn from(info: MailboxInfo) -> Self {
        Self {
            name: info.name.into(),
            role: info.role,
            messages: info.messages,
            unseen: info.unseen,
            octets: info.octets,
            uid_validity: info.uid_validity,
            uid_next: info.uid_next,
        }
    }
}

/// A message of a mailbox, in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageSummary {
    /// Its UID in the mailbox.
    pub uid: u32,
    /// The id under which it was delivered; `/api/v1/messages/{id}` tells its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub message: Option<MessageId>,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received: Timestamp,
    /// Its size in octets, with all that stands in front.
    pub size: u64,
    /// Its flags and keywords, such as `\Seen`.
    pub flags: Vec<String>,
    /// From, decoded; absent where the message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// To, decoded; absent where the message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Subject, decoded; absent where the message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why the header could not be read, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// A message of a mailbox with its header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The line it has in a list.
    #[serde(flatten)]
    pub summary: MessageSummary,
    /// Where its octets are.
    #[schema(value_type = String)]
    pub content: ContentId,
    /// The fields of its header, those in front of the content included, as far
    /// as the first 64 KiB hold them.
    pub header: Vec<HeaderField>,
}

/// A field of a header, unfolded but not decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeaderField {
    /// Its name, as written.
    pub name: String,
    /// Its value; octets that are not UTF-8 are replaced.
    pub value: String,
}

/// A mailbox to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMailbox {
    /// Its name, levels parted by `/`.
    #[schema(value_type = String)]
    pub name: MailboxName,
}

/// What became of a message that was put into a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedMessage {
    /// Its UID there; absent where a message of its id came before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// The flag that IMAP writes so.
pub(crate) fn parse_flag(name: &str) -> Option<Flag> {
    Some(match name.to_ascii_lowercase().as_str() {
        r"\seen" => Flag::Seen,
        r"\answered" => Flag::Answered,
        r"\flagged" => Flag::Flagged,
        r"\deleted" => Flag::Deleted,
        r"\draft" => Flag::Draft,
        _ => Flag::Keyword(name.parse().ok()?),
    })
}

/// A flag as IMAP writes it.
pub(crate) fn flag_name(flag: &Flag) -> String {
    match flag {
        Flag::Seen => r"\Seen".into(),
        Flag::Answered => r"\Answered".into(),
        Flag::Flagged => r"\Flagged".into(),
        Flag::Deleted => r"\Deleted".into(),
        Flag::Draft => r"\Draft".into(),
        Flag::Keyword(keyword) => keyword.as_str().into(),
    }
}
