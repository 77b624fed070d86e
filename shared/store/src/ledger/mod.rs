//! The ledger: what became of every message.
//!
//! An entry is one message: its envelope, content id and trace context, once
//! routed its route and jobs, and the state of each recipient. Topics only hint
//! at work; the ledger decides. See the states of a job in [`job::JobState`].
//!
//! The port is split by noun, so that each service takes no more than it needs;
//! [`Ledger`] is all of it.

pub mod destination;
pub mod entry;
pub mod feed;
pub mod job;
pub mod notice;
pub mod queue;
pub mod reference;
pub mod route;

pub use destination::{DestinationState, Destinations, Trouble};
pub use entry::{Acceptance, Accepted, Entries, Entry, History, NoticeOf};
pub use feed::{Feed, Publication};
pub use job::{
    Attempt, Claimed, FinalRecipient, JobRecord, JobState, Jobs, Lease, RecipientState, Recorded,
    Report, Retry, StateName,
};
pub use notice::{NoticeClaim, NoticeRecipient, NoticeRecord, Notices};
pub use queue::{Counts, Intervention, Queue, QueueFilter, QueueItem};
pub use reference::{Holder, References, Referred};
pub use route::{Decision, NewJob, Route, Routed, Routes, Why};

/// All of the ledger.
pub trait Ledger:
    Entries + Routes + Jobs + Feed + Notices + Destinations + References + Queue
{
}

impl<T> Ledger for T where
    T: Entries + Routes + Jobs + Feed + Notices + Destinations + References + Queue
{
}
