//! A small world around the relay: the real embedded engines in a temporary
//! directory, a fixed zone, and a clock that is turned by hand.

#![allow(
    dead_code,
    unused_imports,
    reason = "not every test file uses all of it"
)]

pub(crate) mod hesitant;
pub(crate) mod sink;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::{Config, Span};
use content::{ContentStore, ContentUrl, Trailer};
use dns::Zone;
use message::time::{ManualClock, SeededRandomness};
use message::{
    Address, Body, Clock, Destination, Envelope, Job, JobKey, MessageId, Outcome, Protocol,
    Recipient, Topic, TraceContext, Transaction,
};
use remote_relay::Ports;
use station::Station;
use store::ledger::{
    Acceptance, Decision, FinalRecipient, JobRecord, JobState, NewJob, Route, Why,
};
use store::{EmbeddedStore, Ledger, StoreOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use hesitant::Hesitation;
pub(crate) use sink::{Say, Sink};

/// The content of most messages.
const SMALL: &[u8] = b"Subject: hi\r\n\r\n.dot\r\nlast line\r\n";

/// Real time that a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) config: Config,
    pub(crate) zone: String,
    /// The aliases that pass on what is sent.
    pub(crate) passed_on_by: Vec<Address>,
    pub(crate) content: Arc<dyn ContentStore>,
    bus: Arc<dyn bus::Bus>,
    random: Arc<SeededRandomness>,
    /// How long the relay stands still at each look at its clock.
    pub(crate) hesitation: Hesitation,
    running: Option<(CancellationToken, JoinHandle<()>)>,
    folder: PathBuf,
    /// Where it is the world that removes it.
    _folder: Option<TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self::over(folder.path()).await;
        Self {
            _folder: Some(folder),
            ..world
        }
    }

    /// A world over the store and the contents in `folder`.
    pub(crate) async fn over(folder: &Path) -> Self {
        let clock = ManualClock::at("2026-11-23T12:00:00Z");
        let random = Arc::new(SeededRandomness::new(7));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        // Little of its own, so that what a relay takes is seen.
        let options = StoreOptions {
            cache: 1 << 20,
            journal: 1 << 20,
            ..StoreOptions::default()
        };
        let fatal = Arc::new(|error: &std::io::Error| panic!("fsync: {error}"));
        let store = folder.join("store");
        let store = EmbeddedStore::open(&store, options, shared.clone(), fatal).unwrap();
        let writer = Some("test".parse().unwrap());
        let settings = content::Settings::new(writer, shared, random.clone());
        let url = ContentUrl::File(folder.join("content"));
        let mut config = Config::default();
        config.server.hostname = "us.example".parse().unwrap();
        config.relay.jitter = 0.0;
        // Time jumps here, by more than a claim holds elsewhere.
        config.relay.lease = Span::days(1);
        Self {
            clock,
            ledger: Arc::new(store),
            config,
            zone: String::new(),
            passed_on_by: Vec::new(),
            content: content::connect(&url, settings).await.unwrap(),
            bus: bus::connect("embedded").await.unwrap(),
            random,
            hesitation: Hesitation::default(),
            running: None,
            folder: folder.to_owned(),
            _folder: None,
        }
    }

    /// A world where `example.org` has the sink as its only mail host.
    pub(crate) async fn with_sink() -> (Self, Sink) {
        let mut world = Self::new().await;
        let sink = Sink::start().await;
        world.config.relay.port = sink.address().port();
        world.zone = "example.org MX 10 mx.example.org\nmx.example.org A 127.0.0.1\n".into();
        (world, sink)
    }

    /// A file with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What the relay stands on here.
    fn ports(&self) -> Ports {
        let clock: Arc<dyn Clock> = Arc::new(self.hesitation.clock(&self.clock));
        let tracer = telemetry::Tracer::off();
        let metrics = telemetry::Metrics::new();
        Ports {
            station: Station::new("remote-relay", self.bus.clone(), tracer, metrics, clock),
            ledger: self.ledger.clone(),
            content: self.content.clone(),
            resolver: Arc::new(self.zone.parse::<Zone>().unwrap()),
            random: self.random.clone(),
        }
    }

    /// Why the relay does not start.
    pub(crate) async fn start_fails(&self) -> remote_relay::Error {
        let shutdown = CancellationToken::new();
        let started = remote_relay::run(&self.config, self.ports(), shutdown);
        let ended = tokio::time::timeout(PATIENCE, started).await;
        ended.unwrap().unwrap_err()
    }

    /// Starts the relay.
    pub(crate) fn start(&mut self) {
        let ports = self.ports();
        let (config, shutdown) = (self.config.clone(), CancellationToken::new());
        let token = shutdown.clone();
        let task = tokio::spawn(async move {
            remote_relay::run(&config, ports, token).await.unwrap();
        });
        self.running = Some((shutdown, task));
    }

    /// Starts one more relay, in a runtime of its own: shut down in the
    /// background, it dies as a process does.
    pub(crate) fn start_apart(&self) -> tokio::runtime::Runtime {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let (config, ports) = (self.config.clone(), self.ports());
        runtime.spawn(async move {
            let never = CancellationToken::new();
            remote_relay::run(&config, ports, never).await.unwrap();
        });
        runtime
    }

    /// Stops the relay, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        let (shutdown, task) = self.running.take().unwrap();
        shutdown.cancel();
        tokio::time::timeout(PATIENCE, task).await.unwrap().unwrap();
    }

    /// Accepts and routes a message to `example.org`, and publishes its job.
    pub(crate) async fn send(&self, recipients: &[&str]) -> JobKey {
        self.send_to("example.org", recipients, |_| {}).await
    }

    pub(crate) async fn send_to(
        &self,
        destination: &str,
        recipients: &[&str],
        change: impl FnOnce(&mut Envelope),
    ) -> JobKey {
        let mut envelope = envelope(recipients);
        change(&mut envelope);
        let destination: Destination = destination.parse().unwrap();
        let key = self.accept(envelope, destination, SMALL).await;
        self.publish(key).await;
        key
    }

    /// Sends a message with this content to `bob@example.org`.
    pub(crate) async fn send_octets(&self, octets: &[u8]) -> JobKey {
        let destination = "example.org".parse().unwrap();
        let envelope = envelope(&["bob@example.org"]);
        let key = self.accept(envelope, destination, octets).await;
        self.publish(key).await;
        key
    }

    async fn accept(&self, envelope: Envelope, destination: Destination, octets: &[u8]) -> JobKey {
        let message = MessageId::draw(&self.clock, self.random.as_ref());
        let mut writer = self.content.create().await.unwrap();
        writer.write(octets).await.unwrap();
        let prefix = Bytes::from_static(b"Received: from test\r\n");
        let size = (octets.len() + prefix.len()) as u64;
        let trailer = Trailer {
            message,
            prefix,
            envelope: None,
        };
        let stored = writer.finish(trailer).await.unwrap();
        let finals = (0..)
            .zip(&envelope.recipients)
            .map(|(index, recipient)| FinalRecipient {
                address: recipient.address.clone(),
                account: None,
                originals: vec![index],
            });
        let recipients: Vec<_> = finals.collect();
        let decisions = recipients.iter().map(|recipient| Decision {
            original: recipient.originals[0],
            why: Why::Dns,
            chain: Vec::new(),
            to: Some(recipient.address.clone()),
            outcome: None,
        });
        let decisions = decisions.collect();
        let job = NewJob {
            destination,
            return_path: envelope.return_path.clone(),
            recipients,
            passed_on_by: self.passed_on_by.clone(),
            expanded: Vec::new(),
        };
        let acceptance = Acceptance {
            message,
            envelope,
            content: stored.id,
            size,
            trace: TraceContext {
                trace: message,
                span: 0,
                sampled: false,
            },
            notice_of: None,
        };
        self.ledger.accept(acceptance).await.unwrap();
        let route = Route {
            decisions,
            jobs: vec![job],
        };
        self.ledger
            .record_route(message, route)
            .await
            .unwrap()
            .unwrap();
        JobKey::work(message, 0)
    }

    /// Publishes a pending job, as the router and the feeder do.
    pub(crate) async fn publish(&self, key: JobKey) {
        let generation = self.job(key).await.generation;
        let trace = TraceContext {
            trace: key.message,
            span: 0,
            sampled: false,
        };
        let job = Job { key, generation };
        let outgoing = bus::Outgoing {
            job,
            publication: 0,
            trace,
        };
        self.bus.publish(Topic::Remote, outgoing).await.unwrap();
    }

    pub(crate) async fn job(&self, key: JobKey) -> JobRecord {
        self.ledger.job(key).await.unwrap().unwrap()
    }

    /// The last outcome of each recipient: verdict and status.
    pub(crate) async fn outcomes(&self, key: JobKey) -> Vec<String> {
        let job = self.job(key).await;
        let show = |outcome: &Outcome| format!("{:?} {}", outcome.verdict, outcome.status);
        let outcomes = job.recipients.iter().map(|state| state.outcome.as_ref());
        outcomes
            .map(|outcome| outcome.map_or_else(|| "none".into(), show))
            .collect()
    }

    /// Waits until the job is settled.
    pub(crate) async fn settled(&self, key: JobKey) -> Vec<String> {
        self.reaches(key, |state| state == JobState::Settled).await;
        self.outcomes(key).await
    }

    /// Waits until the job sleeps.
    pub(crate) async fn deferred(&self, key: JobKey) -> Vec<String> {
        self.reaches(key, |state| matches!(state, JobState::Deferred { .. }))
            .await;
        self.outcomes(key).await
    }

    pub(crate) async fn reaches(&self, key: JobKey, wanted: impl Fn(JobState) -> bool) {
        let what = format!("{key} to reach a state");
        eventually(&what, async || wanted(self.job(key).await.state)).await;
    }

    /// Lets time pass until the job is settled, for at most `most`. Returns how
    /// long it took.
    pub(crate) async fn settled_within(&self, key: JobKey, most: Duration) -> Duration {
        let start = self.clock.monotonic();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let now = self.clock.now();
            let step = match self.job(key).await.state {
                JobState::Settled => return self.clock.monotonic() - start,
                JobState::Deferred { due } if due > now => {
                    Duration::try_from(due.duration_since(now)).unwrap()
                }
                // Whoever works on it, or is about to, needs real time.
                _ => Duration::from_millis(100),
            };
            let passed = self.clock.monotonic() - start;
            assert!(passed <= most, "{key} is not settled after {passed:?}");
            assert!(
                tokio::time::Instant::now() < deadline,
                "{key} takes too long"
            );
            self.pass(step).await;
        }
    }

    /// Lets time pass, and everybody react.
    pub(crate) async fn pass(&self, span: Duration) {
        self.clock.advance(span);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits for a condition, not for a time.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "waiting for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) fn envelope(recipients: &[&str]) -> Envelope {
    Envelope {
        return_path: "<alice@us.example>".parse().unwrap(),
        recipients: recipients
            .iter()
            .map(|to| Recipient::new(to.parse().unwrap()))
            .collect(),
        ret: None,
        envelope_id: None,
        body: Body::SevenBit,
        smtputf8: false,
        transaction: Transaction::by(Protocol::Notice),
    }
}

/// So many seconds as configuration has them.
pub(crate) fn seconds(count: u64) -> Span {
    Span::seconds(count)
}
