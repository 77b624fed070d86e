//! local-delivery: puts messages into the mailboxes of this system.
//!
//! Takes jobs from `mail.local`, appends to each recipient's INBOX, and records
//! in the ledger what became of them. A recipient whose mailbox is full is
//! deferred and tried again on the schedule of the destination `local`, until
//! there is room or time is up (5.2.2).

mod delivery;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::Config;
use message::{Destination, Job, Randomness, Topic};
use station::{HandleError, Handler, Rounds, Station};
use store::ledger::{Claimed, JobState, Lease};
use store::{Directory, Ledger, MailboxStore, StoreError};
use telemetry::Span;
use tokio_util::sync::CancellationToken;

use delivery::Deliverer;

/// Jobs handled at a time; their appends share fsyncs.
const CONCURRENCY: usize = 64;

/// How often deferred deliveries are looked for.
const ROUND: Duration = Duration::from_secs(1);

/// How long a retry may take.
const LEASE: Lease = Lease(Duration::from_secs(120));

/// What local-delivery stands on.
pub struct Ports {
    /// Its place at the topics.
    pub station: Station,
    /// Accounts and their quotas.
    pub directory: Arc<dyn Directory>,
    /// Where messages go.
    pub mailbox: Arc<dyn MailboxStore>,
    /// What became of them.
    pub ledger: Arc<dyn Ledger>,
    /// For the jitter of retries.
    pub random: Arc<dyn Randomness>,
}

/// Delivers until `shutdown`, then lets running deliveries end.
pub async fn run(config: &Config, ports: Ports, shutdown: CancellationToken) {
    let Ports {
        station,
        directory,
        mailbox,
        ledger,
        random,
    } = ports;
    let clock = station.clock().clone();
    let policy = config.relay.policy(&Destination::Local);
    let metrics = station.metrics().clone();
    let deliverer = Deliverer {
        directory,
        mailbox,
        ledger,
        clock,
        random,
        policy,
        metrics,
        addresses: config.telemetry.addresses,
    };
    let local = Arc::new(LocalDelivery {
        deliverer,
        station: station.clone(),
    });
    tokio::join!(
        station.consume(Topic::Local, CONCURRENCY, local.clone(), shutdown.clone()),
        local.retry_deferred(shutdown),
    );
}

struct LocalDelivery {
    deliverer: Deliverer,
    station: Station,
}

impl LocalDelivery {
    /// Delivers what is due again, round after round.
    async fn retry_deferred(&self, shutdown: CancellationToken) {
        let mut rounds = Rounds::of("retrying deferred deliveries");
        while !shutdown.is_cancelled() {
            rounds.ended(&self.retry_round().await);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.station.clock().sleep(ROUND) => {}
            }
        }
    }

    async fn retry_round(&self) -> Result<(), StoreError> {
        let ledger = &self.deliverer.ledger;
        while let Some(claimed) = ledger.claim_next(&Destination::Local, LEASE, false).await? {
            let Claimed { job, entry } = claimed;
            let span = self.station.tracer().work("retry", entry.acceptance.trace);
            let notice_owed = self.deliverer.deliver(&job, &entry, &span).await?;
            self.publish_notice(notice_owed, job.key.message, &span)
                .await;
        }
        Ok(())
    }

    async fn publish_notice(&self, owed: bool, message: message::MessageId, span: &Span) {
        if owed {
            let job = delivery::notice_job(message);
            // Refused or lost, it is published by the feeder.
            let _ = self
                .station
                .publish(Topic::Outcome, job, 0, span.context())
                .await;
        }
    }
}

#[async_trait]
impl Handler for LocalDelivery {
    async fn handle(&self, job: Job, span: &Span) -> Result<(), HandleError> {
        let ledger = &self.deliverer.ledger;
        let found = ledger.job_with_entry(job.key).await?;
        let current = found.filter(|(record, _)| {
            record.state == JobState::Pending && record.generation == job.generation
        });
        let Some((record, entry)) = current else {
            return Ok(());
        };
        let notice_owed = self.deliverer.deliver(&record, &entry, span).await?;
        self.publish_notice(notice_owed, job.key.message, span)
            .await;
        Ok(())
    }

    async fn failed(&self, job: Job, problem: &str) -> Result<(), HandleError> {
        let ledger = &self.deliverer.ledger;
        Ok(ledger.tried(job.key, job.generation, problem).await?)
    }

    async fn probe(&self) -> Result<(), HandleError> {
        self.deliverer.ledger.counts().await?;
        Ok(())
    }
}
