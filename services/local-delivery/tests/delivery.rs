//! local-delivery on the embedded engine: one copy per account, whatever is
//! repeated, and a full mailbox that is tried until there is room or time is up.

#![allow(clippy::unwrap_used, reason = "a test may end where it fails")]

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, EmbeddedBus};
use config::Config;
use local_delivery::Ports;
use message::time::{ManualClock, SeededRandomness};
use message::{
    AccountId, Body, Clock, Destination, Envelope, Job, JobKey, MessageId, Protocol, Recipient,
    ReversePath, Topic, TraceContext, Transaction, Verdict,
};
use station::Station;
use store::directory::{Account, DomainRecord, PasswordHash, Via};
use store::ledger::{
    Acceptance, Decision, FinalRecipient, JobRecord, JobState, NewJob, Route, Why,
};
use store::mailbox::{Expunge, MailboxEntry, MailboxId, Quota};
use store::{StoreOptions, Stores};
use telemetry::{Metrics, Tracer};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(20);

struct House {
    stores: Stores,
    station: Station,
    clock: ManualClock,
    random: Arc<SeededRandomness>,
    shutdown: CancellationToken,
    service: JoinHandle<()>,
    _files: TempDir,
}

impl House {
    async fn open() -> Self {
        let files = TempDir::new().unwrap();
        let clock = ManualClock::at("2026-11-23T12:00:00Z");
        let options = StoreOptions {
            journal: 1 << 20,
            ..StoreOptions::default()
        };
        let on_failure = Arc::new(|error: &std::io::Error| panic!("{error}"));
        let shared_clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let stores = store::connect(
            "embedded",
            files.path(),
            options,
            shared_clock.clone(),
            on_failure,
        )
        .await
        .unwrap();
        let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(100));
        let station = Station::new(
            "local-delivery",
            bus,
            Tracer::off(),
            Metrics::new(),
            shared_clock,
        );
        let random = Arc::new(SeededRandomness::new(7));
        let ports = Ports {
            station: station.clone(),
            directory: stores.directory.clone(),
            mailbox: stores.mailbox.clone(),
            ledger: stores.ledger.clone(),
            random: random.clone(),
        };
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let service =
            tokio::spawn(async move { local_delivery::run(&Config::default(), ports, stop).await });
        let root = "root@example.org".parse().unwrap();
        let domain = DomainRecord {
            name: "example.org".parse().unwrap(),
            postmaster: root,
            catch_all: None,
        };
        stores.directory.add_domain(domain).await.unwrap();
        Self {
            stores,
            station,
            clock,
            random,
            shutdown,
            service,
            _files: files,
        }
    }

    async fn account(&self, address: &str, quota: Option<u64>) -> AccountId {
        let account = Account {
            id: AccountId::draw(self.random.as_ref()),
            address: address.parse().unwrap(),
            password: PasswordHash::new("-".into()),
            quota: Quota::octets(quota),
        };
        let id = account.id;
        self.stores.directory.add_account(account).await.unwrap();
        id
    }

    /// Accepts and routes a message to `account`; its one job, published.
    async fn send(&self, address: &str, account: AccountId, size: u64) -> JobKey {
        let message = MessageId::draw(&self.clock, self.random.as_ref());
        let acceptance = acceptance(message, address, size);
        self.stores.ledger.accept(acceptance).await.unwrap();
        let to: message::Address = address.parse().unwrap();
        let route = Route {
            decisions: vec![Decision {
                original: 0,
                why: Why::Account(Via::Exact),
                chain: Vec::new(),
                to: Some(to.clone()),
                outcome: None,
            }],
            jobs: vec![NewJob {
                destination: Destination::Local,
                return_path: "<sender@elsewhere.example>".parse().unwrap(),
                recipients: vec![FinalRecipient {
                    address: to,
                    account: Some(account),
                    originals: vec![0],
                }],
                passed_on_by: Vec::new(),
                expanded: Vec::new(),
            }],
        };
        self.stores
            .ledger
            .record_route(message, route)
            .await
            .unwrap()
            .unwrap();
        let key = JobKey::work(message, 0);
        self.publish(key).await;
        key
    }

    async fn publish(&self, key: JobKey) {
        let job = Job { key, generation: 0 };
        let trace = context(key.message);
        self.station
            .publish(Topic::Local, job, 0, trace)
            .await
            .unwrap();
    }

    /// Waits until the job is as `wanted`, letting the clock run by `step`.
    async fn until(
        &self,
        key: JobKey,
        step: Duration,
        wanted: fn(&JobRecord) -> bool,
    ) -> JobRecord {
        let reached = async {
            loop {
                let job = self.stores.ledger.job(key).await.unwrap().unwrap();
                if wanted(&job) {
                    return job;
                }
                self.clock.advance(step);
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(DEADLINE, reached).await.expect("in time")
    }

    async fn inbox(&self, account: AccountId) -> Vec<MailboxEntry> {
        let entries = self
            .stores
            .mailbox
            .entries(account, MailboxId::INBOX, 0, 100)
            .await;
        entries.unwrap()
    }

    async fn close(self) {
        self.shutdown.cancel();
        timeout(DEADLINE, self.service).await.unwrap().unwrap();
    }
}

fn acceptance(message: MessageId, address: &str, size: u64) -> Acceptance {
    Acceptance {
        message,
        envelope: Envelope {
            return_path: ReversePath::Address("sender@elsewhere.example".parse().unwrap()),
            recipients: vec![Recipient::new(address.parse().unwrap())],
            ret: None,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction::by(Protocol::Smtp),
        },
        content: format!("content-{message}").parse().unwrap(),
        size,
        trace: context(message),
        notice_of: None,
    }
}

fn context(message: MessageId) -> TraceContext {
    TraceContext {
        trace: message,
        span: 0,
        sampled: false,
    }
}

fn settled(job: &JobRecord) -> bool {
    job.state == JobState::Settled
}

fn deferred(job: &JobRecord) -> bool {
    matches!(job.state, JobState::Deferred { .. })
}

#[tokio::test]
async fn a_message_is_delivered_once_however_often_its_job_comes() {
    let house = House::open().await;
    let alice = house.account("alice@example.org", None).await;
    let key = house.send("alice@example.org", alice, 100).await;
    for _ in 0..5 {
        house.publish(key).await;
    }
    house.until(key, Duration::ZERO, settled).await;
    let second = house.send("alice@example.org", alice, 100).await;
    house.until(second, Duration::ZERO, settled).await;
    assert_eq!(house.inbox(alice).await.len(), 2);
    let entries = house.inbox(alice).await;
    let first = &entries[0];
    assert_eq!(
        first.prefix,
        "Return-Path: <sender@elsewhere.example>\r\nDelivered-To: alice@example.org\r\n"
    );
    assert_eq!(first.size, 100 + first.prefix.len() as u64);
    house.close().await;
}

#[tokio::test]
async fn a_full_mailbox_is_tried_again_until_there_is_room() {
    let house = House::open().await;
    let bob = house.account("bob@example.org", Some(300)).await;
    let first = house.send("bob@example.org", bob, 150).await;
    house.until(first, Duration::ZERO, settled).await;
    let second = house.send("bob@example.org", bob, 150).await;
    let waiting = house.until(second, Duration::ZERO, deferred).await;
    let outcome = waiting.recipients[0].outcome.as_ref().unwrap();
    assert_eq!(outcome.status.to_string(), "4.2.2");
    house
        .stores
        .mailbox
        .expunge(bob, MailboxId::INBOX, &[1], Expunge::All)
        .await
        .unwrap();
    let done = house.until(second, Duration::from_secs(60), settled).await;
    assert_eq!(
        done.recipients[0].outcome.as_ref().unwrap().verdict,
        Verdict::Delivered
    );
    house.close().await;
}

#[tokio::test]
async fn a_mailbox_that_stays_full_fails_in_the_end() {
    let house = House::open().await;
    let bob = house.account("bob@example.org", Some(10)).await;
    let key = house.send("bob@example.org", bob, 150).await;
    let failed = house.until(key, Duration::from_secs(1800), settled).await;
    let outcome = failed.recipients[0].outcome.as_ref().unwrap();
    assert_eq!(
        (outcome.verdict, outcome.status.to_string()),
        (Verdict::Failed, "5.2.2".into())
    );
    assert!(house.inbox(bob).await.is_empty());
    let notice = house.stores.ledger.notice_job(key.message).await.unwrap();
    assert!(notice.is_some(), "the sender hears of it");
    house.close().await;
}

#[tokio::test]
async fn an_account_that_is_gone_fails_at_once() {
    let house = House::open().await;
    let gone = AccountId::draw(house.random.as_ref());
    let key = house.send("gone@example.org", gone, 150).await;
    let failed = house.until(key, Duration::ZERO, settled).await;
    let outcome = failed.recipients[0].outcome.as_ref().unwrap();
    assert_eq!(
        (outcome.verdict, outcome.status.to_string()),
        (Verdict::Failed, "5.1.1".into())
    );
    house.close().await;
}
