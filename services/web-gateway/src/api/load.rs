//! How much is in the queue, by state and by destination.

use std::collections::BTreeMap;

use message::{MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::StateName;

/// Where counting goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LoadQuery {
    /// `next` of the answer before; absent at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub after: Option<MessageId>,
}

/// What a part of the queue holds; parts add up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Load {
    /// How many messages.
    pub messages: u64,
    /// How many jobs are in each state, of each message the first 100.
    #[schema(value_type = Object)]
    pub states: BTreeMap<StateName, u64>,
    /// The destinations of the jobs, by name.
    #[schema(value_type = Object)]
    pub destinations: BTreeMap<message::Destination, DestinationLoad>,
    /// What to pass as `after` to go on; absent at the end of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<MessageId>,
}

impl Load {
    /// Adds the next part.
    pub fn add(&mut self, part: Self) {
        self.messages += part.messages;
        for (state, jobs) in part.states {
            *self.states.entry(state).or_default() += jobs;
        }
        for (destination, load) in part.destinations {
            match self.destinations.get_mut(&destination) {
                Some(sum) => sum.add(load),
                None => drop(self.destinations.insert(destination, load)),
            }
        }
        self.next = part.next;
    }
}

/// What waits for a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DestinationLoad {
    /// How many jobs.
    pub jobs: u64,
    /// When the oldest of their messages was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub oldest: Timestamp,
    /// When the first deferred one is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_due: Option<Timestamp>,
    /// What was replied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reply: Option<LastReply>,
}

impl DestinationLoad {
    /// Adds more of the same destination.
    pub fn add(&mut self, more: Self) {
        self.jobs += more.jobs;
        self.oldest = self.oldest.min(more.oldest);
        self.next_due = self.next_due.into_iter().chain(more.next_due).min();
        let replies = self.last_reply.take().into_iter().chain(more.last_reply);
        self.last_reply = replies.max_by_key(|reply| reply.at);
    }
}

/// What a destination replied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastReply {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    pub text: String,
}
