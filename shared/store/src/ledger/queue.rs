//! The queue as operators see it: the open part of the ledger.

use async_trait::async_trait;
use message::{Address, Destination, JobKey, MessageId, Outcome, Part, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Entry, JobRecord, StateName};
use crate::StoreError;

/// Which messages of the queue to list, and which of their jobs; everything that
/// is set must fit. Recipient, destination, state and last reply must fit one
/// and the same job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueFilter {
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The return path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Address>,
    /// An open recipient, as it was given or as it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Address>,
    /// The destination of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// The state of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateName>,
    /// Accepted before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_before: Option<Timestamp>,
    /// Accepted then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_since: Option<Timestamp>,
    /// A part, in any case of letters, of what an open recipient was last
    /// answered or of the last line of the job's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reply: Option<String>,
}

impl QueueFilter {
    /// Whether a message may be one of those meant, as far as its entry tells.
    pub fn fits_entry(&self, entry: &Entry) -> bool {
        let acceptance = &entry.acceptance;
        let sender = acceptance.envelope.return_path.address();
        self.message.is_none_or(|id| id == acceptance.message)
            && self
                .sender
                .as_ref()
                .is_none_or(|wanted| sender.is_some_and(|sender| same(sender, wanted)))
            && self.accepted_before.is_none_or(|at| entry.accepted_at < at)
            && self.accepted_since.is_none_or(|at| entry.accepted_at >= at)
    }

    /// Whether an open job is one of those meant, of a message that may be.
    pub fn fits_job(&self, entry: &Entry, job: &JobRecord) -> bool {
        self.state.is_none_or(|state| state == job.state.name())
            && self
                .destination
                .as_ref()
                .is_none_or(|to| matches!(job.key.part, Part::Work(_)) && *to == job.destination)
            && self
                .recipient
                .as_ref()
                .is_none_or(|wanted| is_for(entry, job, wanted))
            && self
                .last_reply
                .as_ref()
                .is_none_or(|part| was_told(job, &part.to_lowercase()))
    }

    /// Whether a message is meant that has no open job (only notices are owed).
    pub fn fits_without_jobs(&self, entry: &Entry) -> bool {
        let recipients = &entry.acceptance.envelope.recipients;
        let (destination, reply) = (&self.destination, &self.last_reply);
        self.state.is_none()
            && destination.is_none()
            && reply.is_none()
            && self
                .recipient
                .as_ref()
                .is_none_or(|wanted| recipients.iter().any(|r| same(&r.address, wanted)))
    }
}

fn same(one: &Address, other: &Address) -> bool {
    one.folded() == other.folded()
}

/// Whether an open recipient of a job has that address, or came of it.
fn is_for(entry: &Entry, job: &JobRecord, wanted: &Address) -> bool {
    let given = |index: &u32| entry.acceptance.envelope.recipients.get(*index as usize);
    let came_of = |originals: &[u32]| {
        job.key.part != Part::Notice
            && originals
                .iter()
                .filter_map(given)
                .any(|original| same(&original.address, wanted))
    };
    job.open_recipients().any(|(_, state)| {
        same(&state.recipient.address, wanted) || came_of(&state.recipient.originals)
    })
}

/// Whether `part`, in lower case, is part of what was said last.
fn was_told(job: &JobRecord, part: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(part);
    let outcomes = job
        .open_recipients()
        .filter_map(|(_, state)| state.outcome.as_ref());
    let mut replies = outcomes.map(|outcome| outcome.diagnostic.text());
    replies.any(has) || job.log.last().is_some_and(|attempt| has(&attempt.result))
}

/// A message that is not settled yet, with its jobs that are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueItem {
    /// The message.
    pub entry: Entry,
    /// Whether it has been routed.
    pub routed: bool,
    /// Its jobs that are not settled and fit the filter; of many, the first 100.
    /// Among them its routing job until it is routed, and its notice job when
    /// held or dead.
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
    /// Try now at another destination, under a new generation: like a retry, but
    /// also of what is pending or held. Neither from nor to mailboxes here.
    Redirect(Destination),
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
