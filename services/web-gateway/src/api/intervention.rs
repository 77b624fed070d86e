//! What an operator does to jobs, one by one or all that fit.

use message::{JobKey, MessageId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Selection;

/// Why an operator does something; senders read it in the notice of a bounce.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct InterventionReason {
    /// In one line, at most 500 octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where a job is to go instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirection {
    /// A domain, or `smarthost:HOST:PORT`.
    #[schema(value_type = String, example = "smarthost:relay.example.org:25")]
    pub to: message::Destination,
}

/// What an operator does to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Try now what is deferred, waiting or dead.
    Retry,
    /// Stop what is pending, waiting or deferred until it is released.
    Hold,
    /// Let go on what is held.
    Release,
    /// Try now at another destination.
    Redirect(Redirection),
    /// Fail the open recipients; the sender is told.
    Bounce(InterventionReason),
    /// Settle the open recipients as deleted; nobody is told.
    Delete(InterventionReason),
}

impl Action {
    /// What is done to a job by it.
    pub const fn participle(&self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Hold => "held",
            Self::Release => "released",
            Self::Redirect(_) => "redirected",
            Self::Bounce(_) => "bounced",
            Self::Delete(_) => "deleted",
        }
    }
}

/// What an intervention came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Intervened {
    /// Each job it was meant for.
    pub jobs: Vec<JobIntervened>,
}

/// What an intervention did to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobIntervened {
    /// The job.
    #[schema(value_type = String)]
    pub key: JobKey,
    /// Whether its state allowed it.
    pub done: bool,
}

/// An intervention in all jobs that fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepingIntervention {
    /// What is done.
    pub action: Action,
    /// To which jobs; something must be set.
    pub selection: Selection,
    /// `next` of the answer before; absent at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub after: Option<MessageId>,
}

/// What an intervention in a page of the queue came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Swept {
    /// How many messages had jobs that fit.
    pub messages: u64,
    /// To how many jobs it was done.
    pub done: u64,
    /// How many jobs fit but were in a state that did not allow it.
    pub unchanged: u64,
    /// What to pass as `after` to go on; absent at the end of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<MessageId>,
}
