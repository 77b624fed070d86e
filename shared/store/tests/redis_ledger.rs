#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! The ledger on Redis passes its conformance suite, against a real server that
//! is killed whenever a case opens the store again.

mod operations;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use message::time::ManualClock;
use message::{AccountId, Clock, ContentId};
use proptest::prelude::*;
use servers::RedisServer;
use store::conformance::ledger::balance;
use store::conformance::{self, Subject};
use store::ledger::{Feed, Holder};
use store::{Ledger, RedisStore, StoreOptions, Time};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// A server, and whether a store was opened on it.
struct Opened {
    server: RedisServer,
    before: bool,
}

/// A store on a server that has nothing else.
struct OnRedis {
    opened: Arc<Mutex<Opened>>,
    options: StoreOptions,
    clock: ManualClock,
}

impl OnRedis {
    async fn fresh(settings: &str, options: StoreOptions, clock: ManualClock) -> Self {
        let server = RedisServer::start(settings).await.unwrap();
        store::init(&server.url()).await.unwrap();
        Self {
            opened: Arc::new(Mutex::new(Opened {
                server,
                before: false,
            })),
            options,
            clock,
        }
    }

    async fn store(&self, url: &str) -> Arc<RedisStore> {
        let time = Time::Given(Arc::new(self.clock.clone()));
        let store = RedisStore::connect(url, self.options.clone(), time).await;
        Arc::new(store.unwrap())
    }
}

#[async_trait]
impl Subject<dyn Ledger> for OnRedis {
    async fn open(&self) -> Arc<dyn Ledger> {
        let mut opened = self.opened.lock().await;
        if std::mem::replace(&mut opened.before, true) {
            opened.server.kill();
            opened.server.start_again().await.unwrap();
            serves(&opened.server).await;
        }
        self.store(&opened.server.url()).await
    }
}

/// Waits until a server has its data and, in a cluster, all slots.
async fn serves(server: &RedisServer) {
    let serving = async {
        while server.ask(&["SET", "probe", "1"]).is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), serving).await.unwrap();
}

/// A node of Redis Cluster refuses functions that touch keys of another hash
/// slot than the one they were routed by, though it has all slots itself.
#[tokio::test(flavor = "multi_thread")]
async fn ledger_in_a_cluster() {
    let server = RedisServer::start("cluster-enabled yes").await.unwrap();
    let slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];
    server.ask(&slots).unwrap();
    serves(&server).await;
    store::init(&server.url()).await.unwrap();
    let opened = Arc::new(Mutex::new(Opened {
        server,
        before: false,
    }));
    conformance::ledger::run(async |options, clock| {
        let mut server = opened.lock().await;
        server.server.ask(&["FLUSHALL"]).unwrap();
        server.before = false;
        OnRedis {
            opened: opened.clone(),
            options,
            clock,
        }
    })
    .await;
}

/// Acceptance stops at so many percent of `maxmemory`, and nothing else does.
async fn only_acceptance_needs_memory(percent: u64) {
    let clock = ManualClock::at("2026-11-23T15:05:00Z");
    let subject = OnRedis::fresh("", StoreOptions::default(), clock.clone()).await;
    let opened = subject.opened.lock().await;
    let server = &opened.server;
    let store = subject.store(&server.url()).await;
    let fill = |full| {
        let limit = if full {
            used(server) * 100 / percent
        } else {
            0
        };
        let limit = limit.to_string();
        server.ask(&["CONFIG", "SET", "maxmemory", &limit]).unwrap();
    };
    conformance::ledger::room::only_acceptance_needs_room(store, clock, fill).await;
}

fn used(server: &RedisServer) -> u64 {
    let info = server.ask(&["INFO", "memory"]).unwrap();
    let mut lines = info.lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn acceptance_stops_at_the_watermark() {
    only_acceptance_needs_memory(90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_goes_on_without_memory() {
    only_acceptance_needs_memory(200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_go_by_the_clock_of_the_server() {
    let server = RedisServer::start("").await.unwrap();
    let url = server.url();
    store::init(&url).await.unwrap();
    let store = RedisStore::connect(&url, StoreOptions::default(), Time::Server);
    let store = store.await.unwrap();
    let lease = async |owner, span| store.lease("feeder", owner, span).await.unwrap();
    assert!(lease("a", Duration::from_secs(600)).await);
    assert!(!lease("b", Duration::from_secs(600)).await);
    assert!(lease("a", Duration::ZERO).await, "it ends at once");
    assert!(lease("b", Duration::from_secs(600)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_come_whole() {
    const MANY: u64 = 2_500;
    let clock = ManualClock::at("2026-11-23T15:05:00Z");
    let subject = OnRedis::fresh("appendfsync no", StoreOptions::default(), clock.clone()).await;
    let ledger = subject.open().await;
    let contents = || (0..MANY).map(|number| format!("content-{number:04}").parse().unwrap());
    for content in contents() {
        let holder = Holder::Account(AccountId::from_bits(7));
        ledger.refer(&content, holder).await.unwrap();
        ledger.release(&content, holder).await.unwrap();
    }
    clock.advance(Duration::from_secs(1));
    let condemned = ledger.condemned(clock.now(), usize::MAX).await.unwrap();
    assert_eq!(condemned, contents().collect::<Vec<ContentId>>());
    ledger.reclaimed(&condemned).await.unwrap();
    for content in &condemned {
        let holder = Holder::Account(AccountId::from_bits(7));
        ledger.refer(content, holder).await.unwrap();
    }
    let references = ledger.references(None, usize::MAX).await.unwrap();
    assert_eq!(references.len() as u64, MANY);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_balances(operations in prop::collection::vec(operations::operation(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        runtime.block_on(async {
            let subject = OnRedis::fresh("", StoreOptions::default(), clock.clone()).await;
            balance::balances(&subject, &clock, &operations).await;
        });
    }
}
