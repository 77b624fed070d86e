//! The station: the harness that every service runs in.
//!
//! A service is a [`Handler`]: job in, effects through ports, done. The station
//! owns the rest. It takes jobs from a topic, at most so many at a time, each
//! under a deadline and a span; it ends each delivery in exactly one way, after
//! the work; and on shutdown it takes no more, waits for what runs, and gives
//! the rest back.
//!
//! | the handler | the delivery | and |
//! | --- | --- | --- |
//! | returns `Ok` | completes | |
//! | says [`HandleError::Unavailable`] | is given back | the station takes no more until [`Handler::probe`] succeeds |
//! | says [`HandleError::Failed`], panics, or overruns | completes | [`Handler::failed`] counts the try in the ledger, which publishes again or gives the job up |
//! | is never asked: the octets are no job | is buried | an operator reads `mail.dead` |
//!
//! Topics are hints, so every one of these may be repeated: handlers ask the
//! ledger first.

mod consume;
mod health;
mod rounds;
mod system;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bus::{Bus, BusError, Outgoing, Published};
use message::{Clock, Job, Topic, TraceContext};
use store::StoreError;
use telemetry::{Metrics, Publication, Span, Tracer, names};
use tokio_util::sync::CancellationToken;

pub use health::{Check, Health, Readiness, State};
pub use rounds::Rounds;
pub use system::{SystemClock, SystemRandomness};

/// Why a handler did not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The store, the content or the bus is away: no job can be handled.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// This job cannot be handled, whatever the others do.
    #[error("{0}")]
    Failed(String),
}

impl HandleError {
    /// For a reason that is the outage of an engine, or lies with this job.
    pub fn of(outage: bool, reason: impl fmt::Display) -> Self {
        match outage {
            true => Self::Unavailable(reason.to_string()),
            false => Self::Failed(reason.to_string()),
        }
    }
}

impl From<StoreError> for HandleError {
    fn from(error: StoreError) -> Self {
        Self::of(error.is_outage(), error)
    }
}

/// What a service does with the jobs of a topic.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does the work of `job`; `span` is the place in its trace. Repeated
    /// whenever its end was not recorded, so each step must be idempotent.
    ///
    /// It may be dropped at any await, when the deadline passes or the process
    /// stops.
    async fn handle(&self, job: Job, span: &Span) -> Result<(), HandleError>;

    /// Counts a try of `job` that failed for `problem`, in the ledger.
    async fn failed(&self, job: Job, problem: &str) -> Result<(), HandleError>;

    /// Whether what the handler needs is there again.
    async fn probe(&self) -> Result<(), HandleError>;
}

/// The harness of one service. Clones are the same station.
#[derive(Clone)]
pub struct Station {
    service: &'static str,
    bus: Arc<dyn Bus>,
    tracer: Tracer,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    health: Health,
    deadline: Duration,
    grace: Duration,
}

impl Station {
    /// How long a handler may work on one job.
    pub const DEADLINE: Duration = Duration::from_secs(60);
    /// How long running handlers may go on after the shutdown began.
    pub const GRACE: Duration = Duration::from_secs(5);

    /// The station of `service`, which is named as its folder.
    pub fn new(
        service: &'static str,
        bus: Arc<dyn Bus>,
        tracer: Tracer,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            service,
            bus,
            tracer,
            metrics,
            clock,
            health: Health::new(),
            deadline: Self::DEADLINE,
            grace: Self::GRACE,
        }
    }

    /// The same station, reporting to `health`.
    #[must_use]
    pub fn with_health(self, health: Health) -> Self {
        Self { health, ..self }
    }

    /// The same station with another deadline for a job.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The same station with another grace period on shutdown.
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The bus.
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
    }

    /// The service's tracer.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// The process's metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What the process says of its readiness.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Publishes a job below `parent`; `publication` counts the publications of
    /// the job's generation from 0.
    ///
    /// # Errors
    /// When the bus is away. Neither that nor a refusal endangers the job: the
    /// feeder publishes it from the ledger.
    pub async fn publish(
        &self,
        topic: Topic,
        job: Job,
        publication: u32,
        parent: TraceContext,
    ) -> Result<Published, BusError> {
        let span = self.tracer.publish(topic, parent);
        describe(&span, job);
        let outgoing = Outgoing {
            job,
            publication,
            trace: span.context(),
        };
        let result = self.bus.publish(topic, outgoing).await;
        let (count, problem) = match &result {
            Ok(Published::Taken) => (Publication::Taken, None),
            Ok(Published::Refused) => (Publication::Refused, Some("the topic is full".to_owned())),
            Err(error) => (Publication::Failed, Some(error.to_string())),
        };
        self.metrics.published(topic, count);
        if let Some(problem) = problem {
            tracing::debug!(message_id = %job.key.message, %topic, problem, "not published");
            span.fail(problem);
        }
        result
    }

    /// Takes jobs from `topic` until `shutdown`, at most `concurrency` at a
    /// time, and returns when the last one has ended or was given back.
    pub async fn consume(
        &self,
        topic: Topic,
        concurrency: usize,
        handler: Arc<dyn Handler>,
        shutdown: CancellationToken,
    ) {
        consume::run(self, topic, concurrency.max(1), handler, shutdown).await;
    }
}

/// Says which job a span is about.
fn describe(span: &Span, job: Job) {
    span.describe(names::MESSAGE_ID, job.key.message);
    span.describe(names::JOB, job.key);
    span.describe(names::MESSAGING_MESSAGE_ID, job.key);
    span.set(names::GENERATION, i64::from(job.generation));
}
