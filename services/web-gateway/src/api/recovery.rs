//! What an operator sees and orders after the store may have lost mail.

use message::{Address, ContentId, MessageId, ReversePath, Timestamp};
use serde::{Deserialize, Serialize};
use store::mailbox::Cause;
use utoipa::ToSchema;

/// How the store stands after losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// Whether nothing is lost that an operator has not seen to. Until then
    /// nothing is swept up.
    pub settled: bool,
    /// How often the store may have lost what it had answered.
    pub epoch: u64,
    /// The epoch that an operator has seen to.
    pub confirmed: u64,
    /// Why it rose the last time: `restored` (an older copy is in use),
    /// `promoted` (a replica became the primary) or `declared` (by an operator).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub cause: Option<Cause>,
    /// Until when the copy in use certainly knows what was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub known_until: Option<Timestamp>,
}

impl From<store::mailbox::Standing> for Standing {
    fn from(standing: store::mailbox::Standing) -> Self {
        Self {
            settled: standing.is_settled(),
            epoch: standing.epoch,
            confirmed: standing.confirmed,
            cause: standing.cause,
            known_until: standing.known_until,
        }
    }
}

/// Up to which epoch an operator has seen to what was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The epoch.
    pub epoch: u64,
}

/// A line of the list of what is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum LostLine {
    /// A message.
    Message(LostMessage),
    /// The list is through; always the last line.
    Summary(LostSummary),
    /// The list could not go on; always the last line.
    Aborted {
        /// Why.
        reason: String,
    },
}

/// A message whose content is there and of which neither the ledger nor a mailbox
/// knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LostMessage {
    /// The id under which it was accepted.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// Where its octets are.
    #[schema(value_type = String)]
    pub content: ContentId,
    /// When they were written.
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// Their number, with the fields put in front.
    pub size: u64,
    /// Who hears of failures; absent where a client put the message into a
    /// mailbox, so that there is no envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub return_path: Option<ReversePath>,
    /// The recipients in domains of this server.
    #[schema(value_type = Vec<String>)]
    pub here: Vec<Address>,
    /// All others, to whom it may have been relayed already.
    #[schema(value_type = Vec<String>)]
    pub elsewhere: Vec<Address>,
    /// How it came: the fields put in front, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// From, decoded; absent where the message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Subject, decoded; absent where the message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// What the list was made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LostSummary {
    /// Messages listed.
    pub messages: u64,
    /// The sum of their sizes.
    pub octets: u64,
    /// Contents nobody refers to that are younger than the grace.
    pub young: u64,
    /// Contents nobody refers to that cannot be read.
    pub damaged: u64,
}

/// For whom a lost message is accepted again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// These, in the place of those it came for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub to: Vec<Address>,
    /// Of those it came for, only recipients in domains of this server.
    #[serde(default)]
    pub only_here: bool,
}

/// What became of a lost message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recovered {
    /// Its id, as before.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// For whom it was accepted.
    #[schema(value_type = Vec<String>)]
    pub recipients: Vec<Address>,
    /// Whether it was accepted now; the ledger may have known it meanwhile.
    pub accepted: bool,
}
