//! How the station ends deliveries, whatever the handler does.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bus::{Bus, Delivery, EmbeddedBus, Settle};
use futures_util::future::BoxFuture;
use message::{Job, JobKey, MessageId, Topic, TraceContext};
use station::{HandleError, Handler, State, Station, SystemClock};
use telemetry::{Metrics, Span, Tracer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(20);
const TOPIC: Topic = Topic::Local;

type Work = dyn Fn(Job) -> BoxFuture<'static, Result<(), HandleError>> + Send + Sync;

/// A handler made of a closure.
struct Scripted {
    work: Box<Work>,
    /// The jobs whose handling began.
    began: mpsc::UnboundedSender<Job>,
    /// The tries that were counted.
    failed: mpsc::UnboundedSender<(Job, String)>,
    available: AtomicBool,
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, job: Job, _span: &Span) -> Result<(), HandleError> {
        let _ = self.began.send(job);
        (self.work)(job).await
    }

    async fn failed(&self, job: Job, problem: &str) -> Result<(), HandleError> {
        let _ = self.failed.send((job, problem.to_owned()));
        Ok(())
    }

    async fn probe(&self) -> Result<(), HandleError> {
        match self.available.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(HandleError::Unavailable("the store is away".to_owned())),
        }
    }
}

/// A station at work on the embedded bus.
struct Bench {
    station: Station,
    bus: EmbeddedBus,
    handler: Arc<Scripted>,
    began: mpsc::UnboundedReceiver<Job>,
    failed: mpsc::UnboundedReceiver<(Job, String)>,
    shutdown: CancellationToken,
    consumer: Option<JoinHandle<()>>,
}

impl Bench {
    fn new<F>(work: impl Fn(Job) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), HandleError>> + Send + 'static,
    {
        let (began_sender, began) = mpsc::unbounded_channel();
        let (failed_sender, failed) = mpsc::unbounded_channel();
        let handler = Scripted {
            work: Box::new(move |job| Box::pin(work(job))),
            began: began_sender,
            failed: failed_sender,
            available: AtomicBool::new(true),
        };
        let bus = EmbeddedBus::new(100);
        Self {
            station: station(Arc::new(bus.clone())),
            bus,
            handler: Arc::new(handler),
            began,
            failed,
            shutdown: CancellationToken::new(),
            consumer: None,
        }
    }

    fn start(&mut self, concurrency: usize) {
        let (station, handler) = (self.station.clone(), Arc::clone(&self.handler));
        let shutdown = self.shutdown.clone();
        self.consumer = Some(tokio::spawn(async move {
            station.consume(TOPIC, concurrency, handler, shutdown).await;
        }));
    }

    async fn publish(&self, number: u32) {
        let published = self.station.publish(TOPIC, job(number), 0, trace(number));
        published.await.expect("the bus is there");
    }

    async fn next_began(&mut self) -> Job {
        let began = timeout(DEADLINE, self.began.recv()).await;
        began.expect("a job is handled").expect("the handler lives")
    }

    async fn next_failed(&mut self) -> (Job, String) {
        let failed = timeout(DEADLINE, self.failed.recv()).await;
        failed
            .expect("a try is counted")
            .expect("the handler lives")
    }

    async fn stop(&mut self) {
        self.shutdown.cancel();
        let consumer = self.consumer.take().expect("it was started");
        let stopped = timeout(DEADLINE, consumer).await;
        stopped.expect("it stops").expect("it does not panic");
    }

    async fn waiting(&self) -> u64 {
        let depth = self.bus.depth(TOPIC).await.expect("the bus is there");
        depth.expect("the embedded bus knows")
    }

    /// Waits until the metrics have this line.
    async fn counted(&self, line: &str) {
        until(|| self.station.metrics().encode().contains(line)).await;
    }
}

fn station(bus: Arc<dyn Bus>) -> Station {
    let clock = Arc::new(SystemClock::new());
    Station::new("router", bus, Tracer::off(), Metrics::new(), clock)
}

fn job(number: u32) -> Job {
    Job {
        key: JobKey::work(MessageId::from_bits(7), number),
        generation: 1,
    }
}

fn trace(number: u32) -> TraceContext {
    TraceContext {
        trace: MessageId::from_bits(7),
        span: number.into(),
        sampled: false,
    }
}

async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, holds).await.expect("the condition holds");
}

#[tokio::test]
async fn work_that_is_done_completes() {
    let mut bench = Bench::new(|_| ready(Ok(())));
    bench.start(2);
    for number in 0..10 {
        bench.publish(number).await;
    }
    for _ in 0..10 {
        bench.next_began().await;
    }
    bench
        .counted("jobs_total{topic=\"mail.local\",end=\"completed\"} 10")
        .await;
    bench
        .counted("publications_total{topic=\"mail.local\",result=\"taken\"} 10")
        .await;
    bench.stop().await;
    assert_eq!(bench.waiting().await, 0);
    assert!(bench.failed.is_empty());
}

#[tokio::test]
async fn a_panic_is_a_failed_try_and_harms_nobody_else() {
    let mut bench = Bench::new(|job| async move {
        assert!(job.key != self::job(1).key, "no such thing");
        Ok(())
    });
    bench.start(1);
    bench.publish(1).await;
    bench.publish(2).await;
    let (failed, problem) = bench.next_failed().await;
    assert_eq!(
        (failed, problem.as_str()),
        (job(1), "panicked: no such thing")
    );
    bench.counted("end=\"failed\"} 1").await;
    bench.counted("end=\"completed\"} 1").await;
    bench.stop().await;
    assert_eq!(
        bench.waiting().await,
        0,
        "what failed is completed, the ledger decides"
    );
}

#[tokio::test]
async fn an_error_and_an_overrun_are_failed_tries() {
    let mut bench = Bench::new(|job| async move {
        match job == self::job(1) {
            true => Err(HandleError::Failed("no route".to_owned())),
            false => pending().await,
        }
    });
    bench.station = bench
        .station
        .clone()
        .with_deadline(Duration::from_millis(20));
    bench.start(1);
    bench.publish(1).await;
    assert_eq!(bench.next_failed().await, (job(1), "no route".to_owned()));
    bench.publish(2).await;
    assert_eq!(
        bench.next_failed().await,
        (job(2), "took longer than 20ms".to_owned())
    );
    bench.stop().await;
    assert_eq!(bench.waiting().await, 0);
}

#[tokio::test]
async fn without_the_store_no_job_is_taken() {
    let away = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&away);
    let mut bench = Bench::new(move |_| {
        ready(match seen.load(Ordering::SeqCst) {
            true => Err(HandleError::Unavailable("the store is away".to_owned())),
            false => Ok(()),
        })
    });
    bench.start(4);
    let health = bench.station.health().clone();
    until(|| {
        health
            .checks()
            .first()
            .is_some_and(|check| check.state == State::Ready)
    })
    .await;
    bench.handler.available.store(false, Ordering::SeqCst);
    for number in 0..8 {
        bench.publish(number).await;
    }
    bench.next_began().await;
    let waiting = State::Waiting("unavailable: the store is away".to_owned());
    until(|| health.checks()[0].state == waiting).await;
    assert_eq!(bench.waiting().await, 8, "what was taken is back");
    assert!(bench.failed.is_empty(), "no try is counted");

    away.store(false, Ordering::SeqCst);
    bench.handler.available.store(true, Ordering::SeqCst);
    bench.counted("end=\"completed\"} 8").await;
    assert!(health.is_ready());
    bench.stop().await;
    assert_eq!(bench.waiting().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_concurrency_is_handled_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (current, peak) = (Arc::clone(&now), Arc::clone(&most));
    let mut bench = Bench::new(move |_| {
        let (current, peak) = (Arc::clone(&current), Arc::clone(&peak));
        async move {
            peak.fetch_max(current.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            current.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    bench.start(3);
    for number in 0..90 {
        bench.publish(number).await;
    }
    bench.counted("end=\"completed\"} 90").await;
    assert!(most.load(Ordering::SeqCst) <= 3, "{most:?} at once");
    bench.stop().await;
}

#[tokio::test]
async fn on_shutdown_what_runs_may_end() {
    let (finish, gate) = (
        Arc::new(tokio::sync::Notify::new()),
        CancellationToken::new(),
    );
    let (wait, open) = (Arc::clone(&finish), gate.clone());
    let mut bench = Bench::new(move |_| {
        let (wait, open) = (Arc::clone(&wait), open.clone());
        async move {
            wait.notify_one();
            open.cancelled().await;
            Ok(())
        }
    });
    bench.start(1);
    bench.publish(1).await;
    bench.publish(2).await;
    finish.notified().await;
    bench.shutdown.cancel();
    let health = bench.station.health().clone();
    until(|| health.checks()[0].state == State::Stopping).await;
    gate.cancel();
    bench.stop().await;
    bench.counted("end=\"completed\"} 1").await;
    assert_eq!(bench.waiting().await, 1, "the second was never begun");
    assert!(
        health.is_ready(),
        "a consumer that ended is no part any more"
    );
}

#[tokio::test]
async fn on_shutdown_what_does_not_end_is_given_back() {
    let mut bench = Bench::new(|_| pending());
    bench.station = bench.station.clone().with_grace(Duration::from_millis(20));
    bench.start(2);
    bench.publish(1).await;
    bench.publish(2).await;
    bench.next_began().await;
    bench.next_began().await;
    bench.stop().await;
    assert_eq!(bench.waiting().await, 2);
    let mut other = bench.bus.subscribe(TOPIC, 1).await.unwrap();
    assert!(other.next().await.unwrap().redelivered);
}

/// A bus that delivers octets that are no job, once.
struct Foreign {
    buried: mpsc::UnboundedSender<String>,
    delivered: Arc<AtomicBool>,
}

#[async_trait]
impl Bus for Foreign {
    async fn publish(
        &self,
        _topic: Topic,
        _outgoing: bus::Outgoing,
    ) -> Result<bus::Published, bus::BusError> {
        Err(bus::BusError::Unavailable("for a test".to_owned()))
    }

    async fn subscribe(
        &self,
        _topic: Topic,
        _prefetch: usize,
    ) -> Result<Box<dyn bus::Subscription>, bus::BusError> {
        Ok(Box::new(Self {
            buried: self.buried.clone(),
            delivered: Arc::clone(&self.delivered),
        }))
    }

    async fn depth(&self, _topic: Topic) -> Result<Option<u64>, bus::BusError> {
        Ok(None)
    }
}

#[async_trait]
impl bus::Subscription for Foreign {
    async fn next(&mut self) -> Result<Delivery, bus::BusError> {
        if self.delivered.swap(true, Ordering::SeqCst) {
            pending::<()>().await;
        }
        let octets = "{\"v\":2}".into();
        let grave = Box::new(Grave(self.buried.clone()));
        Ok(Delivery::new(octets, None, false, grave))
    }
}

struct Grave(mpsc::UnboundedSender<String>);

#[async_trait]
impl Settle for Grave {
    async fn complete(&mut self) -> Result<(), bus::BusError> {
        panic!("what is no job must not be completed");
    }

    async fn give_back(&mut self) -> Result<(), bus::BusError> {
        panic!("what is no job must not come again");
    }

    async fn bury(&mut self, reason: &str) -> Result<(), bus::BusError> {
        self.0.send(reason.to_owned()).expect("the test listens");
        Ok(())
    }

    fn dropped(&mut self) {
        panic!("what is no job must not come again");
    }
}

#[tokio::test]
async fn what_is_no_job_is_buried() {
    let (sender, mut buried) = mpsc::unbounded_channel();
    let bus = Foreign {
        buried: sender,
        delivered: Arc::default(),
    };
    let mut bench = Bench::new(|_| ready(Ok(())));
    bench.station = station(Arc::new(bus));
    bench.start(1);
    let reason = timeout(DEADLINE, buried.recv()).await.unwrap().unwrap();
    assert!(reason.starts_with("not a job"), "{reason}");
    bench.counted("end=\"buried\"} 1").await;
    assert!(bench.began.is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn a_publication_that_fails_is_told_and_counted() {
    let (buried, _) = mpsc::unbounded_channel();
    let bus = Foreign {
        buried,
        delivered: Arc::default(),
    };
    let station = station(Arc::new(bus));
    assert!(station.publish(TOPIC, job(1), 0, trace(1)).await.is_err());
    let text = station.metrics().encode();
    assert!(text.contains("result=\"failed\"} 1"), "{text}");
}
