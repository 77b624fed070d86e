//! Commands of clients (RFC 9051 §6 and the extensions named below).
//!
//! APPEND is not among them: the [`framer`](crate::framer) hands it out while
//! its messages come in.

mod append;
mod error;
mod parse;
mod print;
mod select;
mod store;
#[cfg(test)]
mod tests;

use message::Secret;

use crate::cursor::Cursor;
use crate::fetch::Fetch;
use crate::list::{List, SpecialUse};
use crate::mailbox_name::{MailboxName, NameEncoding, Pattern};
use crate::search::Search;
use crate::sequence_set::Messages;
use crate::sort::{Sort, Thread};
use crate::status_item::StatusItem;
use crate::tag::Tag;

pub(crate) use append::AppendLine;
pub use append::{Append, AppendMessage};
pub use error::{CommandError, Malformed};
pub use select::{Qresync, Select};
pub use store::{Store, StoreMode};

/// A command and its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// What the answer starts with.
    pub tag: Tag,
    /// What is asked.
    pub command: Command,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// CAPABILITY
    Capability,
    /// NOOP
    Noop,
    /// LOGOUT
    Logout,
    /// STARTTLS
    StartTls,
    /// AUTHENTICATE
    Authenticate {
        /// The mechanism's name, in capital letters.
        mechanism: String,
        /// The first response in Base64, `=` for an empty one (RFC 4959).
        initial: Option<Secret>,
    },
    /// LOGIN
    Login {
        /// Who.
        user: String,
        /// With what password.
        password: Secret,
    },
    /// ID (RFC 2971)
    Id(Vec<(String, Option<String>)>),
    /// ENABLE (RFC 5161)
    Enable(Vec<Extension>),
    /// SELECT
    Select(Select),
    /// EXAMINE
    Examine(Select),
    /// CREATE
    Create {
        /// The new mailbox.
        mailbox: MailboxName,
        /// What for (RFC 6154).
        uses: Vec<SpecialUse>,
        /// Whether a use was asked for that nobody knows.
        unknown_use: bool,
    },
    /// DELETE
    Delete(MailboxName),
    /// RENAME
    Rename {
        /// The old name.
        from: MailboxName,
        /// The new name.
        to: MailboxName,
    },
    /// SUBSCRIBE
    Subscribe(MailboxName),
    /// UNSUBSCRIBE
    Unsubscribe(MailboxName),
    /// LIST
    List(List),
    /// LSUB, as IMAP4rev1 has it
    Lsub {
        /// What the pattern stands behind.
        reference: Pattern,
        /// What is looked for.
        pattern: Pattern,
    },
    /// NAMESPACE
    Namespace,
    /// STATUS
    Status {
        /// Of which mailbox.
        mailbox: MailboxName,
        /// What of it.
        items: Vec<StatusItem>,
    },
    /// IDLE
    Idle,
    /// CHECK, as IMAP4rev1 has it
    Check,
    /// CLOSE
    Close,
    /// UNSELECT
    Unselect,
    /// EXPUNGE
    Expunge,
    /// UID EXPUNGE (RFC 4315)
    UidExpunge(Messages),
    /// SEARCH, UID SEARCH
    Search(Search),
    /// SORT, UID SORT
    Sort(Sort),
    /// THREAD, UID THREAD
    Thread(Thread),
    /// FETCH, UID FETCH
    Fetch(Fetch),
    /// STORE, UID STORE
    Store(Store),
    /// COPY, UID COPY
    Copy(Transfer),
    /// MOVE, UID MOVE (RFC 6851)
    Move(Transfer),
    /// GETQUOTA (RFC 9208)
    GetQuota(String),
    /// GETQUOTAROOT
    GetQuotaRoot(MailboxName),
    /// SETQUOTA
    SetQuota {
        /// Of which root.
        root: String,
        /// Resources and their limits.
        limits: Vec<(String, u64)>,
    },
    /// COMPRESS DEFLATE (RFC 4978)
    Compress,
}

/// What a client can enable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension {
    /// IMAP4rev2
    Imap4Rev2,
    /// CONDSTORE
    Condstore,
    /// QRESYNC
    Qresync,
    /// UTF8=ACCEPT
    Utf8Accept,
    /// What nobody knows, in capital letters; it is ignored.
    Other(String),
}

/// Messages to copy or move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub messages: Messages,
    /// Where to.
    pub mailbox: MailboxName,
}

impl Tagged {
    /// Reads a whole command: lines and literals, with or without the line end
    /// behind it.
    ///
    /// # Errors
    /// What is wrong, and the tag of whoever should hear of it.
    pub fn parse(octets: &[u8], names: NameEncoding) -> Result<Self, Malformed> {
        let line = octets.strip_suffix(b"\n").unwrap_or(octets);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let error = |error| Malformed::new(line, error);
        let tag = Tag::of(line).ok_or(error(CommandError::NoTag))?;
        let mut cursor = Cursor::new(&line[tag.as_str().len()..]);
        cursor.space().map_err(|_| error(CommandError::NoTag))?;
        let command = Command::parse(&mut cursor, names).map_err(error)?;
        cursor.end().map_err(error)?;
        Ok(Self { tag, command })
    }
}

impl Extension {
    /// Its name; None of one that nobody knows.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Imap4Rev2 => Some("IMAP4rev2"),
            Self::Condstore => Some("CONDSTORE"),
            Self::Qresync => Some("QRESYNC"),
            Self::Utf8Accept => Some("UTF8=ACCEPT"),
            Self::Other(_) => None,
        }
    }
}
