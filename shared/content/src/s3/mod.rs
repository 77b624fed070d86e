//! Contents in a bucket of S3, for many hosts.
//!
//! ```text
//! s3://<bucket>/<prefix>/<writer>/<stamp>.segment        a pack of small contents
//! s3://<bucket>/<prefix>/<writer>/<stamp>.content        one content
//! s3://<bucket>/<prefix>/<writer>/<stamp>.dead/<offset>  marks a record removed
//! ```
//!
//! Every service writes under a name of its own and reads all of them; what one
//! has stored every other reads at once, for S3 reads what was written last. An
//! object is written once and by one process, under a stamp that nobody else
//! draws, so instances of a service may share its name. A content's id tells its
//! place, so there is no index to lose. The records are
//! those of the files ([`crate::record`]), with their checksums and trailers;
//! [`pack`] tells how they stand in an object, [`reclaim`] how they go.
//!
//! Failures: a content is durable when the bucket has confirmed its object.
//! Requests are tried for some seconds and then fail with [`Error::Remote`],
//! which says whether the bucket is missing, access denied or nobody answered;
//! the caller answers 4xx. Parts of a long content whose process was killed stay
//! in the bucket, unseen, until its lifecycle rule removes them.
//!
//! Summaries are kept in memory only.

mod bucket;
mod commit;
mod credentials;
mod keys;
mod listing;
mod pack;
mod reader;
mod reclaim;
mod space;
#[cfg(test)]
mod tests;
mod url;
mod writer;

pub use url::S3Url;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use message::ContentId;
use tokio::sync::Semaphore;

use crate::name::Location;
use crate::summary::Recent;
use crate::{ContentStore, Cursor, Error, Page, Reader, Settings, Writer};
use bucket::Bucket;
use commit::GroupCommit;
use reader::S3Reader;
use reclaim::Reclaimer;
use space::WriterSpace;
use writer::S3Writer;

/// What the summaries in memory take at most.
const SUMMARIES: usize = 16 * 1024 * 1024;

/// A bucket, or the part of one below a prefix.
pub struct S3Store {
    bucket: Arc<Bucket>,
    writing: Option<Writing>,
    reclaimer: Reclaimer,
    summaries: Recent,
}

/// What only a process that writes has.
struct Writing {
    space: Arc<WriterSpace>,
    commit: GroupCommit,
    /// How many long contents may be written at a time.
    long: Arc<Semaphore>,
}

impl S3Store {
    /// Opens the bucket, and proves that it can be used: by writing where this
    /// process writes, otherwise by listing.
    pub async fn open(url: &S3Url, settings: Settings) -> Result<Self, Error> {
        let bucket = Arc::new(Bucket::open(url)?);
        let writing = match settings.writer {
            Some(writer) => {
                let Settings { clock, random, .. } = settings;
                let space = WriterSpace::new(Arc::clone(&bucket), writer, clock, random);
                space.probe().await?;
                Some(Writing::start(space))
            }
            None => {
                bucket.list("", None).try_next().await?;
                None
            }
        };
        Ok(Self {
            reclaimer: Reclaimer::new(Arc::clone(&bucket)),
            bucket,
            writing,
            summaries: Recent::new(SUMMARIES),
        })
    }
}

impl Writing {
    fn start(space: WriterSpace) -> Self {
        let space = Arc::new(space);
        Self {
            commit: GroupCommit::start(Arc::clone(&space)),
            space,
            long: Arc::new(Semaphore::new(writer::LONG)),
        }
    }
}

#[async_trait]
impl ContentStore for S3Store {
    async fn create(&self) -> Result<Box<dyn Writer>, Error> {
        let Writing {
            space,
            commit,
            long,
        } = self.writing.as_ref().ok_or(Error::ReadOnly)?;
        let (space, long) = (Arc::clone(space), Arc::clone(long));
        Ok(Box::new(S3Writer::new(space, commit.clone(), long)))
    }

    async fn open(&self, id: &ContentId) -> Result<Box<dyn Reader>, Error> {
        let reader = S3Reader::open(&self.bucket, &Location::parse(id)?).await?;
        Ok(Box::new(reader))
    }

    async fn remove(&self, id: &ContentId) -> Result<(), Error> {
        self.summaries.forget(id);
        self.reclaimer.remove(&Location::parse(id)?).await
    }

    async fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Page, Error> {
        let after = after.map(|Cursor(id)| id);
        listing::page(&self.bucket, &self.reclaimer, after.as_ref(), limit).await
    }

    async fn keep_summary(&self, id: &ContentId, summary: &[u8]) {
        self.summaries.keep(id, Bytes::copy_from_slice(summary));
    }

    async fn summaries(&self, ids: &[ContentId]) -> Vec<Option<Bytes>> {
        ids.iter().map(|id| self.summaries.get(id)).collect()
    }
}
