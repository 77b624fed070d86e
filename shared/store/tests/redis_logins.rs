#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Failed logins on Redis: the conformance suite, alone and in a cluster, and what
//! is left on the server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use message::time::ManualClock;
use servers::RedisServer;
use store::conformance::{self, Subject};
use store::logins::{Client, User};
use store::{LoginFailures, RedisStore, StoreError, StoreOptions, Time};
use tokio::time::{sleep, timeout};

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_secs(30);

/// A store on a server that has nothing else.
struct OnRedis {
    server: Arc<RedisServer>,
    clock: ManualClock,
}

#[async_trait]
impl Subject<dyn LoginFailures> for OnRedis {
    async fn open(&self) -> Arc<dyn LoginFailures> {
        let time = Time::Given(Arc::new(self.clock.clone()));
        let url = self.server.url();
        let store = RedisStore::connect(&url, StoreOptions::default(), time).await;
        Arc::new(store.unwrap())
    }
}

/// Runs the suite on one server, which is emptied for each case.
async fn passes(server: RedisServer) {
    store::init(&server.url()).await.unwrap();
    let server = Arc::new(server);
    conformance::logins::run(async |clock| {
        server.ask(&["FLUSHALL"]).unwrap();
        OnRedis {
            server: server.clone(),
            clock,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins() {
    passes(RedisServer::start("").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_in_a_cluster() {
    let server = RedisServer::start("cluster-enabled yes").await.unwrap();
    server
        .ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
        .unwrap();
    let serving = async {
        while server.ask(&["SET", "probe", "1"]).is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, serving).await.unwrap();
    passes(server).await;
}

async fn fail(store: &RedisStore, window: Duration) -> Result<(), StoreError> {
    let client = Client::at([192, 0, 2, 1].into());
    let user = User::nobody("hunter2");
    let counted = store.count_failed_login(client, user, window).await;
    counted.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_tell_no_name_and_go_with_their_window() {
    let server = RedisServer::start("").await.unwrap();
    store::init(&server.url()).await.unwrap();
    let options = StoreOptions::default();
    let store = RedisStore::connect(&server.url(), options, Time::Server).await;
    let store = store.unwrap();
    let keys = || server.ask(&["KEYS", "f:*"]).unwrap();
    fail(&store, Duration::from_secs(900)).await.unwrap();
    assert!(keys().contains("f:{logins}:client:192.0.2.1"), "{}", keys());
    assert!(!keys().contains("hunter2"), "{}", keys());
    server.ask(&["FLUSHALL"]).unwrap();
    fail(&store, Duration::from_millis(50)).await.unwrap();
    let gone = async {
        while !keys().trim().is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn guessers_fill_no_memory_that_others_need() {
    let server = RedisServer::start("").await.unwrap();
    store::init(&server.url()).await.unwrap();
    let options = StoreOptions::default();
    let store = RedisStore::connect(&server.url(), options, Time::Server).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let refused = fail(&store.unwrap(), Duration::from_secs(900)).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
}
