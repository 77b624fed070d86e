//! Work that one router does for all: feeding, forgetting, reclaiming.

use std::sync::Arc;
use std::time::Duration;

use message::Clock;
use station::Rounds;
use store::{Ledger, StoreError};
use tokio_util::sync::CancellationToken;

use crate::feeder::Feeder;
use crate::reclaimer::{ReclaimError, Reclaimer};
use crate::standing::LOOK;

/// How often overdue jobs are looked for.
const FEED: Duration = Duration::from_secs(1);
/// How often releases are passed on and closed entries forgotten.
const TIDY: Duration = Duration::from_secs(60);
/// How often delivery records and content are gone through as a whole.
const SWEEP: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest pause after a round that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
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

/// The kinds of work, each under a lease of its own.
#[derive(Debug, Clone, Copy)]
enum Work {
    Feed,
    Tidy,
    Sweep,
}

/// How a round ended.
#[derive(Debug, Clone, Copy)]
enum Round {
    Done,
    /// Nothing may be swept up for now.
    Waits,
}

impl Work {
    fn lease(self) -> &'static str {
        match self {
            Self::Feed => "feeder",
            Self::Tidy => "tidier",
            Self::Sweep => "sweeper",
        }
    }

    fn interval(self) -> Duration {
        match self {
            Self::Feed => FEED,
            Self::Tidy => TIDY,
            Self::Sweep => SWEEP,
        }
    }
}

impl Upkeep {
    /// Does each kind of work at its interval until `shutdown`.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        tokio::join!(
            self.reclaimer.lookout.run(self.clock.as_ref(), &shutdown),
            self.every(Work::Feed, &shutdown),
            self.every(Work::Tidy, &shutdown),
            async {
                self.look_back(&shutdown).await;
                self.every(Work::Sweep, &shutdown).await;
            },
        );
    }

    /// Looks once whether an older copy took the store's place while nothing ran.
    /// Not under the sweeper's lease: the copy may hold that of a router of before.
    async fn look_back(&self, shutdown: &CancellationToken) {
        let mut rounds = Rounds::of("looking back");
        let looking = async {
            loop {
                let looked = self.reclaimer.look_back().await;
                rounds.ended(&looked);
                if looked.is_ok() {
                    return;
                }
                self.clock.sleep(AFTER_FAILURE).await;
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }

    /// Does `work` now and at each interval.
    async fn every(&self, work: Work, shutdown: &CancellationToken) {
        let mut rounds = Rounds::of(work.lease());
        while !shutdown.is_cancelled() {
            let ended = tokio::select! {
                () = shutdown.cancelled() => return,
                ended = self.round(work) => ended,
            };
            rounds.ended(&ended);
            let pause = match ended {
                Ok(Round::Done) => work.interval(),
                Ok(Round::Waits) => LOOK,
                Err(_) => work.interval().min(AFTER_FAILURE),
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// One round, unless another router has the lease.
    async fn round(&self, work: Work) -> Result<Round, ReclaimError> {
        let span = LEASE.max(work.interval() * 2);
        if !self.ledger.lease(work.lease(), &self.owner, span).await? {
            return Ok(Round::Done);
        }
        match work {
            Work::Feed => self.feeder.feed().await?,
            Work::Tidy => self.tidy().await?,
            Work::Sweep => return self.sweep().await,
        }
        Ok(Round::Done)
    }

    async fn tidy(&self) -> Result<(), ReclaimError> {
        self.reclaimer.pass_on_releases().await?;
        self.reclaimer.remove_condemned().await?;
        let closed_before = self.clock.now() - self.keep_closed;
        while self.ledger.prune(closed_before, PAGE).await? == PAGE {}
        Ok(())
    }

    async fn sweep(&self) -> Result<Round, ReclaimError> {
        if !self.reclaimer.lookout.look().await?.is_settled() {
            return Ok(Round::Waits);
        }
        self.forget_deliveries().await?;
        Ok(match self.reclaimer.sweep().await? {
            true => Round::Done,
            false => Round::Waits,
        })
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
