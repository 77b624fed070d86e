//! What the feeder reads: work that makes no progress, to be published (again).

use std::time::Duration;

use async_trait::async_trait;
use message::{Destination, Job, JobKey, Timestamp, Topic, TraceContext};

use crate::StoreError;

/// A job to be put on its topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The job with its present generation.
    pub job: Job,
    /// Its topic.
    pub topic: Topic,
    /// Counts the publications of this generation, the first being 0.
    pub publication: u32,
    /// When the feeder makes it.
    pub due: Option<Timestamp>,
    /// Where its trace continues.
    pub trace: TraceContext,
    /// Where it leads, for work jobs.
    pub destination: Option<Destination>,
}

/// Feeding of topics, and the leases of work that only one instance does.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Pending jobs (routing, work and notices) that were published too long
    /// ago, at most `limit`, the oldest first, but for those of the topics in
    /// `skip`, which take nothing for now. Expired leases become pending (or
    /// dead), and delays whose time has come become owed, in the same step.
    ///
    /// Nobody but this process can have been at work in an embedded store: all
    /// that was pending or working when it was opened counts as overdue.
    async fn overdue(&self, limit: usize, skip: &[Topic]) -> Result<Vec<Publication>, StoreError>;

    /// The next publication of a job, due or not; none unless it is pending.
    /// Whoever made it pending may anticipate the feeder, and says so by
    /// [`Feed::fed`].
    async fn publication(&self, key: JobKey) -> Result<Option<Publication>, StoreError>;

    /// These were published: each is overdue next after twice the interval.
    async fn fed(&self, publications: &[Publication]) -> Result<(), StoreError>;

    /// Takes or renews the lease called `name` for `owner`; false while another
    /// owner has it.
    async fn lease(&self, name: &str, owner: &str, span: Duration) -> Result<bool, StoreError>;
}
