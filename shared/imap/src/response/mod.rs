//! What the server says (RFC 9051 §7 and the extensions named below), as values
//! that write themselves into an [`Output`].
//!
//! Nothing that a message, a mailbox or a client brings along can break out of
//! its place: strings are quoted where that is possible and literals where it is
//! not, names are encoded, and texts lose their control characters.

mod body_structure;
mod code;
mod envelope;
mod fetch;
mod mailbox;
mod output;
mod quota;
mod search;
mod status;
#[cfg(test)]
mod tests;
mod threads;
mod write;

use crate::command::Extension;
use crate::flag::Flag;

pub use body_structure::{
    BodyStructure, Disposition, EmbeddedMessage, Kind, Leaf, Multipart, Parameters,
};
pub use code::Code;
pub use envelope::{Address, Envelope};
pub use fetch::{FetchResponse, Suspended};
pub use mailbox::{MailboxAttribute, MailboxLine, MailboxStatus};
pub use output::Output;
pub(crate) use output::{is_quotable, quote};
pub use quota::{Quota, Resource};
pub use search::Esearch;
pub use status::{Condition, Status};
pub use threads::{ThreadNode, Threads};

/// An answer, but for FETCH's, which [`FetchResponse`] writes piece by piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<'a> {
    /// The outcome of a command, or news of the server; also its greeting.
    Status(Status<'a>),
    /// The client is to go on. The text is Base64 in AUTHENTICATE.
    Continue(&'a str),
    /// CAPABILITY
    Capability(&'a [&'a str]),
    /// ENABLED
    Enabled(&'a [Extension]),
    /// FLAGS: those that messages of the mailbox have or can get
    Flags(&'a [Flag]),
    /// EXISTS: how many messages there are
    Exists(u32),
    /// RECENT, for clients of IMAP4rev1
    Recent(u32),
    /// EXPUNGE: the message of this number is gone
    Expunge(u32),
    /// VANISHED: these UIDs, rising, are gone (RFC 7162 §3.2.10)
    Vanished {
        /// Before the mailbox was opened, or what UID FETCH asks for.
        earlier: bool,
        /// The UIDs.
        uids: &'a [u32],
    },
    /// VANISHED (EARLIER), where more may be gone than anybody could list
    VanishedRanges(&'a crate::SequenceSet),
    /// LIST
    List(MailboxLine<'a>),
    /// LSUB, as IMAP4rev1 has it
    Lsub(MailboxLine<'a>),
    /// STATUS
    MailboxStatus(MailboxStatus<'a>),
    /// NAMESPACE: all is personal, without a prefix
    Namespace,
    /// ID (RFC 2971)
    Id(&'a [(&'a str, &'a str)]),
    /// SEARCH, the old answer, with the highest modification sequence found
    Search {
        /// Numbers or UIDs, rising.
        numbers: &'a [u32],
        /// Set where MODSEQ was searched for (RFC 7162 §3.1.5).
        modseq: Option<u64>,
    },
    /// ESEARCH
    Esearch(Esearch<'a>),
    /// SORT: numbers or UIDs in the order asked for
    Sort(&'a [u32]),
    /// THREAD
    Thread(&'a Threads),
    /// QUOTA
    Quota(Quota<'a>),
    /// QUOTAROOT
    QuotaRoot {
        /// The mailbox.
        mailbox: &'a crate::MailboxName,
        /// Its root.
        root: &'a str,
    },
}
