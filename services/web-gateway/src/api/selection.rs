//! Which part of the queue is meant.

use std::fmt;
use std::str::FromStr;

use config::Span;
use message::{Address, MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use store::ledger::{self, QueueFilter};
use utoipa::{IntoParams, ToSchema};

/// Which open messages are meant, and which of their jobs; everything that is
/// set must fit. Recipient, destination, state and last reply must fit one and
/// the same job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub message: Option<MessageId>,
    /// The return path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sender: Option<Address>,
    /// An open recipient, as it was given or as it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub recipient: Option<Address>,
    /// The destination: `local`, a domain, `smarthost:HOST:PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub destination: Option<message::Destination>,
    /// The state of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateName>,
    /// Accepted longer ago than that, such as `2h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub older_than: Option<Span>,
    /// Accepted not longer ago than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub younger_than: Option<Span>,
    /// A part of what was replied last, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reply: Option<String>,
}

impl Selection {
    /// Whether everything is meant.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn filter(self, now: Timestamp) -> QueueFilter {
        let ago = |span: Span| now.saturating_sub(*span).unwrap_or(Timestamp::MIN);
        QueueFilter {
            message: self.message,
            sender: self.sender,
            recipient: self.recipient,
            destination: self.destination,
            state: self.state.map(ledger::StateName::from),
            accepted_before: self.older_than.map(ago),
            accepted_since: self.younger_than.map(ago),
            last_reply: self.last_reply,
        }
    }
}

/// A page of the queue: [`Selection`] as parameters, and where it begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct QueueQuery {
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub message: Option<MessageId>,
    /// The return path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub sender: Option<Address>,
    /// An open recipient, as it was given or as it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub recipient: Option<Address>,
    /// The destination: `local`, a domain, `smarthost:HOST:PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub destination: Option<message::Destination>,
    /// The state of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<StateName>,
    /// Accepted longer ago than that, such as `2h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub older_than: Option<Span>,
    /// Accepted not longer ago than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub younger_than: Option<Span>,
    /// A part of what was replied last, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reply: Option<String>,
    /// `next` of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub after: Option<MessageId>,
    /// How many items at most, 1 to 1000; 100 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl From<QueueQuery> for Selection {
    fn from(query: QueueQuery) -> Self {
        Self {
            message: query.message,
            sender: query.sender,
            recipient: query.recipient,
            destination: query.destination,
            state: query.state,
            older_than: query.older_than,
            younger_than: query.younger_than,
            last_reply: query.last_reply,
        }
    }
}

/// The name of a job's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// About to be worked on.
    Pending,
    /// Being worked on.
    Working,
    /// Its destination has no free slot.
    Waiting,
    /// A temporary failure; to be tried again.
    Deferred,
    /// Stopped by an operator.
    Held,
    /// Tried too often without a result.
    Dead,
    /// Every recipient has its final outcome.
    Settled,
}

/// Text that is no [`StateName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a state is pending, working, waiting, deferred, held or dead")]
pub struct StateNameError;

impl StateName {
    /// The states that an open job may be in.
    pub const OPEN: [Self; 6] = [
        Self::Pending,
        Self::Working,
        Self::Waiting,
        Self::Deferred,
        Self::Held,
        Self::Dead,
    ];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Working => "working",
            Self::Waiting => "waiting",
            Self::Deferred => "deferred",
            Self::Held => "held",
            Self::Dead => "dead",
            Self::Settled => "settled",
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StateName {
    type Err = StateNameError;

    fn from_str(text: &str) -> Result<Self, StateNameError> {
        let mut open = Self::OPEN.into_iter();
        open.find(|state| state.as_str() == text)
            .ok_or(StateNameError)
    }
}

impl From<StateName> for ledger::StateName {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Pending => Self::Pending,
            StateName::Working => Self::Working,
            StateName::Waiting => Self::Waiting,
            StateName::Deferred => Self::Deferred,
            StateName::Held => Self::Held,
            StateName::Dead => Self::Dead,
            StateName::Settled => Self::Settled,
        }
    }
}

impl From<ledger::StateName> for StateName {
    fn from(name: ledger::StateName) -> Self {
        match name {
            ledger::StateName::Pending => Self::Pending,
            ledger::StateName::Working => Self::Working,
            ledger::StateName::Waiting => Self::Waiting,
            ledger::StateName::Deferred => Self::Deferred,
            ledger::StateName::Held => Self::Held,
            ledger::StateName::Dead => Self::Dead,
            ledger::StateName::Settled => Self::Settled,
        }
    }
}
