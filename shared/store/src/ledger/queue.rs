//! The queue as operators see it: the open part of the ledger.

use async_trait::async_trait;
use message::{Address, Destination, JobKey, MessageId, Outcome};
use serde::{Deserialize, Serialize};

use super::{Entry, JobRecord};
use crate::StoreError;

/// Which messages of the queue to list; everything that is set must fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueFilter {
    /// The return path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Address>,
    /// An original or final recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Address>,
    /// The destination of one of its jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
}

/// A message that is not settled yet, with its jobs that are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueItem {
    /// The message.
    pub entry: Entry,
    /// Whether it has been routed.
    pub routed: bool,
    /// Its jobs that are not settled; of many, the first 100. Among them its
    /// routing job until it is routed, and its notice job when held or dead.
    pub jobs: Vec<JobRecord>,
    /// Whether only notices are owed.
    pub notice_owed: bool,
}

/// What an operator does to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Intervention {
    /// Try now: deferred, dead or waiting → pending.
    Retry,
    /// Do not try until released: pending, waiting or deferred → held.
    Hold,
    /// Held → pending.
    Release,
    /// Fail the open recipients with this outcome; the sender is told.
    Bounce(Outcome),
    /// Settle the open recipients as deleted; nobody is told.
    Delete(Outcome),
}

/// Counts since the store was made; messages unless said otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Taken into responsibility.
    pub accepted: u64,
    /// Closed: every recipient settled, no notice owed.
    pub settled: u64,
    /// Open now: accepted − settled, counted on its own.
    pub in_flight: u64,
    /// Recipients delivered.
    pub delivered: u64,
    /// Recipients relayed.
    pub relayed: u64,
    /// Recipients failed.
    pub failed: u64,
    /// Recipients deleted by an operator.
    pub deleted: u64,
    /// Failures that nobody may be told of (null return path, NOTIFY=NEVER).
    pub untold: u64,
    /// Jobs in state dead now.
    pub dead: u64,
}

/// The operator's view of the ledger.
#[async_trait]
pub trait Queue: Send + Sync {
    /// A page of open messages above `after`, in the order of acceptance. Looks
    /// at no more than 10,000 entries: a page that is not full but has a
    /// cursor goes on from there.
    async fn queue(
        &self,
        filter: &QueueFilter,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<(Vec<QueueItem>, Option<MessageId>), StoreError>;

    /// Applies an intervention to a job (also the routing job: a message that
    /// is not routed yet can be held, bounced or deleted) or the notice job (whose
    /// deletion leaves the sender untold). False when the state of the job does
    /// not allow it: what is being worked on cannot be settled. Durable.
    async fn intervene(&self, key: JobKey, intervention: Intervention) -> Result<bool, StoreError>;

    /// The counts.
    async fn counts(&self) -> Result<Counts, StoreError>;
}
