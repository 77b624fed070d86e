//! Contents in the files of one host.

mod name;

pub use name::{WriterName, WriterNameError};

use std::path::Path;

use async_trait::async_trait;
use message::ContentId;

use crate::{ContentStore, Cursor, Error, Page, Reader, Settings, Writer};

/// A directory with a directory per writer.
pub struct FileStore;

impl FileStore {
    /// Opens the store at `root`.
    pub async fn open(_root: &Path, _settings: Settings) -> Result<Self, Error> {
        Ok(Self)
    }
}

#[async_trait]
impl ContentStore for FileStore {
    async fn create(&self) -> Result<Box<dyn Writer>, Error> {
        Err(Error::ReadOnly)
    }

    async fn open(&self, id: &ContentId) -> Result<Box<dyn Reader>, Error> {
        Err(Error::NotFound(id.clone()))
    }

    async fn remove(&self, _id: &ContentId) -> Result<(), Error> {
        Ok(())
    }

    async fn list(&self, _after: Option<Cursor>, _limit: usize) -> Result<Page, Error> {
        Ok(Page::default())
    }
}
