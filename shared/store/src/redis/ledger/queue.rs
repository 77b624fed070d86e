//! The queue as operators see it, and what they do to it.

use std::collections::HashMap;

use async_trait::async_trait;
use message::{Destination, JobKey, MessageId, Outcome, Part, Verdict};
use redis::Value;

use super::super::RedisStore;
use super::job::part;
use super::record::{Described, verdict};
use super::reply::Reply;
use super::{JOBS, json, or_empty};
use crate::StoreError;
use crate::ledger::{
    Counts, Entries, Intervention, JobRecord, JobState, Queue, QueueFilter, QueueItem, Route,
};

/// Entries that one page looks at.
const LOOKED_AT: usize = 10_000;
/// Jobs that an item shows.
const SHOWN_JOBS: usize = 100;
/// Messages that one call reads, each with so many of its jobs.
const MESSAGES: usize = 32;
const JOBS_EACH: usize = 16;

#[async_trait]
impl Queue for RedisStore {
    async fn queue(
        &self,
        filter: &QueueFilter,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<(Vec<QueueItem>, Option<MessageId>), StoreError> {
        if let Some(message) = filter.message {
            let wanted = after.is_none_or(|after| after < message) && limit > 0;
            let items = if wanted {
                self.one_item(filter, message).await?
            } else {
                None
            };
            return Ok((items.into_iter().collect(), None));
        }
        self.items(filter, after, limit).await
    }

    async fn intervene(&self, key: JobKey, intervention: Intervention) -> Result<bool, StoreError> {
        let event = match intervention {
            Intervention::Retry => "retry",
            Intervention::Hold => "hold",
            Intervention::Release => "release",
            Intervention::Redirect(to) => return self.redirect(key, &to).await,
            Intervention::Bounce(outcome) => {
                let verdict = Verdict::Failed;
                return self.overrule(key, Outcome { verdict, ..outcome }).await;
            }
            Intervention::Delete(outcome) => {
                let verdict = Verdict::Deleted;
                return self.overrule(key, Outcome { verdict, ..outcome }).await;
            }
        };
        let call = self.ledger("operate").arg(key.message.to_string());
        let call = call.arg(part(key.part)).arg(event);
        // Once more would find nothing to do, and say so.
        self.link.call(call.once()).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        let (entries, closed, in_flight, counts): (u64, u64, u64, HashMap<String, u64>) =
            self.link.call(self.reading("counts")).await?;
        let of = |name: &str| counts.get(name).copied().unwrap_or(0);
        Ok(Counts {
            accepted: entries + of("forgotten"),
            settled: closed + of("forgotten"),
            in_flight,
            delivered: of("delivered"),
            relayed: of("relayed"),
            failed: of("failed"),
            deleted: of("deleted"),
            untold: of("untold"),
            dead: of("dead"),
        })
    }
}

impl RedisStore {
    async fn one_item(
        &self,
        filter: &QueueFilter,
        message: MessageId,
    ) -> Result<Option<QueueItem>, StoreError> {
        match self.described(message, JOBS_EACH).await? {
            Some(described) if described.closed_at.is_none() => self.item(filter, described).await,
            Some(_) | None => Ok(None),
        }
    }

    async fn items(
        &self,
        filter: &QueueFilter,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<(Vec<QueueItem>, Option<MessageId>), StoreError> {
        let unfiltered = *filter == QueueFilter::default();
        let most = if unfiltered {
            limit.min(LOOKED_AT)
        } else {
            LOOKED_AT
        };
        let (mut items, mut reached, mut looked_at) = (Vec::new(), None, 0);
        loop {
            // One more tells whether there is more.
            let wanted = MESSAGES.min(most - looked_at + 1);
            let page = self.open_messages(reached.or(after), wanted).await?;
            let is_last = page.len() < wanted;
            for (message, described) in page {
                if items.len() >= limit || looked_at == most {
                    return Ok((items, reached));
                }
                if let Some(described) = described {
                    items.extend(self.item(filter, described).await?);
                }
                looked_at += 1;
                reached = Some(message);
            }
            if is_last {
                return Ok((items, None));
            }
        }
    }

    /// Open messages after one of them.
    async fn open_messages(
        &self,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<(MessageId, Option<Described>)>, StoreError> {
        let call = self.reading("queue").arg(or_empty(after));
        let page: Vec<Value> = self.link.call(call.arg(limit).arg(JOBS_EACH)).await?;
        let read = |value| {
            let mut reply = Reply::of(value)?;
            Ok((reply.parsed()?, Described::read(reply.value())?))
        };
        page.into_iter().map(read).collect()
    }

    /// A message of the queue with its jobs, if the filter lets it pass.
    async fn item(
        &self,
        filter: &QueueFilter,
        mut described: Described,
    ) -> Result<Option<QueueItem>, StoreError> {
        if !filter.fits_entry(&described.entry) {
            return Ok(None);
        }
        let message = described.entry.acceptance.message;
        let mut page = std::mem::take(&mut described.jobs);
        let (mut looked_at, mut full) = (page.len(), page.len() == JOBS_EACH);
        let mut shown = Shown::of_chores(filter, &described);
        shown.add(filter, &described, page);
        while full && shown.jobs.len() < SHOWN_JOBS {
            page = self.jobs(message, looked_at, JOBS).await?;
            looked_at += page.len();
            full = page.len() == JOBS;
            shown.add(filter, &described, page);
        }
        shown.jobs.truncate(SHOWN_JOBS);
        let entry = described.entry;
        let fits = !shown.jobs.is_empty() || (shown.settled && filter.fits_without_jobs(&entry));
        let routed = described.routing.is_none();
        Ok(fits.then_some(QueueItem {
            entry,
            routed,
            jobs: shown.jobs,
            notice_owed: routed && described.unsettled == 0 && described.owes,
        }))
    }

    /// An operator sends a job to another destination.
    async fn redirect(&self, key: JobKey, to: &Destination) -> Result<bool, StoreError> {
        match self.on_work("redirect", key) {
            Some(call) if *to != Destination::Local => {
                self.link.call(call.arg(to.to_string()).once()).await
            }
            Some(_) | None => Ok(false),
        }
    }

    /// An operator settles what is open of a job.
    async fn overrule(&self, key: JobKey, outcome: Outcome) -> Result<bool, StoreError> {
        if let Some(call) = self.on_work("overrule", key) {
            let call = call.arg(verdict(&outcome)).arg(json(&outcome)?);
            return self.link.call(call.once()).await;
        }
        match key.part {
            Part::Route => self.settle_unrouted(key.message, &outcome).await,
            Part::Notice if outcome.verdict == Verdict::Deleted => {
                let call = self.ledger("drop_notices").arg(key.message.to_string());
                self.link.call(call.once()).await
            }
            Part::Notice | Part::Work(_) => Ok(false),
        }
    }

    async fn settle_unrouted(
        &self,
        message: MessageId,
        outcome: &Outcome,
    ) -> Result<bool, StoreError> {
        let Some(entry) = self.entry(message).await? else {
            return Ok(false);
        };
        let recipients = entry.acceptance.envelope.recipients.len() as u32;
        let route = Route::to_nowhere(recipients, outcome);
        self.overrule_routing(message, &route).await
    }
}

/// The jobs of an item that fit.
struct Shown {
    jobs: Vec<JobRecord>,
    /// Whether the message has no open job at all, fitting or not.
    settled: bool,
}

impl Shown {
    fn of_chores(filter: &QueueFilter, message: &Described) -> Self {
        let mut shown = Self {
            jobs: Vec::new(),
            settled: true,
        };
        shown.add(filter, message, message.chores().cloned().collect());
        shown
    }

    fn add(&mut self, filter: &QueueFilter, message: &Described, jobs: Vec<JobRecord>) {
        let open = jobs
            .into_iter()
            .filter(|job| job.state != JobState::Settled);
        for job in open {
            self.settled = false;
            if filter.fits_job(&message.entry, &job) {
                self.jobs.push(job);
            }
        }
    }
}
