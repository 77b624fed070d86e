//! The thread that writes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use redb::{Database, Durability as Commit, ReadableDatabase, WriteTransaction};
use tokio::sync::oneshot;

use super::super::key::{Key, Space};
use super::journal::{Batch, Journal};
use super::step::{Step, Written};
use super::{Durability, RELAXED_SYNC, ROWS, SyncFailure, unavailable};
use crate::StoreError;

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

/// What the writer thread owns.
pub(super) struct Writer {
    database: Arc<Database>,
    journal: Journal,
    directory: PathBuf,
    on_sync_failure: SyncFailure,
}

impl Writer {
    pub(super) fn new(
        database: Arc<Database>,
        journal: Journal,
        directory: &Path,
        on_sync_failure: SyncFailure,
    ) -> Self {
        Self {
            database,
            journal,
            directory: directory.to_owned(),
            on_sync_failure,
        }
    }

    /// Applies the batches that the database does not have, and checkpoints.
    pub(super) fn recover(&mut self) -> Result<(), StoreError> {
        let held = self.checkpoint()?;
        let transaction = self.begin_checkpoint()?;
        let replayed = self
            .journal
            .replay(held, |batch| apply(&transaction, &batch))?;
        self.finish(transaction, self.journal.last())?;
        self.journal.restart();
        if replayed > 0 {
            tracing::info!(
                batches = replayed,
                "applied the store's journal after a crash"
            );
        }
        Ok(())
    }

    /// Serves steps until every handle of the engine is gone.
    pub(super) fn run(mut self, tasks: &Receiver<Task>) {
        loop {
            let first = if self.journal.is_synced() {
                tasks.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                tasks.recv_timeout(RELAXED_SYNC)
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

    /// Runs the steps in one transaction, makes what they wrote durable, and
    /// shows it to readers.
    fn apply_all(&mut self, tasks: &mut [Task]) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        let mut batch = Written::new();
        {
            let mut rows = transaction.open_table(ROWS).map_err(unavailable)?;
            for task in tasks.iter_mut() {
                let mut step = Step::new(&rows);
                let applies = task.pending.run(&mut step);
                let written = step.into_written();
                if applies {
                    put_all(&mut rows, &written)?;
                    batch.extend(written);
                }
            }
        }
        if batch.is_empty() {
            return transaction.abort().map_err(unavailable);
        }
        let durable = tasks
            .iter()
            .any(|task| task.durability == Durability::Durable);
        let mut batch = Batch::encode(self.journal.last() + 1, &batch);
        if !self.journal.has_room(&batch) {
            return self.commit_as_checkpoint(transaction, batch.number());
        }
        if let Err(error) = self.journal.append(&mut batch) {
            // Nobody was told; the database forgets the batch with us.
            return Err(StoreError::Unavailable(format!(
                "cannot write the journal: {error}"
            )));
        }
        if durable {
            self.sync();
        }
        transaction
            .commit()
            .map_err(|error| self.lost(&error.to_string()))
    }

    /// The journal is full: the batch goes to disk with the database itself.
    fn commit_as_checkpoint(
        &mut self,
        mut transaction: WriteTransaction,
        number: u64,
    ) -> Result<(), StoreError> {
        to_disk(&mut transaction)?;
        self.finish(transaction, number)
            .map_err(|error| self.lost(&error.to_string()))?;
        self.journal.advance(number);
        self.journal.restart();
        Ok(())
    }

    /// Commits with the number of the last batch that the database then holds.
    fn finish(&self, transaction: WriteTransaction, number: u64) -> Result<(), StoreError> {
        {
            let mut rows = transaction.open_table(ROWS).map_err(unavailable)?;
            let key = Key::new(Space::Checkpoint);
            rows.insert(key.as_bytes(), number.to_be_bytes().as_slice())
                .map_err(unavailable)?;
        }
        transaction.commit().map_err(unavailable)
    }

    /// A transaction that stays in memory until the next checkpoint.
    fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database.begin_write().map_err(unavailable)?;
        transaction
            .set_durability(Commit::None)
            .map_err(unavailable)?;
        Ok(transaction)
    }

    /// A transaction that syncs the database, in a form that opens at once
    /// after a crash.
    fn begin_checkpoint(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.begin()?;
        to_disk(&mut transaction)?;
        Ok(transaction)
    }

    /// The number of the last batch that the database holds.
    fn checkpoint(&self) -> Result<u64, StoreError> {
        let transaction = self.begin_checkpoint()?;
        transaction.open_table(ROWS).map_err(unavailable)?;
        transaction.commit().map_err(unavailable)?;
        let rows = self.database.begin_read().map_err(unavailable)?;
        let rows = rows.open_table(ROWS).map_err(unavailable)?;
        let number = rows
            .get(Key::new(Space::Checkpoint).as_bytes())
            .map_err(unavailable)?;
        Ok(number.map_or(0, |number| {
            number.value().try_into().map_or(0, u64::from_be_bytes)
        }))
    }

    fn sync(&mut self) {
        if let Err(error) = self.journal.sync() {
            tracing::error!(
                directory = %self.directory.display(),
                "fsync of the store's journal failed: {error}; stopping, since what was written may be lost"
            );
            (self.on_sync_failure)(&error);
        }
    }

    /// The journal has a batch that the database could not take: only a new
    /// start brings them together again.
    fn lost(&self, reason: &str) -> StoreError {
        tracing::error!(
            directory = %self.directory.display(),
            "the store's database failed: {reason}; stopping, the journal has what is missing"
        );
        (self.on_sync_failure)(&std::io::Error::other(reason.to_owned()));
        StoreError::Unavailable(reason.to_owned())
    }

    fn close(mut self) {
        self.sync();
        let closed = self
            .begin_checkpoint()
            .and_then(|transaction| self.finish(transaction, self.journal.last()));
        if let Err(error) = closed {
            tracing::warn!("the store was not checkpointed; its journal is kept: {error}");
        }
    }
}

fn to_disk(transaction: &mut WriteTransaction) -> Result<(), StoreError> {
    transaction
        .set_durability(Commit::Immediate)
        .map_err(unavailable)?;
    transaction.set_quick_repair(true);
    Ok(())
}

fn apply(transaction: &WriteTransaction, written: &Written) -> Result<(), StoreError> {
    let mut rows = transaction.open_table(ROWS).map_err(unavailable)?;
    put_all(&mut rows, written)
}

fn put_all(
    rows: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    written: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<(), StoreError> {
    for (key, value) in written {
        match value {
            Some(value) => rows.insert(key.as_slice(), value.as_slice()).map(drop),
            None => rows.remove(key.as_slice()).map(drop),
        }
        .map_err(unavailable)?;
    }
    Ok(())
}
