//! What STATUS can tell of a mailbox (RFC 9051 §6.3.11 and extensions).

use std::fmt;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result};

/// A count or number of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusItem {
    /// How many messages it holds.
    Messages,
    /// How many of them are recent: only IMAP4rev1 knows them.
    Recent,
    /// The next UID.
    UidNext,
    /// Its UIDVALIDITY.
    UidValidity,
    /// How many messages are not `\Seen`.
    Unseen,
    /// How many are `\Deleted` (RFC 9051).
    Deleted,
    /// The sum of their sizes (RFC 8438).
    Size,
    /// The highest modification sequence (RFC 7162).
    HighestModseq,
    /// How large a message may be appended (RFC 7889).
    AppendLimit,
    /// Its id (RFC 8474).
    MailboxId,
    /// The octets that an EXPUNGE would free (RFC 9208).
    DeletedStorage,
}

impl StatusItem {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Messages,
        Self::Recent,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
        Self::Deleted,
        Self::Size,
        Self::HighestModseq,
        Self::AppendLimit,
        Self::MailboxId,
        Self::DeletedStorage,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::Size => "SIZE",
            Self::HighestModseq => "HIGHESTMODSEQ",
            Self::AppendLimit => "APPENDLIMIT",
            Self::MailboxId => "MAILBOXID",
            Self::DeletedStorage => "DELETED-STORAGE",
        }
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let name = cursor.keyword("a status item")?;
        let item = Self::ALL.into_iter().find(|item| item.name() == name);
        item.ok_or(CommandError::Expected("a status item such as MESSAGES"))
    }
}

impl fmt::Display for StatusItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
