//! What all parts of the service share, and what it does with a hint.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::Config;
use message::{Destination, Job, TraceContext};
use station::{HandleError, Handler};
use store::StoreError;
use store::ledger::{Claimed, DestinationState, JobState, Lease};
use telemetry::Span;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Terms, Times, Tls};
use crate::login::{self, Logins};
use crate::mail_route::Ourselves;
use crate::resting::Resting;
use crate::slots::{Slot, Slots};
use crate::{Error, Ports};

/// The running service.
pub(crate) struct Relay {
    pub(crate) ports: Ports,
    pub(crate) config: config::Relay,
    /// Whether log lines tell mail addresses.
    pub(crate) addresses: bool,
    pub(crate) ourselves: Ourselves,
    pub(crate) terms: Terms,
    pub(crate) logins: Logins,
    pub(crate) slots: Arc<Slots>,
    pub(crate) resting: Resting,
    pub(crate) tasks: TaskTracker,
    /// The sweep has something new to look at.
    pub(crate) wake: Notify,
    /// No new work is to be taken.
    pub(crate) stopping: CancellationToken,
    /// Running work is to be dropped.
    pub(crate) abandoned: CancellationToken,
}

/// A claimed job on its way to a worker.
pub(crate) struct Taken {
    pub(crate) claimed: Claimed,
    /// The monotonic clock before the claim was asked for.
    pub(crate) asked: Duration,
    /// Where its trace continues; from the ledger where nothing else says so.
    pub(crate) parent: Option<TraceContext>,
    pub(crate) errand: Errand,
}

/// Why a job is tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Its destination is healthy, as far as we know.
    Ordinary,
    /// Its destination is in trouble, and an operator wants it tried anyway.
    Insisted,
    /// Its destination is in trouble, and this job finds out whether still.
    Probe,
}

impl Relay {
    pub(crate) fn new(
        config: &Config,
        ports: Ports,
        stopping: CancellationToken,
    ) -> Result<Arc<Self>, Error> {
        let name = config.helo_name().clone();
        let mut names = vec![config.server.hostname.clone()];
        if name != config.server.hostname {
            names.push(name.clone());
        }
        let terms = Terms {
            name,
            policy: config.relay.tls,
            tls: Tls::new(config.relay.verifies(), config.relay.trusted.as_deref())?,
            login: None,
            times: Times::from(&config.relay),
        };
        Ok(Arc::new(Self {
            ports,
            ourselves: Ourselves {
                names,
                listening: config
                    .smtp
                    .mx
                    .iter()
                    .map(|listener| listener.address)
                    .collect(),
            },
            terms,
            logins: login::read(&config.relay)?,
            slots: Slots::new(config.relay.concurrency, config.relay.unproven),
            resting: Resting::new(*config.relay.idle, config.relay.concurrency),
            config: config.relay.clone(),
            addresses: config.telemetry.addresses,
            tasks: TaskTracker::new(),
            wake: Notify::new(),
            stopping,
            abandoned: CancellationToken::new(),
        }))
    }

    /// Waits for running attempts, for at most `grace`; drops the others.
    pub(crate) async fn drain(&self, grace: Duration) {
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(attempts = self.tasks.len(), "attempts did not end in time");
            self.abandoned.cancel();
            self.tasks.wait().await;
        }
    }

    /// A slot for `destination`, if it has one free.
    pub(crate) fn slot(&self, destination: &Destination) -> Option<Slot> {
        let limit = self.config.policy(destination).per_destination;
        self.slots.take(destination, limit)
    }

    /// For how long a claim is made.
    pub(crate) fn lease(&self) -> Lease {
        Lease(*self.config.lease)
    }

    pub(crate) fn monotonic(&self) -> Duration {
        self.ports.station.clock().monotonic()
    }

    pub(crate) fn now(&self) -> message::Timestamp {
        self.ports.station.clock().now()
    }

    /// Takes a pending job up: tries it, lets it wait, or lets it sleep.
    async fn take_up(self: &Arc<Self>, job: Job, span: &Span) -> Result<(), StoreError> {
        let Some(record) = self.ports.ledger.job(job.key).await? else {
            return Ok(());
        };
        if record.generation != job.generation || record.state != JobState::Pending {
            return Ok(());
        }
        let destination = &record.destination;
        let Some(slot) = self.slot(destination) else {
            return self.park(job, destination).await;
        };
        let state = self.ports.ledger.destination(destination).await?;
        let errand = match state {
            None => Errand::Ordinary,
            // It has been tried before, and is pending again at someone's wish.
            Some(_) if record.attempts > 0 => Errand::Insisted,
            Some(state) if self.may_probe(&state).await? => Errand::Probe,
            Some(state) => return self.let_sleep(job, &state).await,
        };
        let asked = self.monotonic();
        let ledger = &self.ports.ledger;
        let claimed = ledger.claim(job.key, job.generation, self.lease()).await?;
        if let Some(claimed) = claimed {
            let parent = Some(span.context());
            let taken = Taken {
                claimed,
                asked,
                parent,
                errand,
            };
            self.start(slot, Some(taken), None);
        }
        Ok(())
    }

    /// No free slot: whoever frees one takes the job from the ledger.
    async fn park(self: &Arc<Self>, job: Job, destination: &Destination) -> Result<(), StoreError> {
        self.ports.ledger.park(job.key, job.generation).await?;
        // The slot may have been freed before the job could be seen waiting.
        let limit = self.config.policy(destination).per_destination;
        if let Some(slot) = self.slots.take_or_wait(destination, limit) {
            self.start(slot, None, None);
        }
        Ok(())
    }

    async fn let_sleep(&self, job: Job, state: &DestinationState) -> Result<(), StoreError> {
        let claimed = self
            .ports
            .ledger
            .claim(job.key, job.generation, self.lease())
            .await?;
        if let Some(claimed) = claimed {
            self.sleep_on(&claimed, &state.trouble).await?;
        }
        Ok(())
    }
}

/// The relay as the station's handler.
pub(crate) struct Hints(pub(crate) Arc<Relay>);

#[async_trait]
impl Handler for Hints {
    async fn handle(&self, job: Job, span: &Span) -> Result<(), HandleError> {
        Ok(self.0.take_up(job, span).await?)
    }

    async fn failed(&self, job: Job, problem: &str) -> Result<(), HandleError> {
        let ledger = &self.0.ports.ledger;
        Ok(ledger.tried(job.key, job.generation, problem).await?)
    }

    async fn probe(&self) -> Result<(), HandleError> {
        self.0.ports.ledger.next_due().await?;
        Ok(())
    }
}
