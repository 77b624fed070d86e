//! The embedded store passes the conformance suites of what goes by the clock: the
//! ledger and failed logins.

mod operations;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use message::time::ManualClock;
use proptest::prelude::*;
use store::conformance::ledger::balance;
use store::conformance::{self, Subject};
use store::{EmbeddedStore, Ledger, LoginFailures, StoreOptions};
use tempfile::TempDir;

/// An embedded store in a directory of its own.
struct Embedded {
    folder: TempDir,
    options: StoreOptions,
    clock: ManualClock,
}

impl Embedded {
    fn fresh(options: StoreOptions, clock: ManualClock) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
            options: StoreOptions {
                journal: 1 << 20,
                ..options
            },
            clock,
        }
    }

    fn store(&self) -> Arc<EmbeddedStore> {
        let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
        let clock = Arc::new(self.clock.clone());
        let store = EmbeddedStore::open(self.folder.path(), self.options.clone(), clock, fail);
        Arc::new(store.expect("the store opens"))
    }
}

#[async_trait]
impl Subject<dyn Ledger> for Embedded {
    async fn open(&self) -> Arc<dyn Ledger> {
        self.store()
    }
}

#[async_trait]
impl Subject<dyn LoginFailures> for Embedded {
    async fn open(&self) -> Arc<dyn LoginFailures> {
        self.store()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins() {
    let fresh = async |clock| Embedded::fresh(StoreOptions::default(), clock);
    conformance::logins::run(fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger() {
    conformance::ledger::run(async |options, clock| Embedded::fresh(options, clock)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acceptance_leaves_room_on_the_disk() {
    let clock = ManualClock::at("2026-11-23T15:05:00Z");
    let options = StoreOptions {
        min_free: 1_000,
        ..StoreOptions::default()
    };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    let store = EmbeddedStore::open(folder.path(), options, Arc::new(clock.clone()), fail);
    let free = Arc::new(AtomicU64::new(1_000));
    let told = free.clone();
    let measure = move |_: &Path| Ok(told.load(Ordering::SeqCst));
    let store = store
        .expect("the store opens")
        .with_free_space(Arc::new(measure));
    let fill = move |full| free.store(if full { 999 } else { 1_000 }, Ordering::SeqCst);
    conformance::ledger::room::only_acceptance_needs_room(Arc::new(store), clock, fill).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_balances(operations in prop::collection::vec(operations::operation(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let subject = Embedded::fresh(StoreOptions::default(), clock.clone());
        runtime.block_on(balance::balances(&subject, &clock, &operations));
    }
}
