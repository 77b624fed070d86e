//! A ledger that remembers what it accepted, and can be made to fail.

use std::sync::Mutex;

use async_trait::async_trait;
use message::{MessageId, Timestamp};
use store::StoreError;
use store::ledger::{Acceptance, Accepted, Entries, Entry, History};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Failure {
    Unavailable,
    Full,
}

#[derive(Default)]
pub(crate) struct LedgerDouble {
    accepted: Mutex<Vec<Acceptance>>,
    failure: Mutex<Option<Failure>>,
}

impl LedgerDouble {
    pub(crate) fn accepted(&self) -> Vec<Acceptance> {
        self.accepted.lock().unwrap().clone()
    }

    pub(crate) fn fail(&self, failure: Failure) {
        *self.failure.lock().unwrap() = Some(failure);
    }
}

#[async_trait]
impl Entries for LedgerDouble {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        match *self.failure.lock().unwrap() {
            Some(Failure::Unavailable) => return Err(StoreError::Unavailable("a test".into())),
            Some(Failure::Full) => return Err(StoreError::Full("a test".into())),
            None => self.accepted.lock().unwrap().push(acceptance),
        }
        Ok(Accepted::Taken)
    }

    async fn entry(&self, _: MessageId) -> Result<Option<Entry>, StoreError> {
        Ok(None)
    }

    async fn history(&self, _: MessageId) -> Result<Option<History>, StoreError> {
        Ok(None)
    }

    async fn entries(&self, _: Option<MessageId>, _: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(Vec::new())
    }

    async fn prune(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}
