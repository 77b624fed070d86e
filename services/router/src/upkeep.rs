//! Work that one router does for all: feeding, forgetting, reclaiming.

use std::sync::Arc;
use std::time::Duration;

use message::Clock;
use store::{Ledger, StoreError};
use tokio_util::sync::CancellationToken;

use crate::feeder::Feeder;
use crate::reclaimer::{ReclaimError, Reclaimer};

/// How often overdue jobs are looked for.
const FEED: Duration = Duration::from_secs(1);
/// How often releases are passed on and closed entries forgotten.
const TIDY: Duration = Duration::from_secs(60);
/// How often delivery records and content are gone through as a whole.
const SWEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// How long another router waits for one that is gone.
const LEASE: Duration = Duration::from_secs(30);
/// How many are handled in one step.
const PAGE: usize = 256;

/// The work and who does it.
pub(crate) struct Upkeep {
    pub(crate) owner: String,
    pub(crate) feeder: Feeder,
    pub(crate) reclaimer: Reclaimer,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep_closed: Duration,
}

impl Upkeep {
    /// Does each kind of work at its interval until `shutdown`.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        tokio::join!(
            self.every(FEED, "feeder", &shutdown, async || Ok(self
                .feeder
                .feed()
                .await?)),
            self.every(TIDY, "tidier", &shutdown, async || self.tidy().await),
            self.every(SWEEP, "sweeper", &shutdown, async || self.sweep().await),
        );
    }

    /// Does `work` now and at each interval, while it holds the lease `name`.
    async fn every(
        &self,
        interval: Duration,
        name: &str,
        shutdown: &CancellationToken,
        work: impl AsyncFn() -> Result<(), ReclaimError>,
    ) {
        while !shutdown.is_cancelled() {
            let round = async {
                if self
                    .ledger
                    .lease(name, &self.owner, LEASE.max(interval * 2))
                    .await?
                {
                    work().await?;
                }
                Ok::<_, ReclaimError>(())
            };
            let ended = tokio::select! {
                () = shutdown.cancelled() => return,
                ended = round => ended,
            };
            if let Err(error) = ended {
                tracing::warn!(work = name, "put off until the next round: {error}");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.clock.sleep(interval) => {}
            }
        }
    }

    async fn tidy(&self) -> Result<(), ReclaimError> {
        self.reclaimer.pass_on_releases().await?;
        self.reclaimer.remove_condemned().await?;
        let closed_before = self.clock.now() - self.keep_closed;
        while self.ledger.prune(closed_before, PAGE).await? == PAGE {}
        Ok(())
    }

    async fn sweep(&self) -> Result<(), ReclaimError> {
        self.forget_deliveries().await?;
        self.reclaimer.sweep().await
    }

    /// Drops delivery records of messages that the ledger has forgotten, which
    /// it does a day after they were closed at the earliest.
    async fn forget_deliveries(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let records = self.reclaimer.mailbox.deliveries(after, PAGE).await?;
            let mut forgotten = Vec::new();
            for (account, message) in &records {
                if self.ledger.entry(*message).await?.is_none() {
                    forgotten.push((*account, *message));
                }
            }
            self.reclaimer.mailbox.forget_deliveries(&forgotten).await?;
            match records.last() {
                Some(last) if records.len() == PAGE => after = Some(*last),
                Some(_) | None => return Ok(()),
            }
        }
    }
}
