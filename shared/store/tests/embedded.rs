//! The embedded store passes the conformance suites of its ports.

mod mailbox_operations;

use std::sync::Arc;

use async_trait::async_trait;
use message::time::ManualClock;
use proptest::prelude::*;
use store::conformance::mailbox::model;
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn mailboxes_agree_with_a_model(operations in prop::collection::vec(mailbox_operations::operation(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(model::agrees(&Embedded::fresh(), &operations));
    }
}
