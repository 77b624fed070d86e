//! Destinations in trouble: backed off as a whole, probed by one at a time.

use async_trait::async_trait;
use message::{Destination, Diagnostic, EnhancedStatus, Timestamp};
use serde::{Deserialize, Serialize};

use super::Lease;
use crate::StoreError;

/// Why a destination could not be talked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The status that its deferred recipients get.
    pub status: EnhancedStatus,
    /// In whose words.
    pub diagnostic: Diagnostic,
    /// When it was met.
    pub at: Timestamp,
    /// When the next probe may be made.
    pub probe_at: Timestamp,
}

/// A destination that failed last time. A healthy one has no state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationState {
    /// Which.
    pub destination: Destination,
    /// How many probes failed in a row, the first failure included.
    pub failures: u32,
    /// The last trouble.
    pub trouble: Trouble,
    /// Until when one instance probes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probing_until: Option<Timestamp>,
}

/// Destinations of the ledger.
#[async_trait]
pub trait Destinations: Send + Sync {
    /// The state of a destination; none while it is healthy.
    async fn destination(
        &self,
        destination: &Destination,
    ) -> Result<Option<DestinationState>, StoreError>;

    /// A page of destinations in trouble, by name.
    async fn troubled(
        &self,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DestinationState>, StoreError>;

    /// Takes the right to probe a destination whose time has come; false while
    /// another has it, before its time, or when it is healthy.
    async fn claim_probe(
        &self,
        destination: &Destination,
        lease: Lease,
    ) -> Result<bool, StoreError>;

    /// An attempt could not talk to the destination; ends the probe. Returns
    /// the failures in a row.
    async fn destination_failed(
        &self,
        destination: &Destination,
        trouble: Trouble,
    ) -> Result<u32, StoreError>;

    /// The destination answers again: its state is dropped.
    async fn destination_recovered(&self, destination: &Destination) -> Result<(), StoreError>;
}
