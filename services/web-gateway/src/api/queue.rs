//! The queue: open messages with their jobs, destinations in trouble, counts.

use message::{Address, EnhancedStatus, MessageId, ReversePath, Timestamp};
use serde::{Deserialize, Serialize};
use store::ledger;
use utoipa::ToSchema;

use super::{Job, NoticeOf};

/// A message that is not settled yet, with its jobs that are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueItem {
    /// Its id.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
    /// Its return path, `<>` where it is null.
    #[schema(value_type = String)]
    pub return_path: ReversePath,
    /// Its first 100 recipients.
    #[schema(value_type = Vec<String>)]
    pub recipients: Vec<Address>,
    /// How many recipients it has.
    pub recipient_count: usize,
    /// Its size in octets.
    pub size: u64,
    /// Whether it has been decided where it goes.
    pub routed: bool,
    /// Whether only a notice to the sender is missing.
    pub notice_owed: bool,
    /// Of which message it is a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_of: Option<NoticeOf>,
    /// Its jobs that are not settled and fit the selection; of many, the first 100.
    pub jobs: Vec<Job>,
}

impl From<ledger::QueueItem> for QueueItem {
    fn from(item: ledger::QueueItem) -> Self {
        let acceptance = item.entry.acceptance;
        let recipients = &acceptance.envelope.recipients;
        Self {
            message: acceptance.message,
            accepted_at: item.entry.accepted_at,
            recipients: recipients
                .iter()
                .take(100)
                .map(|r| r.address.clone())
                .collect(),
            recipient_count: recipients.len(),
            return_path: acceptance.envelope.return_path,
            size: acceptance.size,
            routed: item.routed,
            notice_owed: item.notice_owed,
            notice_of: acceptance.notice_of.map(NoticeOf::from),
            jobs: item.jobs.into_iter().map(Job::from).collect(),
        }
    }
}

/// A destination in trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Destination {
    /// Which.
    #[schema(value_type = String)]
    pub destination: message::Destination,
    /// How many times in a row it could not be talked to.
    pub failures: u32,
    /// How the last trouble is coded.
    #[schema(value_type = String)]
    pub status: EnhancedStatus,
    /// The last trouble.
    pub text: String,
    /// When it was met.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When it is probed next.
    #[schema(value_type = String, format = DateTime)]
    pub probe_at: Timestamp,
}

impl From<ledger::DestinationState> for Destination {
    fn from(state: ledger::DestinationState) -> Self {
        Self {
            destination: state.destination,
            failures: state.failures,
            status: state.trouble.status,
            text: state.trouble.diagnostic.text().to_owned(),
            at: state.trouble.at,
            probe_at: state.trouble.probe_at,
        }
    }
}

/// Counts since the store was made; messages unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Taken into responsibility.
    pub accepted: u64,
    /// Every recipient settled, no notice owed.
    pub settled: u64,
    /// Open now.
    pub in_flight: u64,
    /// Recipients delivered.
    pub delivered: u64,
    /// Recipients relayed.
    pub relayed: u64,
    /// Recipients failed.
    pub failed: u64,
    /// Recipients deleted by an operator.
    pub deleted: u64,
    /// Failures that nobody may be told of.
    pub untold: u64,
    /// Jobs now dead: they wait for an operator.
    pub dead: u64,
    /// How many jobs wait on each topic, where the bus can tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicDepth>,
}

/// How many jobs wait on a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopicDepth {
    /// Its name.
    pub topic: String,
    /// How many.
    pub waiting: u64,
}

impl From<ledger::Counts> for Counts {
    fn from(counts: ledger::Counts) -> Self {
        Self {
            accepted: counts.accepted,
            settled: counts.settled,
            in_flight: counts.in_flight,
            delivered: counts.delivered,
            relayed: counts.relayed,
            failed: counts.failed,
            deleted: counts.deleted,
            untold: counts.untold,
            dead: counts.dead,
            topics: Vec::new(),
        }
    }
}
