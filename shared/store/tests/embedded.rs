//! The embedded store passes the conformance suites of its ports.

use std::sync::Arc;

use async_trait::async_trait;
use message::time::ManualClock;
use proptest::prelude::*;
use store::conformance::mailbox::model::{self, Operation};
use store::conformance::{self, Subject};
use store::{Directory, EmbeddedStore, MailboxStore, StoreOptions};
use tempfile::TempDir;

/// An embedded store in a directory of its own.
struct Embedded(TempDir);

impl Embedded {
    fn fresh() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn open(&self) -> Arc<EmbeddedStore> {
        let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
        let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
        let options = StoreOptions {
            journal: 1 << 20,
            ..StoreOptions::default()
        };
        let store = EmbeddedStore::open(self.0.path(), options, clock, fail);
        Arc::new(store.expect("the store opens"))
    }
}

#[async_trait]
impl Subject<dyn Directory> for Embedded {
    async fn open(&self) -> Arc<dyn Directory> {
        self.open()
    }
}

#[async_trait]
impl Subject<dyn MailboxStore> for Embedded {
    async fn open(&self) -> Arc<dyn MailboxStore> {
        self.open()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directory() {
    conformance::directory::run(async || Embedded::fresh()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mailbox() {
    conformance::mailbox::run(async || Embedded::fresh()).await;
}

fn operation() -> impl Strategy<Value = Operation> {
    let append = (
        1..4_u64,
        0..3_usize,
        proptest::option::of(0..12_u64),
        0..6_u64,
        0..100_u64,
        any::<bool>(),
        proptest::option::of(0..500_u64),
    );
    let append = append.prop_map(|(account, mailbox, delivery, content, size, seen, quota)| {
        Operation::Append {
            account,
            mailbox,
            delivery,
            content,
            size,
            seen,
            quota,
        }
    });
    let expunge = (1..4_u64, 0..3_usize, prop::collection::vec(0..8_u32, 0..6));
    let expunge = expunge.prop_map(|(account, mailbox, uids)| Operation::Expunge {
        account,
        mailbox,
        uids,
    });
    let uids = || prop::collection::vec(0..10_u32, 0..6);
    let mark = (1..4_u64, 0..3_usize, uids(), any::<bool>(), any::<bool>());
    let mark = mark.prop_map(|(account, mailbox, uids, seen, set)| Operation::Mark {
        account,
        mailbox,
        uids,
        seen,
        set,
    });
    let transfer = (
        1..4_u64,
        0..3_usize,
        uids(),
        0..3_usize,
        proptest::option::of(0..900_u64),
    );
    let transfer = transfer.prop_map(|(account, from, uids, to, copy)| Operation::Transfer {
        account,
        from,
        uids,
        to,
        copy,
    });
    prop_oneof![
        20 => append,
        8 => expunge,
        8 => mark,
        8 => transfer,
        1 => (1..4_u64).prop_map(|account| Operation::RemoveAccount { account }),
        3 => (0..4_usize).prop_map(|limit| Operation::Released { limit }),
        1 => (0..4_usize).prop_map(|limit| Operation::Forget { limit }),
        1 => Just(Operation::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn mailboxes_agree_with_a_model(operations in prop::collection::vec(operation(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(model::agrees(&Embedded::fresh(), &operations));
    }
}
