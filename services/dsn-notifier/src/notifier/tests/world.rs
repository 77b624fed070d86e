//! A message that failed, in real stores, and its sender's notices.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, EmbeddedBus, Outgoing, Published};
use bytes::Bytes;
use config::Config;
use content::{Away, ContentStore, ContentUrl, Reader, Settings, Trailer};
use message::time::{ManualClock, SeededRandomness};
use message::{
    Body, Clock, ContentId, Diagnostic, Envelope, Job, JobKey, MessageId, Outcome, Protocol,
    Recipient, Ret, Topic, TraceContext, Transaction, Verdict,
};
use station::{Handler, Station};
use store::directory::DomainRecord;
use store::ledger::{Acceptance, Accepted, Decision, Entry, NoticeRecord, Route, Why};
use store::ledger::{Entries, Notices, Queue, References, Routes};
use store::{Directory, EmbeddedStore, StoreOptions};
use telemetry::{Metrics, Span, Tracer};
use tempfile::TempDir;

use super::super::Notifier;
use super::refusing::Refusing;
use crate::Ports;

const DEADLINE: Duration = Duration::from_secs(30);
const PREFIX: &[u8] = b"Received: from client.example by mail.example.org\r\n";
const HEADERS: &[u8] = b"Subject: Lunch on Friday\r\nMessage-ID: <lunch-1@example.org>\r\n\r\n";

pub(super) struct World {
    pub(super) clock: ManualClock,
    pub(super) message: MessageId,
    octets: Vec<u8>,
    random: Arc<SeededRandomness>,
    bus: EmbeddedBus,
    content: Arc<dyn ContentStore>,
    /// None only while it is being opened again.
    store: Option<Arc<EmbeddedStore>>,
    home: TempDir,
}

impl World {
    /// Alice wrote a short message to a recipient that does not exist.
    pub(super) async fn new() -> Self {
        Self::with(b"Shall we meet at noon?\r\n", None).await
    }

    /// Alice wrote a message of `size` octets and wants it back if it fails.
    pub(super) async fn returning_all(size: usize) -> Self {
        let line = [b"x".repeat(70), b"\r\n".to_vec()].concat();
        Self::with(&line.repeat(size / line.len()), Some(Ret::Full)).await
    }

    async fn with(body: &[u8], ret: Option<Ret>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let random = Arc::new(SeededRandomness::new(7));
        let url = ContentUrl::File(home.path().join("content"));
        let settings = Settings::new(
            "notifier".parse().ok(),
            Arc::new(clock.clone()),
            random.clone(),
        );
        let mut world = Self {
            message: MessageId::draw(&clock, random.as_ref()),
            octets: [HEADERS, body].concat(),
            random,
            bus: EmbeddedBus::new(10),
            content: content::connect(&url, settings).await.unwrap(),
            store: None,
            clock,
            home,
        };
        world.reopen().await;
        world.add_domain().await;
        world.accept(ret).await;
        world.fail().await;
        world
    }

    /// As a process that comes back finds the store.
    pub(super) async fn reopen(&mut self) {
        self.store = None;
        let open = async {
            loop {
                let opened = EmbeddedStore::open(
                    &self.home.path().join("store"),
                    StoreOptions::default(),
                    Arc::new(self.clock.clone()),
                    Arc::new(|error| panic!("fsync failed: {error}")),
                );
                match opened {
                    Ok(store) => return store,
                    // A step of the process that died may still be under way.
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let store = tokio::time::timeout(DEADLINE, open).await.unwrap();
        self.store = Some(Arc::new(store));
    }

    fn store(&self) -> &Arc<EmbeddedStore> {
        self.store.as_ref().unwrap()
    }

    async fn add_domain(&self) {
        let domain = DomainRecord {
            name: "example.org".parse().unwrap(),
            postmaster: "alice@example.org".parse().unwrap(),
            catch_all: None,
        };
        self.store().add_domain(domain).await.unwrap();
    }

    async fn accept(&self, ret: Option<Ret>) {
        let envelope = Envelope {
            return_path: "<alice@example.org>".parse().unwrap(),
            recipients: vec![Recipient::new("nobody@example.org".parse().unwrap())],
            ret,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction::by(Protocol::Smtp),
        };
        let mut writer = self.content.create().await.unwrap();
        writer.write(&self.octets).await.unwrap();
        let trailer = Trailer {
            message: self.message,
            prefix: Bytes::from_static(PREFIX),
            envelope: Some(envelope.clone()),
        };
        let stored = writer.finish(trailer).await.unwrap();
        let acceptance = Acceptance {
            message: self.message,
            envelope,
            content: stored.id,
            size: stored.octets + PREFIX.len() as u64,
            trace: self.trace(),
            notice_of: None,
        };
        let accepted = self.store().accept(acceptance).await.unwrap();
        assert_eq!(accepted, Accepted::Taken);
    }

    /// Routing finds that nobody has the recipient's name.
    async fn fail(&self) {
        let outcome = Outcome {
            verdict: Verdict::Failed,
            status: "5.1.1".parse().unwrap(),
            diagnostic: Diagnostic::ours("nobody@example.org does not exist"),
            at: self.clock.now(),
        };
        let decision = Decision {
            original: 0,
            why: Why::Unroutable,
            chain: Vec::new(),
            to: None,
            outcome: Some(outcome),
        };
        let route = Route {
            decisions: vec![decision],
            jobs: Vec::new(),
        };
        let routed = self.store().record_route(self.message, route).await;
        assert!(routed.unwrap().unwrap().notice_owed);
    }

    fn trace(&self) -> TraceContext {
        TraceContext {
            trace: self.message,
            span: 0,
            sampled: false,
        }
    }

    pub(super) fn config() -> Config {
        let mut config = Config::default();
        config.server.hostname = "mail.example.org".parse().unwrap();
        config
    }

    pub(super) fn ports(&self) -> Ports {
        let station = Station::new(
            "dsn-notifier",
            Arc::new(self.bus.clone()),
            Tracer::off(),
            Metrics::new(),
            Arc::new(self.clock.clone()),
        );
        Ports {
            station,
            ledger: self.store().clone(),
            directory: self.store().clone(),
            content: self.content.clone(),
            random: self.random.clone(),
        }
    }

    pub(super) fn notifier(&self) -> Notifier {
        Notifier::new(&Self::config(), self.ports())
    }

    pub(super) fn job(&self) -> Job {
        Job {
            key: JobKey::notice(self.message),
            generation: 0,
        }
    }

    pub(super) fn span(&self) -> Span {
        Span::silent(self.trace())
    }

    /// Has the notice job handled to its end.
    pub(super) async fn notify(&self) {
        let notifier = self.notifier();
        let handled = notifier.handle(self.job(), &self.span()).await;
        assert_eq!(handled, Ok(()));
    }

    /// From now on the content store is full.
    pub(super) fn refuse_content(&mut self) -> Arc<Refusing> {
        let refusing = Arc::new(Refusing::new(self.content.clone()));
        self.content = refusing.clone();
        refusing
    }

    /// From now on the content store is away.
    pub(super) fn cut_off_content(&mut self) -> Arc<Away> {
        let away = Away::new(self.content.clone());
        self.content = away.clone();
        away
    }

    /// Whether a notice is claimed, and none is accepted.
    pub(super) async fn unaccepted(&self) -> bool {
        let history = self.store().history(self.message).await.unwrap().unwrap();
        let all = self.store().entries(None, 100).await.unwrap();
        all.len() == 1 && history.notices.len() == 1 && !history.notices[0].accepted
    }

    /// The octets of the message, with what we put in front of them.
    pub(super) fn original(&self) -> Vec<u8> {
        [PREFIX, &self.octets].concat()
    }

    pub(super) async fn lose_the_message(&self) {
        let entry = self.entry(self.message).await;
        self.content
            .remove(&entry.acceptance.content)
            .await
            .unwrap();
    }

    pub(super) async fn entry(&self, message: MessageId) -> Entry {
        self.store().entry(message).await.unwrap().unwrap()
    }

    /// The notices that were accepted as messages.
    pub(super) async fn notices(&self) -> Vec<NoticeRecord> {
        let history = self.store().history(self.message).await.unwrap().unwrap();
        let all = self.store().entries(None, 100).await.unwrap();
        assert_eq!(all.len(), 1 + history.notices.len());
        assert!(history.notices.iter().all(|notice| notice.accepted));
        history.notices
    }

    /// Whether the sender is owed nothing more.
    pub(super) async fn is_told(&self) -> bool {
        let owed = self.store().notice_job(self.message).await.unwrap();
        let history = self.store().history(self.message).await.unwrap().unwrap();
        owed.is_none() && history.closed_at.is_some()
    }

    /// Whether the ledger shows the notice job as dead.
    pub(super) async fn is_dead(&self) -> bool {
        let counts = self.store().counts().await.unwrap();
        counts.dead == 1
    }

    /// Puts the notice job on its topic.
    pub(super) async fn publish(&self) {
        let outgoing = Outgoing {
            job: self.job(),
            publication: 0,
            trace: self.trace(),
        };
        let published = self.bus.publish(Topic::Outcome, outgoing).await;
        assert_eq!(published.unwrap(), Published::Taken);
    }

    /// The next message on its way to the router.
    pub(super) async fn next_published(&self) -> MessageId {
        let mut subscription = self.bus.subscribe(Topic::Accepted, 1).await.unwrap();
        let delivery = tokio::time::timeout(DEADLINE, subscription.next()).await;
        let delivery = delivery.unwrap().unwrap();
        let job = Job::decode(&delivery.payload).unwrap();
        delivery.complete().await.unwrap();
        job.key.message
    }

    /// The octets of an accepted message.
    pub(super) async fn octets(&self, message: MessageId) -> Vec<u8> {
        let content = self.entry(message).await.acceptance.content;
        read(self.content.open(&content).await.unwrap()).await
    }

    /// The octets of all contents that were made for a message.
    pub(super) async fn copies(&self, message: MessageId) -> Vec<Vec<u8>> {
        let mut copies = Vec::new();
        for content in self.contents().await {
            let reader = self.content.open(&content).await.unwrap();
            if reader.trailer().message == message {
                copies.push(read(reader).await);
            }
        }
        copies
    }

    /// Every content there is.
    pub(super) async fn contents(&self) -> Vec<ContentId> {
        let page = self.content.list(None, 100).await.unwrap();
        page.contents.into_iter().map(|listed| listed.id).collect()
    }

    /// Contents that nobody refers to and that are not condemned.
    pub(super) async fn unaccounted(&self) -> Vec<ContentId> {
        let later = self.clock.now() + Duration::from_secs(1);
        let condemned = self.store().condemned(later, 100).await.unwrap();
        let mut unaccounted = Vec::new();
        for content in self.contents().await {
            let held = !self.store().holders(&content).await.unwrap().is_empty();
            if !held && !condemned.contains(&content) {
                unaccounted.push(content);
            }
        }
        unaccounted
    }
}

async fn read(mut reader: Box<dyn Reader>) -> Vec<u8> {
    let mut octets = Vec::new();
    while let Some(chunk) = reader.read().await.unwrap() {
        octets.extend_from_slice(&chunk);
    }
    octets
}
