//! Taking jobs from a topic: the loop around a handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bus::{BusError, Delivery, Subscription};
use futures_util::FutureExt;
use message::{Job, Topic, TraceContext};
use telemetry::{JobEnd, Span};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::health::{Readiness, State};
use crate::rounds::Rounds;
use crate::{HandleError, Handler, Station, describe};

/// The first pause while something is away; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(crate) async fn run(
    station: &Station,
    topic: Topic,
    concurrency: usize,
    handler: Arc<dyn Handler>,
    shutdown: CancellationToken,
) {
    let worker = Arc::new(Worker {
        station: station.clone(),
        topic,
        handler,
        setbacks: AtomicU32::new(0),
    });
    let readiness = station
        .health
        .register(format!("{} {topic}", station.service));
    let mut tasks = JoinSet::new();
    let taking = take(&worker, concurrency, &readiness, &mut tasks);
    // Ending the wait ends the subscription; nothing more is taken.
    shutdown.run_until_cancelled(taking).await;
    readiness.set(State::Stopping);
    drain(station, topic, tasks).await;
}

/// Takes jobs for as long as it is polled. Cancel safe: what was taken is
/// either a task of its own or given back by being dropped.
async fn take(
    worker: &Arc<Worker>,
    concurrency: usize,
    readiness: &Readiness,
    tasks: &mut JoinSet<()>,
) {
    let slots = Arc::new(Semaphore::new(concurrency));
    let mut rounds = Rounds::of(worker.topic.name());
    loop {
        let subscribed = worker.subscribe(concurrency).await;
        rounds.ended(&subscribed);
        let reason = match subscribed {
            Ok(mut subscription) => {
                readiness.set(State::Ready);
                let reason = work(worker, &slots, subscription.as_mut(), tasks).await;
                tracing::warn!(topic = %worker.topic, reason, "no jobs are taken for a moment");
                reason
            }
            Err(reason) => reason,
        };
        readiness.set(State::Waiting(reason));
        worker.pause().await;
    }
}

/// Starts a task for each delivery until something is away, and says what.
async fn work(
    worker: &Arc<Worker>,
    slots: &Arc<Semaphore>,
    subscription: &mut dyn Subscription,
    tasks: &mut JoinSet<()>,
) -> String {
    let away = CancellationToken::new();
    loop {
        let taken = away.run_until_cancelled(next(slots, subscription)).await;
        let (slot, delivery) = match taken {
            Some(Ok(taken)) => taken,
            Some(Err(error)) => return error.to_string(),
            None => return "a job had to be given back".to_owned(),
        };
        let (worker, away) = (Arc::clone(worker), away.clone());
        tasks.spawn(async move {
            worker.work(delivery, &away).await;
            drop(slot);
        });
        while tasks.try_join_next().is_some() {}
    }
}

/// The next delivery, once there is a slot for it.
async fn next(
    slots: &Arc<Semaphore>,
    subscription: &mut dyn Subscription,
) -> Result<(OwnedSemaphorePermit, Delivery), BusError> {
    let slot = Arc::clone(slots).acquire_owned().await;
    let slot = slot.map_err(|closed| BusError::Unavailable(closed.to_string()))?;
    Ok((slot, subscription.next().await?))
}

/// Waits for running handlers; what outlasts the grace period is dropped, and
/// so given back.
async fn drain(station: &Station, topic: Topic, mut tasks: JoinSet<()>) {
    let finished = async { while tasks.join_next().await.is_some() {} };
    if time::timeout(station.grace, finished).await.is_err() {
        tracing::warn!(%topic, jobs = tasks.len(), "handlers did not end in time; their jobs are given back");
        tasks.shutdown().await;
    }
}

/// What the tasks of one consumer share.
struct Worker {
    station: Station,
    topic: Topic,
    handler: Arc<dyn Handler>,
    /// How often something was away since the last job that ended.
    setbacks: AtomicU32,
}

impl Worker {
    /// A subscription, if what the handler needs and the bus are there.
    async fn subscribe(&self, prefetch: usize) -> Result<Box<dyn Subscription>, String> {
        let probe = time::timeout(self.station.deadline, self.handler.probe()).await;
        let probe = probe.map_err(|elapsed| elapsed.to_string())?;
        probe.map_err(|error| error.to_string())?;
        let subscription = self.station.bus.subscribe(self.topic, prefetch).await;
        subscription.map_err(|error| error.to_string())
    }

    /// Waits, each time longer, for what is away.
    async fn pause(&self) {
        let setbacks = self.setbacks.fetch_add(1, Ordering::Relaxed).min(10);
        time::sleep((FIRST_PAUSE * 2_u32.pow(setbacks)).min(LONGEST_PAUSE)).await;
    }

    /// Sees one delivery to its end; cancels `away` when what the handler needs
    /// is.
    async fn work(&self, delivery: Delivery, away: &CancellationToken) {
        let clock = &self.station.clock;
        let started = clock.monotonic();
        let running = self.station.metrics.job_running(self.topic);
        let (end, ended) = match Job::decode(&delivery.payload) {
            Ok(job) => self.handle(job, delivery, away).await,
            Err(error) => (JobEnd::Buried, delivery.bury(&error.to_string()).await),
        };
        drop(running);
        let time = clock.monotonic().saturating_sub(started);
        self.station.metrics.job(self.topic, end, time);
        if let Err(error) = ended {
            tracing::warn!(topic = %self.topic, %error, "a delivery could not be ended; it will come again");
        }
    }

    async fn handle(
        &self,
        job: Job,
        delivery: Delivery,
        away: &CancellationToken,
    ) -> (JobEnd, Result<(), BusError>) {
        let parent = delivery.trace.unwrap_or(TraceContext {
            trace: job.key.message,
            span: 0,
            sampled: false,
        });
        let span = self.station.tracer.process(self.topic, parent);
        describe(&span, job);
        let result = match self.attempt(job, &span).await {
            Ok(()) => Ok(JobEnd::Completed),
            Err(HandleError::Failed(problem)) => {
                tracing::error!(message_id = %job.key.message, job = %job.key, problem, "a job failed");
                span.fail(&problem);
                let counted = self.count(job, &problem).await;
                counted.map(|()| JobEnd::Failed)
            }
            Err(unavailable) => Err(unavailable),
        };
        match result {
            Ok(end) => {
                self.setbacks.store(0, Ordering::Relaxed);
                (end, delivery.complete().await)
            }
            Err(unavailable) => {
                tracing::warn!(message_id = %job.key.message, job = %job.key, error = %unavailable, "a job is given back");
                span.fail(&unavailable);
                away.cancel();
                (JobEnd::Returned, delivery.give_back().await)
            }
        }
    }

    /// The handler's work, with deadline and panic as failures.
    async fn attempt(&self, job: Job, span: &Span) -> Result<(), HandleError> {
        let work = AssertUnwindSafe(self.handler.handle(job, span)).catch_unwind();
        match time::timeout(self.station.deadline, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(HandleError::Failed(panic_text(panic.as_ref()))),
            Err(_elapsed) => {
                let limit = self.station.deadline;
                Err(HandleError::Failed(format!("took longer than {limit:?}")))
            }
        }
    }

    /// Has the try counted; only a store that is away keeps the job on the
    /// topic, for what cannot be counted would come again for ever.
    async fn count(&self, job: Job, problem: &str) -> Result<(), HandleError> {
        let counting = AssertUnwindSafe(self.handler.failed(job, problem)).catch_unwind();
        match time::timeout(self.station.deadline, counting).await {
            Ok(Ok(Err(HandleError::Failed(error)))) => {
                tracing::error!(message_id = %job.key.message, error, "a failed try was not counted");
                Ok(())
            }
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => {
                tracing::error!(message_id = %job.key.message, "counting a failed try failed");
                Ok(())
            }
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a text"))
}
