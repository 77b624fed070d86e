//! The port of message content: the octets of RFC 5322 messages, kept as
//! received, under an id that only the adapter understands.
//!
//! Content is written once, in a stream, together with a [`Trailer`] that holds
//! what we put in front of it and the envelope it came with; [`Writer::finish`]
//! returns only when all of it is durable. Nothing here counts references: the
//! ledger's store does, and its reclaimer alone calls [`ContentStore::remove`].
//!
//! An adapter that cannot keep its promise says so with an [`Error`]; the caller
//! answers its client with 4xx and may try again. After a failed fsync the
//! process ends (see [`Settings::on_sync_failure`]): what the kernel dropped
//! cannot be written again, so a second try would only seem to succeed.
//!
//! A content may have a *summary*: what a protocol computed from it once, such as
//! ENVELOPE and BODYSTRUCTURE of IMAP. It is kept without a promise: whoever finds
//! none, or cannot read it, computes it again.
//!
//! [`ContentStore::list`] and [`Reader::trailer`] together recover mail when the
//! store is lost: every content tells its message id, prefix and recipients.

#[cfg(any(test, feature = "conformance"))]
mod away;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod connect;
mod encoder;
mod error;
pub mod file;
mod name;
mod record;
mod s3;
mod summary;
mod trailer;

use std::slice;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use message::{ContentId, Timestamp};

#[cfg(any(test, feature = "conformance"))]
pub use away::Away;
pub use connect::{ContentUrl, ContentUrlError, Settings, SyncFailure, connect};
pub use error::{Error, Refusal};
pub use name::{WriterName, WriterNameError};
pub use s3::{S3Store, S3Url};
pub use summary::SUMMARY_MAX;
pub use trailer::Trailer;

/// The most octets that one [`Reader::read`] or [`Reader::read_range`] returns.
pub const CHUNK: usize = 64 * 1024;

/// How many contents are opened side by side where an adapter knows no better.
const SIDE_BY_SIDE: usize = 8;

/// Where contents are kept.
#[async_trait]
pub trait ContentStore: Send + Sync {
    /// Begins one content. Nothing exists until the writer has finished.
    async fn create(&self) -> Result<Box<dyn Writer>, Error>;

    /// Opens a content. One that was removed, or never was, is
    /// [`Error::NotFound`].
    async fn open(&self, id: &ContentId) -> Result<Box<dyn Reader>, Error>;

    /// What [`ContentStore::open`] says of each, in the order asked, in one go.
    /// What is small may be in memory then: ask for few enough.
    async fn open_all(&self, ids: &[ContentId]) -> Vec<Result<Box<dyn Reader>, Error>> {
        let opening: Vec<_> = ids.iter().map(|id| self.open(id)).collect();
        stream::iter(opening).buffered(SIDE_BY_SIDE).collect().await
    }

    /// Frees the space of a content. Removing it again, or what never was, is a
    /// successful no-op. A crash may undo a removal, never a finished write.
    async fn remove(&self, id: &ContentId) -> Result<(), Error>;

    /// Up to `limit` contents in an order that does not change, from the first
    /// or from where an earlier page ended. Contents that come and go meanwhile
    /// may or may not be listed; all others are, once.
    async fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Page, Error>;

    /// Keeps what was computed from a content, in place of what was kept before.
    /// Not durable, and not an error where it fails; what is longer than
    /// [`SUMMARY_MAX`] is not kept. It goes when its content is removed.
    async fn keep_summary(&self, id: &ContentId, summary: &[u8]) {
        let _ = (id, summary);
    }

    /// Keeps several as [`ContentStore::keep_summary`] does, in one go.
    async fn keep_summaries(&self, computed: Vec<(ContentId, Bytes)>) {
        for (id, summary) in &computed {
            self.keep_summary(id, summary).await;
        }
    }

    /// What was kept of a content by whichever process; none where nothing is,
    /// or nothing that is whole.
    async fn summary(&self, id: &ContentId) -> Option<Bytes> {
        let kept = self.summaries(slice::from_ref(id)).await;
        kept.into_iter().next().flatten()
    }

    /// What [`ContentStore::summary`] says of each, in the order asked, in one go.
    async fn summaries(&self, ids: &[ContentId]) -> Vec<Option<Bytes>> {
        vec![None; ids.len()]
    }
}

/// A content being written. Dropped unfinished, it leaves nothing behind.
#[async_trait]
pub trait Writer: Send {
    /// Appends octets. After an error the writer can only be dropped.
    async fn write(&mut self, octets: &[u8]) -> Result<(), Error>;

    /// Makes content and trailer durable, and returns when they are. Cancelled,
    /// it may leave a content that nobody knows, as a crash may: the sweep's.
    async fn finish(self: Box<Self>, trailer: Trailer) -> Result<Stored, Error>;
}

/// A content being read. Its checksums are verified before octets are returned;
/// where they fail, reading ends with [`Error::Corrupt`].
#[async_trait]
pub trait Reader: Send {
    /// The number of octets as received, without the prefix.
    fn octets(&self) -> u64;

    /// What was stored along with the octets.
    fn trailer(&self) -> &Trailer;

    /// What we put in front of the octets at acceptance.
    fn prefix(&self) -> &Bytes {
        &self.trailer().prefix
    }

    /// The next octets, at most [`CHUNK`]; none at the end.
    async fn read(&mut self) -> Result<Option<Bytes>, Error>;

    /// Some of the octets from `offset` on: at least one and at most `max` or
    /// [`CHUNK`]; none only at the end or where `max` is 0. Does not move what
    /// [`Reader::read`] returns next.
    async fn read_range(&mut self, offset: u64, max: usize) -> Result<Bytes, Error>;
}

/// What [`Writer::finish`] made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The name to open it by.
    pub id: ContentId,
    /// The number of octets without the prefix.
    pub octets: u64,
}

/// A place in the listing of a store, between two pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(ContentId);

/// A part of a store's listing.
#[derive(Debug, Default)]
pub struct Page {
    /// The contents, in the store's order.
    pub contents: Vec<Listed>,
    /// Places that hold no readable record though later ones follow; what a
    /// crash left half-written is none.
    pub damage: Vec<Error>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

/// A content as listed, without a look at its octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name to open it by.
    pub id: ContentId,
    /// The number of octets without the prefix.
    pub octets: u64,
    /// When it was written.
    pub stored_at: Timestamp,
}
