//! A content store that is away, then back: for tests of who depends on one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use message::ContentId;

use crate::{ContentStore, Cursor, Error, Page, Reader, Refusal, Writer};

/// A store whose way to it can be cut.
pub struct Away {
    inner: Arc<dyn ContentStore>,
    away: AtomicBool,
    refused: AtomicUsize,
}

impl Away {
    /// `inner`, which is away until [`Away::come_back`].
    pub fn new(inner: Arc<dyn ContentStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            away: AtomicBool::new(true),
            refused: AtomicUsize::new(0),
        })
    }

    /// From now on it does as asked.
    pub fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }

    /// How often it was asked while it was away.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    fn ask(&self, operation: &'static str) -> Result<&dyn ContentStore, Error> {
        if !self.away.load(Ordering::SeqCst) {
            return Ok(self.inner.as_ref());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        Err(Error::Remote {
            operation,
            object: "s3://mail/object".to_owned(),
            refusal: Refusal::Unreachable,
            source: Arc::new(io::Error::from(io::ErrorKind::TimedOut)),
        })
    }
}

#[async_trait]
impl ContentStore for Away {
    async fn create(&self) -> Result<Box<dyn Writer>, Error> {
        self.ask("write")?.create().await
    }

    async fn open(&self, id: &ContentId) -> Result<Box<dyn Reader>, Error> {
        self.ask("read")?.open(id).await
    }

    async fn remove(&self, id: &ContentId) -> Result<(), Error> {
        self.ask("remove")?.remove(id).await
    }

    async fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Page, Error> {
        self.ask("list")?.list(after, limit).await
    }
}
