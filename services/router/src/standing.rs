//! Whether the store may have lost mail. Until an operator has seen to it nothing
//! is swept up: content that nobody refers to may be what is left of such mail,
//! and a delivery record what keeps it from being delivered twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use message::Clock;
use station::Rounds;
use store::mailbox::Standing;
use store::{MailboxStore, StoreError};
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;

/// How often it is looked.
pub(crate) const LOOK: Duration = Duration::from_secs(10);

/// Looks how the store stands, and tells log and metrics.
pub(crate) struct Lookout {
    mailbox: Arc<dyn MailboxStore>,
    metrics: Metrics,
    /// The epoch that the log was told waits for an operator; 0 for none.
    told: AtomicU64,
}

impl Lookout {
    pub(crate) fn new(mailbox: Arc<dyn MailboxStore>, metrics: Metrics) -> Self {
        Self {
            mailbox,
            metrics,
            told: AtomicU64::new(0),
        }
    }

    /// Looks again and again until `shutdown`.
    pub(crate) async fn run(&self, clock: &dyn Clock, shutdown: &CancellationToken) {
        let mut rounds = Rounds::of("lookout");
        let looking = async {
            loop {
                rounds.ended(&self.look().await);
                clock.sleep(LOOK).await;
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }

    pub(crate) async fn look(&self) -> Result<Standing, StoreError> {
        let standing = self.mailbox.standing().await?;
        let settled = standing.is_settled();
        self.metrics.set_unsettled(!settled);
        let waits_for = if settled { 0 } else { standing.epoch };
        let told = self.told.swap(waits_for, Ordering::Relaxed);
        if waits_for > told {
            tracing::warn!(
                epoch = standing.epoch,
                "the store may have lost mail, and the sweep waits for an operator: \
                 `rohrpost check --recover` shows it, `rohrpost check --confirm` lets the sweep go on"
            );
        } else if settled && told > 0 {
            tracing::info!(
                epoch = standing.epoch,
                "the store is settled: the sweep goes on"
            );
        }
        Ok(standing)
    }
}
