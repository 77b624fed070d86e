//! The feeder: publishes from the ledger what makes no progress.
//!
//! A job is overdue when its publication was refused or lost, when its owner's
//! lease ended, or, with the embedded engine, when the process was started
//! anew. A topic that refuses is left alone until the next round, so feeding
//! never multiplies a backlog and never waits for one, and what waits for a
//! full topic hides no work for another.

use std::sync::Arc;

use bus::Published;
use message::Topic;
use station::Station;
use store::ledger::Publication;
use store::{Ledger, StoreError};

/// How many jobs are looked at in one step.
const PAGE: usize = 512;

/// The feeder; one instance runs it at a time.
pub(crate) struct Feeder {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) station: Station,
}

impl Feeder {
    /// Publishes overdue jobs until there are none, or no topic takes more.
    pub(crate) async fn feed(&self) -> Result<(), StoreError> {
        let mut full = Vec::new();
        loop {
            let overdue = self.ledger.overdue(PAGE, &full).await?;
            let fed = self.publish(&overdue, &mut full).await;
            if !fed.is_empty() {
                self.ledger.fed(&fed).await?;
            }
            if overdue.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Publishes what the topics take; those that refuse become `full`.
    async fn publish(&self, overdue: &[Publication], full: &mut Vec<Topic>) -> Vec<Publication> {
        let mut fed = Vec::new();
        for publication in overdue {
            if full.contains(&publication.topic) {
                continue;
            }
            let published = self
                .station
                .publish(
                    publication.topic,
                    publication.job,
                    publication.publication,
                    publication.trace,
                )
                .await;
            match published {
                Ok(Published::Taken) => fed.push(publication.clone()),
                Ok(Published::Refused) | Err(_) => full.push(publication.topic),
            }
        }
        fed
    }
}
