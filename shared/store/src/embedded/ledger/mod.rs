//! The ledger on the embedded engine.
//!
//! | key | value |
//! | --- | --- |
//! | Entry · message | [`Entry`](crate::ledger::Entry), unchanging |
//! | Open · message | [`Progress`](progress::Progress): routing, what is unsettled and owed |
//! | Closed · message; ClosedAt · time · message | when it closed |
//! | Route · message | the decisions, unchanging |
//! | Job · message · number | [`JobRow`](row::JobRow) |
//! | Timer · time · job | what the feeder does with the job then, and in which run that was set |
//! | Slot · destination · class · time · job | waiting and deferred jobs |
//! | Head · class · time · destination | each destination's first slot of each class |
//! | Owed · message · kind · job · recipient · original | a recipient to be told of |
//! | Notice · message · number | [`NoticeRow`](notice::NoticeRow): notices claimed |
//! | Reference · content · holder; Condemned · content; CondemnedAt · time · content | |
//! | Destination · name | [`Troubled`](destination::Troubled) |
//! | Counts, Run | one row each |
//!
//! A job has at most one timer and one slot. Both follow from its row
//! ([`placement`]), and every change of a job goes through
//! [`Turn::keep_job`](turn::Turn::keep_job), which moves them along. An open
//! message has its Open row, a closed one its Closed row.
//!
//! Acceptance and an operator's interventions return after their fsync. The
//! loss of any other step makes idempotent work be done again.

mod destination;
mod entry;
mod feed;
mod job;
mod keys;
mod notice;
mod placement;
mod progress;
mod queue;
mod reference;
mod route;
mod row;
mod settle;
mod state;
mod turn;
mod wishes;

use std::collections::BTreeMap;
use std::sync::Mutex;

use message::Timestamp;
use tokio::sync::OnceCell;

use super::EmbeddedStore;
use super::engine::{Durability, Read, Snapshot, Step};
use super::key::{Key, Space};
use crate::StoreError;
use turn::{Rules, Turn};

/// What the ledger keeps in memory: nothing that outlives the process, since
/// no other process can be at work on the same file.
#[derive(Default)]
pub(super) struct Memory {
    /// Which opening of the store this is.
    run: OnceCell<u64>,
    /// Holder and end of each named lease.
    leases: Mutex<BTreeMap<String, (String, Timestamp)>>,
    /// How far the search for work of earlier runs has come.
    recovery: Mutex<feed::Recovery>,
}

impl EmbeddedStore {
    /// One atomic step of the ledger.
    async fn turn<T: Send + 'static>(
        &self,
        durability: Durability,
        act: impl FnOnce(&mut Turn<'_, '_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let rules = Rules::new(&self.options, self.run().await?);
        let clock = self.clock.clone();
        self.engine
            .write(durability, move |step| {
                let mut turn = Turn::new(step, clock.now(), rules);
                let done = act(&mut turn)?;
                turn.finish()?;
                Ok(done)
            })
            .await
    }

    /// Looks at a snapshot away from the threads that serve everyone: for
    /// reads that may take milliseconds.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(move || engine.read(look))
            .await
            .map_err(|e| StoreError::Unavailable(format!("a read of the ledger ended: {e}")))?
    }

    /// The number of this run, counted up by the first step after opening.
    ///
    /// A clock could step back between two runs; a number cannot.
    async fn run(&self) -> Result<u64, StoreError> {
        let count = |step: &mut Step<'_>| {
            let key = Key::new(Space::LedgerRun);
            let run = step.get_json::<u64>(&key)?.unwrap_or(0) + 1;
            step.put_json(key, &run)?;
            Ok(run)
        };
        self.ledger
            .run
            .get_or_try_init(|| self.engine.write(Durability::Relaxed, count))
            .await
            .copied()
    }
}
