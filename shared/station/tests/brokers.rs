//! A job that fails its tries is dead in the ledger, whichever broker carries
//! it, and rests there.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bus::{Bus, BusError, Published};
use message::time::ManualClock;
use message::{
    Address, Body, Envelope, Job, MessageId, Protocol, Recipient, ReversePath, Topic, TraceContext,
    Transaction,
};
use servers::{Broker, NatsServer, RabbitMq};
use station::{HandleError, Handler, Station, SystemClock};
use store::ledger::Acceptance;
use store::{EmbeddedStore, Ledger, StoreOptions};
use telemetry::{Metrics, Span, Tracer};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(90);

/// Cannot do anything, and says so to the ledger.
struct Hopeless(Arc<dyn Ledger>);

#[async_trait]
impl Handler for Hopeless {
    async fn handle(&self, _job: Job, _span: &Span) -> Result<(), HandleError> {
        Err(HandleError::Failed("it cannot be done".to_owned()))
    }

    async fn failed(&self, job: Job, problem: &str) -> Result<(), HandleError> {
        let counted = self.0.tried(job.key, job.generation, problem).await;
        counted.map_err(|error| HandleError::Unavailable(error.to_string()))
    }

    async fn probe(&self) -> Result<(), HandleError> {
        Ok(())
    }
}

#[tokio::test]
async fn what_fails_its_tries_on_nats_is_dead() {
    let server = NatsServer::start("").await.unwrap();
    what_fails_its_tries_is_dead(&server.url()).await;
}

#[tokio::test]
async fn what_fails_its_tries_on_rabbitmq_is_dead() {
    let server = RabbitMq::start("").await.unwrap();
    what_fails_its_tries_is_dead(&server.url()).await;
}

async fn what_fails_its_tries_is_dead(url: &str) {
    let bus = topics(url).await;
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at("2026-11-23T15:05:00Z");
    let store = EmbeddedStore::open(
        directory.path(),
        StoreOptions::default(),
        Arc::new(clock.clone()),
        Arc::new(|error| panic!("{error}")),
    );
    let ledger: Arc<dyn Ledger> = Arc::new(store.unwrap());
    ledger.accept(acceptance()).await.unwrap();

    let (tracer, metrics) = (Tracer::off(), Metrics::new());
    let system = Arc::new(SystemClock::new());
    let station = Station::new("router", bus, tracer, metrics, system);
    let shutdown = CancellationToken::new();
    let handler = Arc::new(Hopeless(Arc::clone(&ledger)));
    let consuming = station.consume(Topic::Accepted, 4, handler, shutdown.clone());
    let dying = async {
        while ledger.counts().await.unwrap().dead == 0 {
            feed(&*ledger, &station).await;
            clock.advance(Duration::from_secs(60));
            sleep(Duration::from_millis(10)).await;
        }
        clock.advance(Duration::from_secs(100 * 3600));
        let overdue = ledger.overdue(10, &[]).await.unwrap();
        assert!(overdue.is_empty(), "the dead rest: {overdue:?}");
        shutdown.cancel();
    };
    let ended = timeout(DEADLINE, async { tokio::join!(consuming, dying) });
    ended.await.expect("it is dead in the end");
}

/// Publishes what is overdue, as the router's feeder does.
async fn feed(ledger: &dyn Ledger, station: &Station) {
    for next in ledger.overdue(10, &[]).await.unwrap() {
        let published = station
            .publish(next.topic, next.job, next.publication, next.trace)
            .await;
        if matches!(published, Ok(Published::Taken)) {
            ledger.fed(&[next]).await.unwrap();
        }
    }
}

/// The topics, as soon as the broker is ready.
async fn topics(url: &str) -> Arc<dyn Bus> {
    let ready = async {
        while let Err(error) = bus::init(url).await {
            assert!(matches!(error, BusError::Unavailable(_)), "{error}");
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, ready).await.expect("the broker is ready");
    bus::connect(url).await.unwrap()
}

fn acceptance() -> Acceptance {
    let address = |text: &str| -> Address { text.parse().unwrap() };
    let message = MessageId::from_bits(1);
    Acceptance {
        message,
        envelope: Envelope {
            return_path: ReversePath::Address(address("a@here.example")),
            recipients: vec![Recipient::new(address("b@there.example"))],
            ret: None,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction::by(Protocol::Smtp),
        },
        content: "content".parse().unwrap(),
        size: 100,
        trace: TraceContext {
            trace: message,
            span: 1,
            sampled: false,
        },
        notice_of: None,
    }
}
