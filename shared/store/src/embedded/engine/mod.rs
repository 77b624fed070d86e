//! Atomic steps over ordered keys, durable by group commit.
//!
//! One thread writes. It takes the steps that wait, runs them one after the
//! other, and puts all they wrote into the [`journal`] as one batch: one fsync
//! serves every durable step of a batch, and while it runs the next batch
//! gathers. There is no timer: an idle engine commits at once. What was written
//! lately is kept in memory ([`recent`]) and shown to readers from there; the
//! [`checkpoint`] thread brings it into the database (redb) in bulk, so that a row
//! that comes and goes with its message never gets there. After a crash the
//! journal is applied to the database.
//!
//! | crash | then |
//! | --- | --- |
//! | before the batch is in the journal | nobody was told; nothing happened |
//! | after its fsync, before the reply | it happened; steps are idempotent |
//! | during a checkpoint | the database has its last checkpoint, the journal all since |
//!
//! A relaxed step is answered before its fsync: it survives the death of the
//! process, and reaches the disk with the next fsync, [`RELAXED_SYNC`] later at
//! most.

mod checkpoint;
mod database;
mod journal;
mod recent;
mod step;
mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::StoreError;
use database::Database;
use journal::Journal;
use recent::Recent;
pub(super) use step::{Read, Snapshot, Step, from_json};
use writer::{Failure, Task, Waiting, Writer};

/// Called when an fsync failed; see [`super::EmbeddedStore::open`].
pub type SyncFailure = Arc<dyn Fn(&io::Error) + Send + Sync>;

/// The longest that a relaxed step stays unsynced.
const RELAXED_SYNC: Duration = Duration::from_millis(50);

/// Steps that may wait for the writer; beyond it callers are told `Full`.
const WAITING_STEPS: usize = 65_536;

/// When a step's result is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// After the fsync that covers it.
    Durable,
    /// When it is visible to readers.
    Relaxed,
}

/// The engine. Clones share it; the last one dropped closes the files.
#[derive(Clone)]
pub(super) struct Engine(Arc<Open>);

struct Open {
    database: Database,
    recent: Recent,
    tasks: Option<SyncSender<Task>>,
    writer: Option<JoinHandle<()>>,
}

impl Engine {
    /// Opens the files in `directory` and applies what the journal holds.
    /// `cache` octets of the database are kept in memory; `journal` octets are
    /// written between two checkpoints.
    pub(super) fn open(
        directory: &Path,
        cache: usize,
        journal: u64,
        on_sync_failure: SyncFailure,
    ) -> Result<Self, StoreError> {
        create_directory(directory)?;
        let database = Database::open(&directory.join("state.redb"), cache)?;
        let journal = Journal::open(directory, journal)?;
        Self::start(database, journal, directory, on_sync_failure)
    }

    fn start(
        database: Database,
        mut journal: Journal,
        directory: &Path,
        on_sync_failure: SyncFailure,
    ) -> Result<Self, StoreError> {
        let replayed = database.recover(&mut journal)?;
        if replayed > 0 {
            let batches = replayed;
            tracing::info!(batches, "applied the store's journal after a crash");
        }
        let recent = Recent::default();
        let writer = Writer::new(
            database.clone(),
            recent.clone(),
            journal,
            Failure::new(directory, on_sync_failure),
        )?;
        let (tasks, waiting) = sync_channel(WAITING_STEPS);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(&waiting))
            .map_err(|e| StoreError::Unavailable(format!("cannot start the writer: {e}")))?;
        Ok(Self(Arc::new(Open {
            database,
            recent,
            tasks: Some(tasks),
            writer: Some(thread),
        })))
    }

    /// Runs `step` on the writer thread. All that it writes applies, or nothing
    /// if it fails.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        step: impl FnOnce(&mut Step<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_and_announce(durability, step, |_| ()).await
    }

    /// As [`Engine::write`]; `announce` is called with the result of a step that
    /// applied, in the order of steps and even if the caller no longer waits.
    pub(super) async fn write_and_announce<T: Send + 'static>(
        &self,
        durability: Durability,
        step: impl FnOnce(&mut Step<'_>) -> Result<T, StoreError> + Send + 'static,
        announce: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let task = Task {
            durability,
            pending: Box::new(Waiting::new(step, announce, answer)),
        };
        let tasks = self.0.tasks.as_ref().ok_or_else(stopped)?;
        tasks.try_send(task).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Full("too many steps wait for the disk".into()),
            TrySendError::Disconnected(_) => stopped(),
        })?;
        answered.await.map_err(|_| stopped())?
    }

    /// Looks at a consistent snapshot, on the caller's thread.
    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0
            .recent
            .view(&self.0.database, |view| look(&Snapshot::new(view)))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so; the journal has its batches.
            let _ = writer.join();
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the embedded engine has stopped".into())
}

fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn create_directory(directory: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|e| StoreError::Unavailable(format!("cannot create {}: {e}", directory.display())))
}

#[cfg(test)]
mod tests;
