//! Work jobs: who may work on one, and what the work came to.

use std::time::Duration;

use async_trait::async_trait;
use message::{
    AccountId, Address, Destination, Domain, JobKey, Outcome, Part, ReversePath, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{Entry, NewJob};
use crate::StoreError;

/// The states of a job. A job is settled when each of its recipients is.
///
/// | state | leaves it by |
/// | --- | --- |
/// | pending | a claim, parking, or (idempotent work) its recorded results |
/// | working | its recorded results, or its expired lease |
/// | waiting | a claim by a free slot of its destination |
/// | deferred | a claim when due or when its destination recovered; an operator |
/// | held | an operator |
/// | dead | an operator |
/// | settled | – |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum JobState {
    /// Published, or about to be.
    Pending,
    /// One instance has it until the lease ends.
    Working {
        /// By the store's clock.
        until: Timestamp,
    },
    /// Its destination has no free slot; it is on no topic.
    Waiting,
    /// A temporary failure; asleep, on no topic.
    Deferred {
        /// When it is tried again.
        due: Timestamp,
    },
    /// Stopped by an operator.
    Held,
    /// Tried too often without a result.
    Dead,
    /// Every recipient has its final outcome.
    Settled,
}

impl JobState {
    /// Which state it is, whatever it carries.
    pub const fn name(self) -> StateName {
        match self {
            Self::Pending => StateName::Pending,
            Self::Working { .. } => StateName::Working,
            Self::Waiting => StateName::Waiting,
            Self::Deferred { .. } => StateName::Deferred,
            Self::Held => StateName::Held,
            Self::Dead => StateName::Dead,
            Self::Settled => StateName::Settled,
        }
    }
}

/// The name of a [`JobState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// See [`JobState::Pending`].
    Pending,
    /// See [`JobState::Working`].
    Working,
    /// See [`JobState::Waiting`].
    Waiting,
    /// See [`JobState::Deferred`].
    Deferred,
    /// See [`JobState::Held`].
    Held,
    /// See [`JobState::Dead`].
    Dead,
    /// See [`JobState::Settled`].
    Settled,
}

/// A recipient as routing left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalRecipient {
    /// The address on the way to the destination.
    pub address: Address,
    /// The account, for local work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The original recipients (indexes in the envelope) that led here; at
    /// least one.
    pub originals: Vec<u32>,
}

/// A recipient of a job and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientState {
    /// Who.
    #[serde(flatten)]
    pub recipient: FinalRecipient,
    /// The last outcome; final, or deferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Whether its delay has been put down to be told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delay_told: bool,
}

impl RecipientState {
    /// One that nothing has happened to.
    pub(crate) fn fresh(recipient: FinalRecipient) -> Self {
        Self {
            recipient,
            outcome: None,
            delay_told: false,
        }
    }

    /// Whether nothing more will happen to it.
    pub fn is_settled(&self) -> bool {
        self.outcome
            .as_ref()
            .is_some_and(|outcome| outcome.verdict.is_final())
    }
}

/// A job as the ledger has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Its name.
    pub key: JobKey,
    /// Raised by each claim; who works under an older one is refused.
    pub generation: u32,
    /// Its state.
    #[serde(flatten)]
    pub state: JobState,
    /// Where to.
    pub destination: Destination,
    /// The return path on that way.
    pub return_path: ReversePath,
    /// Its recipients, settled ones included, in the order of the route.
    pub recipients: Vec<RecipientState>,
    /// See [`super::NewJob::passed_on_by`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_on_by: Vec<Address>,
    /// See [`super::NewJob::expanded`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expanded: Vec<u32>,
    /// How many attempts had a result.
    #[serde(default)]
    pub attempts: u32,
    /// How often in a row it was tried without a result.
    #[serde(default)]
    pub tries: u32,
    /// When the sender is to hear of the delay, if not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn_at: Option<Timestamp>,
    /// Until when it will be retried, as last said by [`Retry`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_until: Option<Timestamp>,
    /// Attempts, the oldest first. Of many, the first five and the last
    /// fifteen are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Attempt>,
}

impl JobRecord {
    /// A job of a new route.
    pub(crate) fn new(key: JobKey, job: NewJob) -> Self {
        let recipients = job.recipients.into_iter().map(RecipientState::fresh);
        Self {
            key,
            generation: 0,
            state: JobState::Pending,
            destination: job.destination,
            return_path: job.return_path,
            recipients: recipients.collect(),
            passed_on_by: job.passed_on_by,
            expanded: job.expanded,
            attempts: 0,
            tries: 0,
            warn_at: None,
            retry_until: None,
            log: Vec::new(),
        }
    }

    /// A routing or notice job in the form of a job to `local`, for operators.
    pub(crate) fn of_chore(key: JobKey, entry: &Entry) -> Self {
        let envelope = &entry.acceptance.envelope;
        let (addresses, return_path): (Vec<&Address>, _) = match key.part {
            Part::Route | Part::Work(_) => {
                let recipients = envelope.recipients.iter();
                let addresses = recipients.map(|recipient| &recipient.address);
                (addresses.collect(), envelope.return_path.clone())
            }
            Part::Notice => {
                let sender = envelope.return_path.address();
                (sender.into_iter().collect(), ReversePath::Null)
            }
        };
        let recipients = (0..).zip(addresses).map(|(index, address)| FinalRecipient {
            address: address.clone(),
            account: None,
            originals: vec![index],
        });
        let job = NewJob {
            destination: Destination::Local,
            return_path,
            recipients: recipients.collect(),
            passed_on_by: Vec::new(),
            expanded: Vec::new(),
        };
        Self::new(key, job)
    }

    /// What it was when the route made it, but for an operator's redirection.
    pub(crate) fn as_routed(&self) -> NewJob {
        let recipients = self.recipients.iter();
        NewJob {
            destination: self.destination.clone(),
            return_path: self.return_path.clone(),
            recipients: recipients.map(|state| state.recipient.clone()).collect(),
            passed_on_by: self.passed_on_by.clone(),
            expanded: self.expanded.clone(),
        }
    }

    /// The recipients still to be worked on, with their indexes.
    pub fn open_recipients(&self) -> impl Iterator<Item = (u32, &RecipientState)> {
        (0..)
            .zip(&self.recipients)
            .filter(|(_, recipient)| !recipient.is_settled())
    }
}

/// One try against a host, or one that found none, for `rohrpost trace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// The host, where one was reached for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Domain>,
    /// Its address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<std::net::SocketAddr>,
    /// The TLS version, where the session was under TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// What came of it, in one line.
    pub result: String,
}

/// How long a claim holds: by the store's clock from the moment it is made.
/// Its owner counts from before the request, on a monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease(pub Duration);

/// A job in the hands of one owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The job, with the generation that results must name.
    pub job: JobRecord,
    /// Its message.
    pub entry: Entry,
}

/// The results of work on a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// An outcome for each recipient that was open, by index.
    pub outcomes: Vec<(u32, Outcome)>,
    /// The attempts made, for the log.
    pub attempts: Vec<Attempt>,
    /// When to try the deferred ones again; required if there are any.
    pub retry: Option<Retry>,
}

impl Report {
    /// When its deferred recipients are to be tried again; none if it has none.
    pub(crate) fn deferral(&self) -> Result<Option<Retry>, StoreError> {
        let mut verdicts = self.outcomes.iter().map(|(_, outcome)| outcome.verdict);
        match (verdicts.any(|verdict| !verdict.is_final()), self.retry) {
            (false, _) => Ok(None),
            (true, Some(retry)) => Ok(Some(retry)),
            (true, None) => Err(StoreError::Misused(
                "a report defers recipients without saying until when".into(),
            )),
        }
    }
}

/// When deferred recipients are tried again, and what the sender hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The next attempt.
    pub due: Timestamp,
    /// From when on the sender is to hear of the delay, once.
    pub warn_at: Timestamp,
    /// When retrying ends (Will-Retry-Until, RFC 3464 §2.3.9).
    pub until: Timestamp,
}

/// What recording came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The results stand.
    Stored {
        /// A notice became owed: publish the message's notice job.
        notice_owed: bool,
    },
    /// The generation is not the job's, or the job is not being worked on:
    /// nothing changed.
    Stale,
}

/// Work jobs of the ledger.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// A job as it is; also, in the form of a job to `local`, the routing and the
    /// notice job of a message while there is work for them.
    async fn job(&self, key: JobKey) -> Result<Option<JobRecord>, StoreError>;

    /// A work job as it is, with its message.
    async fn job_with_entry(&self, key: JobKey) -> Result<Option<(JobRecord, Entry)>, StoreError>;

    /// Pending, waiting or due deferred → working, with the generation raised.
    /// `generation` is the one the caller was told of;
    /// none when the job's state or generation is another, and nothing is to do.
    async fn claim(
        &self,
        key: JobKey,
        generation: u32,
        lease: Lease,
    ) -> Result<Option<Claimed>, StoreError>;

    /// Extends the lease of a job that the caller works on, and never shortens
    /// it; false when it is not (any more) the caller's.
    async fn renew(&self, key: JobKey, generation: u32, lease: Lease) -> Result<bool, StoreError>;

    /// Pending → waiting, where the destination has no free slot; false when
    /// stale.
    async fn park(&self, key: JobKey, generation: u32) -> Result<bool, StoreError>;

    /// Claims the next job of a destination: waiting ones first, in order of
    /// arrival, then deferred ones that are due, or, with `drain`, any deferred
    /// one.
    async fn claim_next(
        &self,
        destination: &Destination,
        lease: Lease,
        drain: bool,
    ) -> Result<Option<Claimed>, StoreError>;

    /// Destinations that have a waiting job or a due deferred one, at most
    /// `limit`, those due longest first. The page starts behind `after`, or anew
    /// where `after` is not ready any more: what made it so was progress.
    async fn ready(
        &self,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<Destination>, StoreError>;

    /// When the next deferred job of any destination is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Records the results of work, of all recipients in one step. Work that
    /// was claimed names its generation; idempotent work (append) reports on a
    /// pending job under the generation it was published with. Deferred
    /// recipients make the job deferred; otherwise it is settled. An account
    /// that did not get the message loses its reference to the content.
    async fn record(
        &self,
        key: JobKey,
        generation: u32,
        report: Report,
    ) -> Result<Recorded, StoreError>;

    /// Counts a try that ended without a result (`problem` says how) and makes
    /// the job pending again, or dead after too many. Also for routing and
    /// notice jobs.
    async fn tried(&self, key: JobKey, generation: u32, problem: &str) -> Result<(), StoreError>;
}
