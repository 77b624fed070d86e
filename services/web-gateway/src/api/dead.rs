//! Dead letters on the bus: octets that were no job.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Octets that nobody could decode, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// Its name, as long as it is there.
    pub id: u64,
    /// The topic where it was found.
    pub topic: String,
    /// Why it is no job.
    pub reason: String,
    /// How many octets it has.
    pub size: u64,
    /// The octets, those that are not printable ASCII as escapes.
    pub payload: String,
}

impl From<bus::Buried> for DeadLetter {
    fn from(buried: bus::Buried) -> Self {
        Self {
            id: buried.id.0,
            topic: buried.topic.to_string(),
            reason: buried.reason,
            size: buried.payload.len() as u64,
            payload: buried.payload.escape_ascii().to_string(),
        }
    }
}
