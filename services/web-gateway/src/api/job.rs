//! Jobs of a message: their states, attempts and outcomes.

use std::net::SocketAddr;

use message::{AccountId, Address, EnhancedStatus, JobKey, ReversePath, Timestamp};
use serde::{Deserialize, Serialize};
use store::ledger;
use utoipa::ToSchema;

/// A message's work for one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its name.
    #[schema(value_type = String, example = "019aa1c3f2b07d3e8f00112233445566.0")]
    pub key: JobKey,
    /// Where to.
    #[schema(value_type = String)]
    pub destination: message::Destination,
    /// Its state.
    #[serde(flatten)]
    pub state: JobState,
    /// Raised by each claim.
    pub generation: u32,
    /// The return path on that way.
    #[schema(value_type = String)]
    pub return_path: ReversePath,
    /// Its recipients.
    pub recipients: Vec<JobRecipient>,
    /// How many attempts had a result.
    pub attempts: u32,
    /// How often in a row it was tried without a result.
    pub tries: u32,
    /// When the sender is to hear of the delay, if not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub warn_at: Option<Timestamp>,
    /// Until when it will be retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retry_until: Option<Timestamp>,
    /// Attempts, the oldest first; of many, the first five and the last fifteen.
    pub log: Vec<Attempt>,
}

impl From<ledger::JobRecord> for Job {
    fn from(record: ledger::JobRecord) -> Self {
        Self {
            key: record.key,
            destination: record.destination,
            state: record.state.into(),
            generation: record.generation,
            return_path: record.return_path,
            recipients: record
                .recipients
                .into_iter()
                .map(JobRecipient::from)
                .collect(),
            attempts: record.attempts,
            tries: record.tries,
            warn_at: record.warn_at,
            retry_until: record.retry_until,
            log: record.log.into_iter().map(Attempt::from).collect(),
        }
    }
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum JobState {
    /// About to be worked on.
    Pending,
    /// Being worked on.
    Working {
        /// When the lease ends.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// Its destination has no free slot.
    Waiting,
    /// A temporary failure; to be tried again.
    Deferred {
        /// When.
        #[schema(value_type = String, format = DateTime)]
        due: Timestamp,
    },
    /// Stopped by an operator.
    Held,
    /// Tried too often without a result.
    Dead,
    /// Every recipient has its final outcome.
    Settled,
}

impl From<ledger::JobState> for JobState {
    fn from(state: ledger::JobState) -> Self {
        match state {
            ledger::JobState::Pending => Self::Pending,
            ledger::JobState::Working { until } => Self::Working { until },
            ledger::JobState::Waiting => Self::Waiting,
            ledger::JobState::Deferred { due } => Self::Deferred { due },
            ledger::JobState::Held => Self::Held,
            ledger::JobState::Dead => Self::Dead,
            ledger::JobState::Settled => Self::Settled,
        }
    }
}

/// A recipient of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobRecipient {
    /// The address on the way to the destination.
    #[schema(value_type = String)]
    pub address: Address,
    /// The account, for local work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account: Option<AccountId>,
    /// The original recipients that led here, by index.
    pub originals: Vec<u32>,
    /// What became of it so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl From<ledger::RecipientState> for JobRecipient {
    fn from(state: ledger::RecipientState) -> Self {
        Self {
            address: state.recipient.address,
            account: state.recipient.account,
            originals: state.recipient.originals,
            outcome: state.outcome.map(Outcome::from),
        }
    }
}

/// What became of a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// What happened.
    pub verdict: Verdict,
    /// How it is coded (RFC 3463).
    #[schema(value_type = String, example = "5.1.1")]
    pub status: EnhancedStatus,
    /// Why: a remote reply where `host` is set, our own words otherwise.
    pub text: String,
    /// The host that replied so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub host: Option<message::Domain>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<message::Outcome> for Outcome {
    fn from(outcome: message::Outcome) -> Self {
        Self {
            verdict: outcome.verdict.into(),
            status: outcome.status,
            text: outcome.diagnostic.text().to_owned(),
            host: outcome.diagnostic.host().cloned(),
            at: outcome.at,
        }
    }
}

/// What happened to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is in a mailbox.
    Delivered,
    /// The next server took responsibility.
    Relayed,
    /// It became other recipients.
    Expanded,
    /// A temporary failure; it will be tried again.
    Deferred,
    /// It will not be delivered.
    Failed,
    /// An operator deleted it without a notice.
    Deleted,
}

impl From<message::Verdict> for Verdict {
    fn from(verdict: message::Verdict) -> Self {
        match verdict {
            message::Verdict::Delivered => Self::Delivered,
            message::Verdict::Relayed { dsn: _ } => Self::Relayed,
            message::Verdict::Expanded => Self::Expanded,
            message::Verdict::Deferred => Self::Deferred,
            message::Verdict::Failed => Self::Failed,
            message::Verdict::Deleted => Self::Deleted,
        }
    }
}

/// One try against a host, or one that found none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The host, where one was reached for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub host: Option<message::Domain>,
    /// Its address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub peer: Option<SocketAddr>,
    /// The TLS version, where the session was under TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// What came of it.
    pub result: String,
}

impl From<ledger::Attempt> for Attempt {
    fn from(attempt: ledger::Attempt) -> Self {
        let ledger::Attempt {
            at,
            host,
            peer,
            tls,
            result,
        } = attempt;
        Self {
            at,
            host,
            peer,
            tls,
            result,
        }
    }
}
