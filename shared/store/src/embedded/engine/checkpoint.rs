//! The thread that brings recent rows into the database.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::database::Database;
use super::recent::Recent;
use super::step::Written;
use super::writer::Failure;
use super::{stopped, unavailable};
use crate::StoreError;

/// Frozen rows, and the number of the last batch they come from.
type Frozen = (Arc<Written>, u64);

/// The thread's other end.
pub(super) struct Checkpoints {
    begin: Option<SyncSender<Frozen>>,
    ended: Receiver<()>,
    running: bool,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn new(
        database: Database,
        recent: Recent,
        failure: Failure,
    ) -> Result<Self, StoreError> {
        let (begin, frozen) = sync_channel::<Frozen>(1);
        let (end, ended) = sync_channel(1);
        let work = move || {
            for (written, number) in frozen {
                match database.write(&written, number) {
                    Ok(()) => recent.drop_frozen(),
                    // The journal has what is missing; it must not be written over.
                    Err(error) => return failure.database(&error),
                }
                if end.send(()).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(work);
        Ok(Self {
            begin: Some(begin),
            ended,
            running: false,
            thread: Some(thread.map_err(unavailable)?),
        })
    }

    /// Whether one is under way.
    pub(super) fn is_running(&mut self) -> bool {
        if self.running && self.ended.try_recv().is_ok() {
            self.running = false;
        }
        self.running
    }

    /// Waits for the one under way.
    ///
    /// # Errors
    /// When it failed: the database is of no more use.
    pub(super) fn wait(&mut self) -> Result<(), StoreError> {
        if self.running {
            self.ended.recv().map_err(|_| stopped())?;
            self.running = false;
        }
        Ok(())
    }

    /// Begins one; none may be under way.
    pub(super) fn begin(&mut self, written: Arc<Written>, number: u64) -> Result<(), StoreError> {
        let begin = self.begin.as_ref().ok_or_else(stopped)?;
        begin.send((written, number)).map_err(|_| stopped())?;
        self.running = true;
        Ok(())
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.begin = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked it has said so; the journal has its rows.
            let _ = thread.join();
        }
    }
}
