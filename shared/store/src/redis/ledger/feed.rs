//! Feeding: timers that are due, and leases by name.

use std::time::Duration;

use async_trait::async_trait;
use message::{Destination, Job, JobKey, Part, Topic};
use redis::Value;

use super::super::RedisStore;
use super::reply::Reply;
use super::{ROWS, span};
use crate::StoreError;
use crate::ledger::{Feed, Publication};

/// Topics that the feeder feeds, as the functions know them.
const FED: [(Topic, &str); 4] = [
    (Topic::Accepted, "accepted"),
    (Topic::Local, "local"),
    (Topic::Remote, "remote"),
    (Topic::Outcome, "outcome"),
];

#[async_trait]
impl Feed for RedisStore {
    async fn overdue(&self, limit: usize, skip: &[Topic]) -> Result<Vec<Publication>, StoreError> {
        let topics = FED.iter().filter(|(topic, _)| !skip.contains(topic));
        let topics: Vec<&str> = topics.map(|(_, name)| *name).collect();
        if limit == 0 {
            return Ok(Vec::new());
        }
        while self.work_off().await? == ROWS {}
        let call = self.ledger("overdue").limit(limit).arg(topics);
        let due: Vec<Value> = self.link.call(call).await?;
        due.into_iter().map(publication).collect()
    }

    async fn publication(&self, key: JobKey) -> Result<Option<Publication>, StoreError> {
        let call = self.reading("publication").arg(key.to_string());
        match self.link.call(call).await? {
            Value::Nil => Ok(None),
            value => publication(value).map(Some),
        }
    }

    async fn fed(&self, publications: &[Publication]) -> Result<(), StoreError> {
        for some in publications.chunks(ROWS) {
            let call = some.iter().fold(self.ledger("fed"), |call, publication| {
                let Job { key, generation } = publication.job;
                let call = call.arg(key.to_string()).arg(generation);
                call.arg(publication.publication)
            });
            self.link.call::<()>(call).await?;
        }
        Ok(())
    }

    async fn lease(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, StoreError> {
        let call = self.ledger("lease").arg(name).arg(owner);
        self.link.call(call.arg(span(lease))).await
    }
}

impl RedisStore {
    /// Ends leases and tells delays whose time has come; returns how many.
    async fn work_off(&self) -> Result<usize, StoreError> {
        self.link.call(self.ledger("work_off").arg(ROWS)).await
    }
}

fn publication(value: Value) -> Result<Publication, StoreError> {
    let mut reply = Reply::of(value)?;
    let key: JobKey = reply.parsed()?;
    let generation = reply.number()?;
    let publication = reply.number()?;
    let due = reply.optional_time()?;
    let destination = reply.optional_text()?;
    let destination = destination
        .as_deref()
        .map(super::reply::parsed)
        .transpose()?;
    Ok(Publication {
        job: Job { key, generation },
        topic: topic(key.part, destination.as_ref()),
        publication,
        due,
        trace: reply.parsed()?,
        destination,
    })
}

fn topic(part: Part, destination: Option<&Destination>) -> Topic {
    match part {
        Part::Route => Topic::Accepted,
        Part::Notice => Topic::Outcome,
        Part::Work(_) => destination.map_or(Topic::Remote, Destination::topic),
    }
}
