//! Suites that every adapter of a port passes, written against the ports only.
//!
//! An adapter joins by giving a suite's `run` something that makes a fresh
//! [`Subject`] for each of its cases. A case that fails panics.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

pub mod directory;
pub mod ledger;
pub mod logins;
pub mod mailbox;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

/// How long a case waits for what must happen.
const DEADLINE: Duration = Duration::from_secs(30);

/// A store under test, behind the port `P`; fresh when the subject is made.
#[async_trait]
pub trait Subject<P: ?Sized>: Send + Sync {
    /// Opens the store. Handles of before were dropped; what they did durably
    /// is there.
    async fn open(&self) -> Arc<P>;
}

/// What `awaited` gives, within the deadline.
async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, awaited)
        .await
        .expect("this happens before the deadline")
}
