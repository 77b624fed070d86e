//! The feeder: publishes from the ledger what makes no progress.
//!
//! A job is overdue when its publication was refused or lost, when its owner's
//! lease ended, or, with the embedded engine, when the process was started
//! anew. A topic that refuses is left alone until the next round, so feeding
//! never multiplies a backlog and never waits for one.

use std::collections::HashSet;
use std::sync::Arc;

use bus::Published;
use message::Topic;
use station::Station;
use store::{Ledger, StoreError};

/// How many jobs one round looks at.
const PAGE: usize = 512;

/// The feeder; one instance runs it at a time.
pub(crate) struct Feeder {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) station: Station,
}

impl Feeder {
    /// Publishes overdue jobs until there are none, or no topic takes more.
    pub(crate) async fn feed(&self) -> Result<(), StoreError> {
        loop {
            let overdue = self.ledger.overdue(PAGE).await?;
            let mut full: HashSet<Topic> = HashSet::new();
            let mut fed = Vec::new();
            for publication in &overdue {
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
                    Ok(Published::Refused) | Err(_) => {
                        full.insert(publication.topic);
                    }
                }
            }
            if !fed.is_empty() {
                self.ledger.fed(&fed).await?;
            }
            if overdue.len() < PAGE || !full.is_empty() {
                return Ok(());
            }
        }
    }
}
