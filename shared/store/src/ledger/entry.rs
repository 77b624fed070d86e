//! Taking a message into the ledger, and reading all that is known of it.

use async_trait::async_trait;
use message::{ContentId, Envelope, MessageId, NoticeKind, Timestamp, TraceContext};
use serde::{Deserialize, Serialize};

use super::{JobRecord, NoticeRecord, Route};
use crate::StoreError;

/// What acceptance tells the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Its id; accepting a known id again changes nothing.
    pub message: MessageId,
    /// Its envelope.
    pub envelope: Envelope,
    /// Where its octets are; already durable.
    pub content: ContentId,
    /// Their number with the prefix stored at acceptance.
    pub size: u64,
    /// Where its trace continues.
    pub trace: TraceContext,
    /// Of which message it is a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_of: Option<NoticeOf>,
}

/// That a message is a notice, and about what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeOf {
    /// The message it tells about.
    pub message: MessageId,
    /// What it tells.
    pub kind: NoticeKind,
}

/// What acceptance came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The entry is new and durable: its routing job is pending.
    Taken,
    /// The ledger has an entry of that id, or had one: nothing changed.
    Known,
    /// The content was condemned meanwhile: put it anew and accept again.
    ContentCondemned,
}

/// An entry's unchanging part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What acceptance said.
    #[serde(flatten)]
    pub acceptance: Acceptance,
    /// When it was accepted, by the store's clock.
    pub accepted_at: Timestamp,
}

/// All that the ledger knows of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The entry.
    pub entry: Entry,
    /// What was decided for its recipients, once that was recorded.
    pub route: Option<Route>,
    /// Its jobs, by number.
    pub jobs: Vec<JobRecord>,
    /// Its routing job until it is routed, and its notice job when held or dead.
    pub chores: Vec<JobRecord>,
    /// The notices sent or about to be sent, in order.
    pub notices: Vec<NoticeRecord>,
    /// When every recipient was settled and no notice was owed any more.
    pub closed_at: Option<Timestamp>,
}

/// Entries of the ledger.
#[async_trait]
pub trait Entries: Send + Sync {
    /// Takes a message into responsibility: the entry, its reference to the
    /// content, and its pending routing job. Durable.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the configured backlog of open entries is
    /// reached (never for notices, which settle what is there).
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError>;

    /// The entry of a message, open or closed.
    async fn entry(&self, message: MessageId) -> Result<Option<Entry>, StoreError>;

    /// All that is known of a message.
    async fn history(&self, message: MessageId) -> Result<Option<History>, StoreError>;

    /// A page of all entries above `after`, open and closed, in the order of
    /// acceptance.
    async fn entries(
        &self,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// Forgets entries that closed before `closed_before`, at most `limit`;
    /// returns how many.
    async fn prune(&self, closed_before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
