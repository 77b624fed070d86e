//! What operations on mailboxes come to.

use super::{EntryState, MailboxId};

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

/// What an append of several came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllAppended {
    /// All are in the mailbox, and durable.
    Stored {
        /// Their UIDs, in their order.
        uids: Vec<u32>,
        /// With this UIDVALIDITY.
        uid_validity: u32,
    },
    /// The account's quota does not allow all of them; nothing changed.
    OverQuota,
    /// There is no such mailbox; nothing changed.
    NoSuchMailbox,
}

/// What the making of a mailbox came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there, and so are those above it.
    Created(MailboxId),
    /// One of this name was there; nothing changed.
    Exists,
    /// Another mailbox has this role; nothing changed.
    RoleTaken,
    /// The account has as many mailboxes as it may; nothing changed.
    TooMany,
    /// The account was removed.
    NoSuchAccount,
}

/// What a renaming came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renamed {
    /// It has the new name, and so have those below it.
    Renamed,
    /// A mailbox of the new name was there, or one of those below it; nothing
    /// changed.
    Exists,
    /// The new name stands below the old one; nothing changed.
    IntoItself,
    /// A new name would be too long; nothing changed.
    TooLong,
    /// The account has as many mailboxes as it may; nothing changed.
    TooMany,
    /// There is no such mailbox.
    NoSuchMailbox,
}

/// What a deletion came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone, with its entries.
    Deleted,
    /// Mailboxes stand below it (RFC 9051 §6.3.5, HASCHILDREN); nothing changed.
    HasInferiors,
    /// The inbox cannot be deleted.
    IsInbox,
    /// There is no such mailbox.
    NoSuchMailbox,
}

/// What a copy or a move came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// They are in the other mailbox, and durable.
    Copied {
        /// The other mailbox's UIDVALIDITY.
        uid_validity: u32,
        /// Each UID there was, ascending, and that of its copy, ascending.
        pairs: Vec<(u32, u32)>,
    },
    /// The account's quota does not allow all of them; nothing changed.
    OverQuota,
    /// There is no such mailbox to copy to; nothing changed.
    NoSuchMailbox,
}

/// What a change of flags came to. UIDs that were not there are in neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagsStored {
    /// The entries that it was applied to as they are now, by UID; those that
    /// were so before keep their modification sequence.
    pub stored: Vec<EntryState>,
    /// UIDs of those that changed since, which kept their flags (RFC 7162
    /// §3.1.3, MODIFIED).
    pub modified: Vec<u32>,
    /// UIDs of those that would have had too many keywords, and kept their flags.
    pub too_many: Vec<u32>,
}

/// Which of the named entries are expunged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expunge {
    /// All of them.
    All,
    /// Those that are `\Deleted` at that moment.
    Deleted,
}

/// What became of a mailbox after some modification sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// If another than expected, UIDs no longer mean what they did: everything
    /// is to be read anew.
    pub uid_validity: u32,
    /// The UID that the next entry gets.
    pub uid_next: u32,
    /// The next delta starts here. It is the mailbox's highest modification
    /// sequence, unless there is `more`.
    pub modseq: u64,
    /// Entries that came or changed, by modification sequence, as they are now.
    pub changed: Vec<EntryState>,
    /// What went.
    pub vanished: Vanished,
    /// There are more changed ones than were asked for at once.
    pub more: bool,
}

/// UIDs of entries that are gone (RFC 7162 §3.2.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vanished {
    /// These and no others, ascending; those that came in the meantime and are
    /// gone again may be among them.
    Uids(Vec<u32>),
    /// So many that the log no longer knows: whatever is not listed now is gone.
    Unknown,
}
