//! Why an open message waits: what `rohrpost queue why` tells in words.

use message::{MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Destination, Job};

/// Why a message waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The message.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
    /// Its open jobs, routing and notice among them; of many, the first 100.
    pub jobs: Vec<JobExplanation>,
}

/// Why a job waits: by its state, by its destination, by its topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobExplanation {
    /// The job.
    pub job: Job,
    /// The trouble that its destination is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Destination>,
    /// How far its publication has come, where it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication: Option<PublicationState>,
}

/// How far the publication of a pending job has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicationState {
    /// On which topic.
    pub topic: String,
    /// How often it was published.
    pub published: u32,
    /// When it will be again, if nobody takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// How many jobs wait on the topic, where the bus can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
}
