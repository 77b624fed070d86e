//! A content store whose disk is full.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use content::{ContentStore, Cursor, Error, Page, Reader, Stored, Trailer, Writer};
use message::ContentId;

pub(super) struct Refusing {
    inner: Arc<dyn ContentStore>,
    full: AtomicBool,
}

impl Refusing {
    pub(super) fn new(inner: Arc<dyn ContentStore>) -> Self {
        Self {
            inner,
            full: AtomicBool::new(true),
        }
    }

    /// There is space again.
    pub(super) fn relent(&self) {
        self.full.store(false, Ordering::Relaxed);
    }
}

struct Full;

#[async_trait]
impl Writer for Full {
    async fn write(&mut self, _octets: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(self: Box<Self>, _trailer: Trailer) -> Result<Stored, Error> {
        Err(Error::Io {
            operation: "write",
            file: "content".into(),
            source: io::ErrorKind::StorageFull.into(),
        })
    }
}

#[async_trait]
impl ContentStore for Refusing {
    async fn create(&self) -> Result<Box<dyn Writer>, Error> {
        if self.full.load(Ordering::Relaxed) {
            return Ok(Box::new(Full));
        }
        self.inner.create().await
    }

    async fn open(&self, id: &ContentId) -> Result<Box<dyn Reader>, Error> {
        self.inner.open(id).await
    }

    async fn remove(&self, id: &ContentId) -> Result<(), Error> {
        self.inner.remove(id).await
    }

    async fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Page, Error> {
        self.inner.list(after, limit).await
    }
}
