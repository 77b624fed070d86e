//! The thread that writes.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::checkpoint::Checkpoints;
use super::database::Database;
use super::journal::{Batch, Journal};
use super::recent::Recent;
use super::step::{Step, Written};
use super::{Durability, RELAXED_SYNC, SyncFailure};
use crate::StoreError;

/// Octets of recent rows in memory from which on they are brought into the
/// database.
const RECENT: usize = 8 << 20;

/// The most steps that share a batch, which bounds how long the first waits.
const BATCH_STEPS: usize = 512;

/// A step that waits for the writer.
pub(super) struct Task {
    pub(super) durability: Durability,
    pub(super) pending: Box<dyn Pending>,
}

/// A step with its result's type erased.
pub(super) trait Pending: Send {
    /// Runs the step; whether what it wrote is to apply.
    fn run(&mut self, step: &mut Step<'_>) -> bool;
    /// Tells the caller the result, or what kept it from being kept.
    fn answer(self: Box<Self>, fault: Option<&str>);
}

/// A step, then its result, what it announces, and who waits for it.
pub(super) struct Waiting<T, F, A> {
    step: Option<F>,
    result: Option<Result<T, StoreError>>,
    announce: A,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F, A> Waiting<T, F, A> {
    pub(super) fn new(
        step: F,
        announce: A,
        answer: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self {
            step: Some(step),
            result: None,
            announce,
            answer,
        }
    }
}

impl<T, F, A> Pending for Waiting<T, F, A>
where
    T: Send,
    F: FnOnce(&mut Step<'_>) -> Result<T, StoreError> + Send,
    A: FnOnce(&T) + Send,
{
    fn run(&mut self, rows: &mut Step<'_>) -> bool {
        let Some(step) = self.step.take() else {
            return false;
        };
        let result = catch_unwind(AssertUnwindSafe(|| step(rows))).unwrap_or_else(|_| {
            Err(StoreError::Unavailable(
                "a step of the store panicked".into(),
            ))
        });
        let applies = result.is_ok();
        self.result = Some(result);
        applies
    }

    fn answer(self: Box<Self>, fault: Option<&str>) {
        let result = match (fault, self.result) {
            (None, Some(result)) => result.inspect(self.announce),
            (Some(reason), _) => Err(StoreError::Unavailable(reason.to_owned())),
            (None, None) => Err(super::stopped()),
        };
        // Whoever no longer waits does not mind.
        let _ = self.answer.send(result);
    }
}

/// What is done when the disk fails: say so, and end the process.
#[derive(Clone)]
pub(super) struct Failure {
    directory: PathBuf,
    end: SyncFailure,
}

impl Failure {
    pub(super) fn new(directory: &Path, end: SyncFailure) -> Self {
        Self {
            directory: directory.to_owned(),
            end,
        }
    }

    /// An fsync of the journal failed.
    fn journal(&self, error: &io::Error) {
        tracing::error!(
            directory = %self.directory.display(),
            "fsync of the store's journal failed: {error}; stopping, since what was written may be lost"
        );
        (self.end)(error);
    }

    /// The database did not take what the journal has: only a new start brings
    /// them together again.
    pub(super) fn database(&self, error: &StoreError) {
        tracing::error!(
            directory = %self.directory.display(),
            "the store's database failed: {error}; stopping, the journal has what is missing"
        );
        (self.end)(&io::Error::other(error.to_string()));
    }
}

/// What the writer thread owns.
pub(super) struct Writer {
    database: Database,
    recent: Recent,
    journal: Journal,
    checkpoints: Checkpoints,
    failure: Failure,
}

impl Writer {
    pub(super) fn new(
        database: Database,
        recent: Recent,
        journal: Journal,
        failure: Failure,
    ) -> Result<Self, StoreError> {
        let checkpoints = Checkpoints::new(database.clone(), recent.clone(), failure.clone())?;
        Ok(Self {
            database,
            recent,
            journal,
            checkpoints,
            failure,
        })
    }

    /// Serves steps until every handle of the engine is gone.
    pub(super) fn run(mut self, tasks: &Receiver<Task>) {
        let mut sync_at: Option<Instant> = None;
        loop {
            let first = match sync_at {
                None => tasks.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => match at.saturating_duration_since(now()) {
                    Duration::ZERO => Err(RecvTimeoutError::Timeout),
                    left => tasks.recv_timeout(left),
                },
            };
            match first {
                Ok(first) => {
                    let batch = std::iter::once(first)
                        .chain(tasks.try_iter())
                        .take(BATCH_STEPS);
                    self.serve(batch.collect());
                }
                Err(RecvTimeoutError::Timeout) => self.sync(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Steps that keep coming must not put the fsync off any further.
            sync_at = match self.journal.is_synced() {
                true => None,
                false => sync_at.or_else(|| Some(now() + RELAXED_SYNC)),
            };
        }
        self.close();
    }

    fn serve(&mut self, mut tasks: Vec<Task>) {
        let fault = self
            .apply_all(&mut tasks)
            .err()
            .map(|error| error.to_string());
        if let Some(fault) = &fault {
            tracing::error!(%fault, "the store could not write");
        }
        for task in tasks {
            task.pending.answer(fault.as_deref());
        }
    }

    /// Runs the steps, makes what they wrote durable, and shows it to readers.
    fn apply_all(&mut self, tasks: &mut [Task]) -> Result<(), StoreError> {
        let written = self.run_all(tasks)?;
        let durable = tasks
            .iter()
            .any(|task| task.durability == Durability::Durable);
        if written.is_empty() {
            // What a durable step found may be what a relaxed one wrote.
            if durable {
                self.sync();
            }
            return Ok(());
        }
        let mut batch = Batch::encode(self.journal.last() + 1, &written);
        self.make_room(&batch)?;
        if !self.journal.has_room(&batch) {
            return self.write_apart(&written, batch.number());
        }
        self.journal
            .append(&mut batch)
            .map_err(|e| StoreError::Unavailable(format!("cannot write the journal: {e}")))?;
        if durable {
            self.sync();
        }
        let shown = self.recent.add(written, &self.database);
        shown.inspect_err(|error| self.failure.database(error))
    }

    /// Runs the steps one after the other; each sees what those before it wrote.
    fn run_all(&self, tasks: &mut [Task]) -> Result<Written, StoreError> {
        self.recent.view(&self.database, |view| {
            let mut batch = Written::new();
            for task in tasks {
                let mut step = Step::new(&batch, view);
                let applies = task.pending.run(&mut step);
                let written = step.into_written();
                if applies {
                    batch.extend(written);
                }
            }
            Ok(batch)
        })
    }

    /// Begins a checkpoint where the journal's file is full, or memory, unless
    /// one is under way that will make room there.
    fn make_room(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let full = !self.journal.has_room(batch);
        let large = self.recent.size() >= RECENT && !self.checkpoints.is_running();
        if full || large {
            self.checkpoints.wait()?;
            // From here on the other file goes on behind this one.
            self.sync();
            self.checkpoints
                .begin(self.recent.freeze(), self.journal.last())?;
            self.journal.turn();
        }
        Ok(())
    }

    /// A batch larger than a journal's file goes to disk with the database.
    fn write_apart(&mut self, written: &Written, number: u64) -> Result<(), StoreError> {
        self.checkpoints.wait()?;
        self.database
            .write(written, number)
            .inspect_err(|error| self.failure.database(error))?;
        self.journal.advance(number);
        Ok(())
    }

    fn sync(&mut self) {
        if let Err(error) = self.journal.sync() {
            self.failure.journal(&error);
        }
    }

    fn close(mut self) {
        self.sync();
        let closed = self.checkpoints.wait().and_then(|()| {
            self.database
                .write(&self.recent.freeze(), self.journal.last())
        });
        if let Err(error) = closed {
            tracing::warn!("the store was not checkpointed; its journal is kept: {error}");
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "how long the disk may be behind has nothing to do with the time of mail"
)]
fn now() -> Instant {
    Instant::now()
}
