#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! The Redis store against a real server.

mod mailbox_operations;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use message::time::ManualClock;
use message::{AccountId, Address};
use proptest::prelude::*;
use servers::RedisServer;
use store::conformance::mailbox::model;
use store::conformance::{self, Subject};
use store::directory::{Alias, DomainRecord, Lookup, Via};
use store::mailbox::MailboxEvent;
use store::{Directory, MailboxStore, RedisStore, StoreError, StoreOptions, Time};
use tokio::sync::Mutex;

/// A store on a server of its own, which is killed whenever it is opened again.
struct Killed(Mutex<(RedisServer, bool)>);

impl Killed {
    async fn fresh(settings: &str) -> Self {
        let server = RedisServer::start(settings).await.unwrap();
        store::init(&server.url()).await.unwrap();
        Self(Mutex::new((server, false)))
    }

    async fn open(&self) -> Arc<RedisStore> {
        let mut locked = self.0.lock().await;
        let (server, opened) = &mut *locked;
        if std::mem::replace(opened, true) {
            server.kill();
            server.start_again().await.unwrap();
        }
        let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
        let options = StoreOptions::default();
        let store = RedisStore::connect(&server.url(), options, Time::Given(clock)).await;
        Arc::new(store.unwrap())
    }
}

#[async_trait]
impl Subject<dyn Directory> for Killed {
    async fn open(&self) -> Arc<dyn Directory> {
        self.open().await
    }
}

#[async_trait]
impl Subject<dyn MailboxStore> for Killed {
    async fn open(&self) -> Arc<dyn MailboxStore> {
        let store = self.open().await;
        // From the first watcher on the store listens to changes.
        let mut listening = store.changes(AccountId::from_bits(u64::MAX));
        assert_eq!(listening.next().await, MailboxEvent::Missed);
        store
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mailbox() {
    conformance::mailbox::run(async || Killed::fresh("").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directory() {
    conformance::directory::run(async || Killed::fresh("").await).await;
}

async fn connect(url: &str) -> Result<RedisStore, StoreError> {
    RedisStore::connect(url, StoreOptions::default(), Time::Server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_with_our_functions_is_used() {
    let server = RedisServer::start("").await.unwrap();
    let refused = connect(&server.url()).await.err().expect("no functions");
    assert!(refused.to_string().contains("rohrpost init"), "{refused}");
    store::init(&server.url()).await.unwrap();
    store::init(&server.url()).await.unwrap();
    connect(&server.url()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_elsewhere_ends_what_is_remembered() {
    let server = RedisServer::start("").await.unwrap();
    store::init(&server.url()).await.unwrap();
    let (here, elsewhere) = (connect(&server.url()).await, connect(&server.url()).await);
    let (here, elsewhere) = (here.unwrap(), elsewhere.unwrap());
    let postmaster: Address = "p@example.org".parse().unwrap();
    let domain = DomainRecord {
        name: postmaster.domain().clone(),
        postmaster: postmaster.clone(),
        catch_all: None,
    };
    elsewhere.add_domain(domain).await.unwrap();
    let address: Address = "info@example.org".parse().unwrap();
    for target in ["a@example.org", "b@example.org"] {
        let targets = vec![target.parse().unwrap()];
        let alias = Alias {
            address: address.clone(),
            targets: targets.clone(),
        };
        let via = Via::Exact;
        let known = Lookup::Alias { targets, via };
        elsewhere.add_alias(alias).await.unwrap();
        until(async || here.lookup(&address).await.unwrap() == known).await;
        until(async || elsewhere.lookup(&address).await.unwrap() == known).await;
        elsewhere.remove_alias(&address).await.unwrap();
        let unknown = elsewhere.lookup(&address).await.unwrap();
        assert_eq!(unknown, Lookup::Unknown, "known at once where it was made");
        until(async || here.lookup(&address).await.unwrap() == Lookup::Unknown).await;
    }
}

/// Waits for a condition, but not long.
async fn until(condition: impl AsyncFn() -> bool) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // Shorter than what is remembered lasts without a word of the edit.
    let deadline = Duration::from_secs(4);
    tokio::time::timeout(deadline, met).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn mailboxes_agree_with_a_model(operations in prop::collection::vec(mailbox_operations::operation(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let subject = Killed::fresh("").await;
            model::agrees(&subject, &operations).await;
        });
    }
}
