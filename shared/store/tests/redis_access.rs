#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Redis as operators run it: a cluster, users with few rights, TLS, short of
//! memory, away.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use message::time::ManualClock;
use message::{AccountId, ContentId, MessageId, Timestamp};
use servers::{Port, RedisServer};
use store::conformance::{self, Subject};
use store::directory::DomainRecord;
use store::ledger::Ledger;
use store::mailbox::{Appended, Expunge, MailboxEvent, MailboxId, MailboxName, NewEntry, Quota};
use store::{Directory, MailboxStore, RedisStore, StoreError, StoreOptions, Time};

const ANNA: AccountId = AccountId::from_bits(0xa);

async fn connect(url: &str) -> Result<RedisStore, StoreError> {
    RedisStore::connect(url, StoreOptions::default(), Time::Server).await
}

async fn ask<T: redis::FromRedisValue>(url: &str, command: &[&str]) -> redis::RedisResult<T> {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await?;
    let (name, arguments) = command.split_first().unwrap();
    redis::cmd(name)
        .arg(arguments)
        .query_async(&mut connection)
        .await
}

fn entry(number: u64) -> NewEntry {
    NewEntry {
        delivery: Some(MessageId::from_bits(number.into())),
        content: format!("content-{number}").parse().unwrap(),
        prefix: "x".repeat(4096),
        size: 100,
        internal_date: Timestamp::UNIX_EPOCH,
        flags: Vec::new(),
    }
}

async fn deliver(store: &RedisStore, number: u64) -> Result<Appended, StoreError> {
    let inbox = MailboxName::inbox();
    store.append(ANNA, &inbox, entry(number), Quota::NONE).await
}

/// A node that has all slots of a cluster.
#[derive(Clone)]
struct Cluster {
    server: Arc<RedisServer>,
    /// Where the nodes of a cluster would talk.
    _bus: Arc<Port>,
}

impl Cluster {
    async fn start() -> Self {
        let bus = Port::reserve().unwrap();
        let port = bus.address().port();
        let settings = format!("cluster-enabled yes\ncluster-port {port}");
        let server = RedisServer::start(&settings).await.unwrap();
        let url = server.url();
        let slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];
        ask::<String>(&url, &slots).await.unwrap();
        let formed = async {
            let state = async || ask::<String>(&url, &["CLUSTER", "INFO"]).await.unwrap();
            while !state().await.contains("cluster_state:ok") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let patience = Duration::from_secs(30);
        tokio::time::timeout(patience, formed).await.unwrap();
        store::init(&url).await.unwrap();
        Self {
            server: Arc::new(server),
            _bus: Arc::new(bus),
        }
    }

    /// The same node with nothing in it: forming a cluster takes seconds.
    async fn emptied(&self) -> Self {
        let emptied = ask::<String>(&self.server.url(), &["FLUSHALL"]).await;
        assert_eq!(emptied.unwrap(), "OK");
        self.clone()
    }

    async fn open(&self) -> Arc<RedisStore> {
        let time = Time::Given(Arc::new(ManualClock::at("2026-11-23T15:05:00Z")));
        let store = RedisStore::connect(&self.server.url(), StoreOptions::default(), time).await;
        Arc::new(store.unwrap())
    }
}

#[async_trait]
impl Subject<dyn Directory> for Cluster {
    async fn open(&self) -> Arc<dyn Directory> {
        self.open().await
    }
}

#[async_trait]
impl Subject<dyn MailboxStore> for Cluster {
    async fn open(&self) -> Arc<dyn MailboxStore> {
        let store = self.open().await;
        let mut listening = store.changes(AccountId::from_bits(u64::MAX));
        assert_eq!(listening.next().await, MailboxEvent::Missed);
        store
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_finds_every_key_by_its_tag() {
    let cluster = Cluster::start().await;
    conformance::directory::run(async || cluster.emptied().await).await;
    conformance::mailbox::run(async || cluster.emptied().await).await;
}

/// A user who may only look up addresses, as smtp-ingress does, and one who may
/// only work with mailboxes.
const USERS: &str = "\
    user lookup on >secret resetkeys resetchannels -@all +@connection +info \
    +fcall_ro|rohrpost_directory_version +fcall_ro|directory_lookup \
    +hget +hmget %R~d:{directory} %R~d:{directory}:*\n\
    user mailboxes on >secret resetkeys resetchannels -@all +@connection +info +fcall +fcall_ro \
    +@read +@write +psubscribe +publish +time -@dangerous +info ~m:* &m:changed:*\n";

#[tokio::test(flavor = "multi_thread")]
async fn users_may_do_their_work_and_no_other() {
    let server = RedisServer::start(USERS).await.unwrap();
    store::init(&server.url()).await.unwrap();
    let administrator = connect(&server.url()).await.unwrap();
    let domain = DomainRecord {
        name: "example.org".parse().unwrap(),
        postmaster: "anna@example.org".parse().unwrap(),
        catch_all: None,
    };
    administrator.add_domain(domain.clone()).await.unwrap();

    let lookup = connect(&server.url_of("lookup", "secret")).await.unwrap();
    let address = "nobody@example.org".parse().unwrap();
    lookup.lookup(&address).await.unwrap();
    for denied in [
        lookup
            .add_domain(domain.clone())
            .await
            .unwrap_err()
            .to_string(),
        lookup.domains(None, 1).await.unwrap_err().to_string(),
        lookup.usage(ANNA).await.unwrap_err().to_string(),
        deliver(&lookup, 1).await.unwrap_err().to_string(),
    ] {
        assert!(denied.contains("NOPERM"), "{denied}");
    }

    let mailboxes = connect(&server.url_of("mailboxes", "secret"))
        .await
        .unwrap();
    let mut changes = mailboxes.changes(ANNA);
    assert_eq!(changes.next().await, MailboxEvent::Missed);
    deliver(&mailboxes, 1).await.unwrap();
    assert!(matches!(changes.next().await, MailboxEvent::Changed(_)));
    let denied = mailboxes.lookup(&address).await.unwrap_err().to_string();
    assert!(denied.contains("NOPERM"), "{denied}");

    let wrong = connect(&server.url_of("lookup", "wrong"))
        .await
        .err()
        .unwrap();
    assert!(matches!(wrong, StoreError::Unavailable(_)), "{wrong}");
    assert!(!wrong.to_string().contains("wrong@"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_whom_a_known_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut settings = String::from("tls-auth-clients no\n");
    for (setting, file) in [("cert", "cert"), ("key", "key"), ("ca-cert", "cert")] {
        writeln!(
            settings,
            "tls-{setting}-file {}",
            at(&format!("{file}.pem"))
        )
        .unwrap();
    }
    let server = RedisServer::start_tls(&settings).await.unwrap();
    let url = format!("{}&ca={}", server.url(), at("cert.pem"));
    store::init(&url).await.unwrap();
    let store = connect(&url).await.unwrap();
    deliver(&store, 1).await.unwrap();
    let mut changes = store.changes(ANNA);
    assert_eq!(changes.next().await, MailboxEvent::Missed);

    let strangers = connect(&server.url())
        .await
        .err()
        .expect("nobody vouches for it");
    assert!(matches!(strangers, StoreError::Away(_)), "{strangers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn short_of_memory_what_adds_is_refused_and_what_removes_goes_on() {
    let server = RedisServer::start("").await.unwrap();
    let url = server.url();
    store::init(&url).await.unwrap();
    let store = connect(&url).await.unwrap();
    for number in 1..=20 {
        deliver(&store, number).await.unwrap();
    }
    ask::<String>(&url, &["CONFIG", "SET", "maxmemory", "1"])
        .await
        .unwrap();
    let full = deliver(&store, 21).await.unwrap_err();
    assert!(matches!(full, StoreError::Full(_)), "{full}");
    let inbox = store
        .mailbox(ANNA, MailboxId::INBOX)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(inbox.messages, 20, "reading goes on, and nothing was added");

    let gone = store
        .expunge(ANNA, MailboxId::INBOX, &[1, 2], Expunge::All)
        .await
        .unwrap();
    assert_eq!(gone, [1, 2]);
    let releases = store.releases(10).await.unwrap();
    assert_eq!(releases.len(), 2);
    store.released(&releases).await.unwrap();
    let records = store.deliveries(None, 2).await.unwrap();
    store.forget_deliveries(&records).await.unwrap();
    MailboxStore::remove_account(&store, ANNA).await.unwrap();
    assert_eq!(store.releases(100).await.unwrap().len(), 18);

    ask::<String>(&url, &["CONFIG", "SET", "maxmemory", "0"])
        .await
        .unwrap();
    let content: ContentId = "content-3".parse().unwrap();
    assert!(!store.shows(ANNA, &content).await.unwrap());
    let _: &dyn Ledger = &store;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_operations_fail_soon_and_watchers_are_told_after() {
    let mut server = RedisServer::start("").await.unwrap();
    store::init(&server.url()).await.unwrap();
    let store = connect(&server.url()).await.unwrap();
    let mut changes = store.changes(ANNA);
    assert_eq!(changes.next().await, MailboxEvent::Missed);
    deliver(&store, 1).await.unwrap();
    assert!(matches!(changes.next().await, MailboxEvent::Changed(_)));

    server.kill();
    let soon = Duration::from_secs(5);
    let away = tokio::time::timeout(soon, deliver(&store, 2))
        .await
        .unwrap();
    assert!(matches!(away, Err(StoreError::Away(_))), "{away:?}");

    server.start_again().await.unwrap();
    let back = tokio::time::timeout(soon, async {
        while deliver(&store, 2).await.is_err() {}
        changes.next().await
    });
    assert_eq!(back.await.unwrap(), MailboxEvent::Missed);
    let again = deliver(&store, 1).await.unwrap();
    assert_eq!(again, Appended::AlreadyDelivered, "nothing was lost");
}
