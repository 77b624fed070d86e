#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! The ledger on Redis passes its conformance suite, against a real server that
//! is killed whenever a case opens the store again.

mod operations;

use std::sync::Arc;

use async_trait::async_trait;
use message::time::ManualClock;
use proptest::prelude::*;
use servers::RedisServer;
use store::conformance::ledger::balance;
use store::conformance::{self, Subject};
use store::{Ledger, RedisStore, StoreOptions, Time};
use tokio::sync::Mutex;

/// A server of its own for a store; with whether the store was opened.
struct OnRedis {
    server: Mutex<(RedisServer, bool)>,
    options: StoreOptions,
    clock: ManualClock,
}

impl OnRedis {
    async fn fresh(options: StoreOptions, clock: ManualClock) -> Self {
        let server = RedisServer::start("").await.unwrap();
        store::init(&server.url()).await.unwrap();
        Self {
            server: Mutex::new((server, false)),
            options,
            clock,
        }
    }
}

#[async_trait]
impl Subject<dyn Ledger> for OnRedis {
    async fn open(&self) -> Arc<dyn Ledger> {
        let mut locked = self.server.lock().await;
        let (server, opened) = &mut *locked;
        if std::mem::replace(opened, true) {
            server.kill();
            server.start_again().await.unwrap();
        }
        let time = Time::Given(Arc::new(self.clock.clone()));
        let store = RedisStore::connect(&server.url(), self.options.clone(), time).await;
        Arc::new(store.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger() {
    conformance::ledger::run(OnRedis::fresh).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_balances(operations in prop::collection::vec(operations::operation(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        runtime.block_on(async {
            let subject = OnRedis::fresh(StoreOptions::default(), clock.clone()).await;
            balance::balances(&subject, &clock, &operations).await;
        });
    }
}
