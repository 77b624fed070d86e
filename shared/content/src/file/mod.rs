//! Contents in the files of one host.
//!
//! ```text
//! <root>/<writer>/<stamp>.segment    records of up to 128 KiB, appended
//! <root>/<writer>/<stamp>.content    one record, longer than that
//! <root>/<writer>/<stamp>.partial    neither yet; left by a crash, removed at the next start
//! <root>/<writer>/<stamp>.summaries  what was computed from a segment's contents
//! ```
//!
//! A process writes under the directory of its service, together with the service's
//! other instances on the host, and reads all of them. A file is written by the
//! process that made it, which holds a lock on it, and by no other: what a crash left
//! at the end of a segment is never written behind. A content's id tells its place,
//! so there is no index to lose. `crate::record` tells the format; a record holds
//! enough to recover its mail without the store.
//!
//! Failures: a full disk, or one on which less is free than shall stay free
//! ([`Settings::min_free`]), is the error of those who write at that moment; a
//! failed fsync ends the process; a damaged record is an error naming the place,
//! and its neighbours stay readable.

mod commit;
mod directory;
mod durable;
mod listing;
mod reader;
mod reclaim;
mod summaries;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use message::ContentId;

use crate::name::Location;
use crate::{ContentStore, Cursor, Error, Page, Reader, SUMMARY_MAX, Settings, Writer};
use commit::GroupCommit;
use directory::WriterDirectory;
use durable::{Disk, Durable, SystemDisk};
use reader::{FileReader, Opening};
use reclaim::Reclaimer;
use summaries::{Keeping, Summaries};
use writer::FileWriter;

/// A directory with a directory per writer.
pub struct FileStore {
    root: PathBuf,
    writing: Option<Writing>,
    reclaimer: Arc<Reclaimer>,
}

/// What only a process that writes has.
struct Writing {
    directory: Arc<WriterDirectory>,
    commit: GroupCommit,
}

impl FileStore {
    /// Opens the store at `root`; a process that writes makes its directory.
    pub async fn open(root: &Path, settings: Settings) -> Result<Self, Error> {
        Self::on_disk(root, settings, Arc::new(SystemDisk)).await
    }

    async fn on_disk(root: &Path, settings: Settings, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let root = root.to_owned();
        blocking(move || {
            let writing = Writing::start(&root, settings, disk)?;
            Ok(Self {
                root,
                writing,
                reclaimer: Arc::default(),
            })
        })
        .await
    }
}

impl Writing {
    fn start(root: &Path, settings: Settings, disk: Arc<dyn Disk>) -> Result<Option<Self>, Error> {
        let Settings {
            writer,
            clock,
            random,
            min_free,
            on_sync_failure,
        } = settings;
        let Some(writer) = writer else {
            return Ok(None);
        };
        let durable = Durable::new(disk, min_free, on_sync_failure);
        let directory = Arc::new(WriterDirectory::open(root, writer, clock, random, durable)?);
        let commit = GroupCommit::start(Arc::clone(&directory))?;
        Ok(Some(Self { directory, commit }))
    }
}

#[async_trait]
impl ContentStore for FileStore {
    async fn create(&self) -> Result<Box<dyn Writer>, Error> {
        let Writing { directory, commit } = self.writing.as_ref().ok_or(Error::ReadOnly)?;
        directory.durable.check()?;
        directory.check_room()?;
        Ok(Box::new(FileWriter::new(
            Arc::clone(directory),
            commit.clone(),
        )))
    }

    async fn open(&self, id: &ContentId) -> Result<Box<dyn Reader>, Error> {
        let (root, location) = (self.root.clone(), Location::parse(id)?);
        let reader = blocking(move || FileReader::open(&root, &location)).await?;
        Ok(Box::new(reader))
    }

    async fn open_all(&self, ids: &[ContentId]) -> Vec<Result<Box<dyn Reader>, Error>> {
        let (root, wanted) = (self.root.clone(), ids.to_owned());
        let opened = blocking(move || {
            let mut opening = Opening::default();
            let open = |id| -> Result<Box<dyn Reader>, Error> {
                Ok(Box::new(opening.open(&root, &Location::parse(id)?)?))
            };
            Ok(wanted.iter().map(open).collect())
        });
        let stopped = |_| ids.iter().map(|_| Err(Error::Stopped)).collect();
        opened.await.unwrap_or_else(stopped)
    }

    async fn remove(&self, id: &ContentId) -> Result<(), Error> {
        let (root, location) = (self.root.clone(), Location::parse(id)?);
        let reclaimer = Arc::clone(&self.reclaimer);
        blocking(move || reclaimer.remove(&root, &location)).await
    }

    async fn list(&self, after: Option<Cursor>, limit: usize) -> Result<Page, Error> {
        let (root, reclaimer) = (self.root.clone(), Arc::clone(&self.reclaimer));
        let after = after.map(|Cursor(id)| id);
        blocking(move || listing::page(&root, &reclaimer, after.as_ref(), limit)).await
    }

    async fn keep_summary(&self, id: &ContentId, summary: &[u8]) {
        let computed = vec![(id.clone(), Bytes::copy_from_slice(summary))];
        self.keep_summaries(computed).await;
    }

    async fn keep_summaries(&self, computed: Vec<(ContentId, Bytes)>) {
        if computed.is_empty() {
            return;
        }
        let root = self.root.clone();
        let keeping = blocking(move || {
            let mut keeping = Keeping::default();
            for (id, summary) in &computed {
                let (Ok(location), true) = (Location::parse(id), summary.len() <= SUMMARY_MAX)
                else {
                    continue;
                };
                if let Err(error) = keeping.keep(&root, &location, summary) {
                    tracing::debug!(content = %id, %error, "a summary is not kept");
                }
            }
            if let Err(error) = keeping.finish() {
                tracing::debug!(%error, "summaries without their contents are left");
            }
            Ok(())
        });
        // It fails only where the process ends.
        let _ = keeping.await;
    }

    async fn summaries(&self, ids: &[ContentId]) -> Vec<Option<Bytes>> {
        let (root, wanted) = (self.root.clone(), ids.to_owned());
        let read = blocking(move || {
            let mut summaries = Summaries::default();
            let read = wanted.iter().map(|id| summaries.read(&root, id));
            Ok(read.collect())
        });
        read.await.unwrap_or_else(|_| vec![None; ids.len()])
    }
}

/// Runs file I/O where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Stopped), // the runtime is shutting down
        },
    }
}
