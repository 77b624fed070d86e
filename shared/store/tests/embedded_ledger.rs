//! The embedded store passes the conformance suite of the ledger.

use std::sync::Arc;

use async_trait::async_trait;
use message::time::ManualClock;
use proptest::prelude::*;
use store::conformance::ledger::balance::{self, Operation, Target};
use store::conformance::{self, Subject};
use store::{EmbeddedStore, Ledger, StoreOptions};
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
}

#[async_trait]
impl Subject<dyn Ledger> for Embedded {
    async fn open(&self) -> Arc<dyn Ledger> {
        let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
        let clock = Arc::new(self.clock.clone());
        let store = EmbeddedStore::open(self.folder.path(), self.options.clone(), clock, fail);
        Arc::new(store.expect("the store opens"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger() {
    conformance::ledger::run(async |options, clock| Embedded::fresh(options, clock)).await;
}

fn operation() -> impl Strategy<Value = Operation> {
    let message = || 1..6_u32;
    let target = || (message(), 0..5_u32).prop_map(|(message, job)| Target { message, job });
    prop_oneof![
        8 => (message(), any::<u8>())
            .prop_map(|(message, wishes)| Operation::Accept { message, wishes }),
        8 => (message(), any::<u8>())
            .prop_map(|(message, shape)| Operation::Route { message, shape }),
        8 => target().prop_map(Operation::Claim),
        6 => (any::<u8>(), any::<bool>())
            .prop_map(|(destination, drain)| Operation::ClaimNext { destination, drain }),
        4 => target().prop_map(Operation::Park),
        16 => (target(), any::<[u8; 3]>())
            .prop_map(|(target, verdicts)| Operation::Record { target, verdicts }),
        6 => target().prop_map(Operation::Tried),
        8 => (target(), any::<u8>())
            .prop_map(|(target, choice)| Operation::Intervene { target, choice }),
        6 => any::<bool>().prop_map(|fed| Operation::Feed { fed }),
        6 => (message(), any::<bool>())
            .prop_map(|(message, accepted)| Operation::Notify { message, accepted }),
        6 => (0..200_u16).prop_map(Operation::Advance),
        1 => Just(Operation::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_balances(operations in prop::collection::vec(operation(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let subject = Embedded::fresh(StoreOptions::default(), clock.clone());
        runtime.block_on(balance::balances(&subject, &clock, &operations));
    }
}
