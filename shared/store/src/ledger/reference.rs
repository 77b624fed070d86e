//! Who refers to content, so that space is reclaimed when nobody does.

use async_trait::async_trait;
use message::{AccountId, ContentId, MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Who refers to a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// The ledger entry of a message, while it is open.
    Entry(MessageId),
    /// An account that shows it, or is about to.
    Account(AccountId),
}

/// What referring came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referred {
    /// The reference stands.
    Held,
    /// The content is condemned: put it anew.
    Condemned,
}

/// References to content. A holder refers to a content once, however often it
/// says so.
#[async_trait]
pub trait References: Send + Sync {
    /// Adds a reference.
    async fn refer(&self, content: &ContentId, holder: Holder) -> Result<Referred, StoreError>;

    /// Drops a reference; the last one condemns the content in the same step.
    async fn release(&self, content: &ContentId, holder: Holder) -> Result<(), StoreError>;

    /// Who refers to a content, at most 1000.
    async fn holders(&self, content: &ContentId) -> Result<Vec<Holder>, StoreError>;

    /// Condemns a content that nobody refers to, as the sweep finds it; false
    /// when somebody does.
    async fn condemn(&self, content: &ContentId) -> Result<bool, StoreError>;

    /// Contents condemned before `before`, at most `limit`.
    async fn condemned(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ContentId>, StoreError>;

    /// The octets of these are gone: their condemnation is forgotten.
    async fn reclaimed(&self, contents: &[ContentId]) -> Result<(), StoreError>;

    /// A page of all references, by content, above `after`, for
    /// `rohrpost check`.
    async fn references(
        &self,
        after: Option<&(ContentId, Holder)>,
        limit: usize,
    ) -> Result<Vec<(ContentId, Holder)>, StoreError>;
}
