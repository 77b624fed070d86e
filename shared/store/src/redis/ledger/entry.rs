//! Entries: acceptance, history, and forgetting.

use async_trait::async_trait;
use message::{Envelope, MessageId, Notify, Timestamp};
use redis::Value;

use super::super::RedisStore;
use super::super::failure::corrupt;
use super::record::{Described, entry, jobs};
use super::reply::Reply;
use super::{JOBS, ROWS, json, micros, or_empty};
use crate::StoreError;
use crate::ledger::{Acceptance, Accepted, Entries, Entry, History, JobRecord, Route};

#[async_trait]
impl Entries for RedisStore {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        let message = acceptance.message;
        match self.offer(acceptance).await {
            // It was promised already.
            Err(StoreError::Full(_)) if self.entry(message).await?.is_some() => Ok(Accepted::Known),
            answer => answer,
        }
    }

    async fn entry(&self, message: MessageId) -> Result<Option<Entry>, StoreError> {
        let call = self.reading("entry").arg(message.to_string());
        read_entry(self.link.call(call).await?)
    }

    async fn history(&self, message: MessageId) -> Result<Option<History>, StoreError> {
        let Some(mut described) = self.described(message, JOBS).await? else {
            return Ok(None);
        };
        let first = std::mem::take(&mut described.jobs);
        let jobs = self.with_further_jobs(message, first).await?;
        let chores = described.chores().cloned().collect();
        let route = described.decisions.map(|decisions| Route {
            decisions,
            jobs: jobs.iter().map(JobRecord::as_routed).collect(),
        });
        Ok(Some(History {
            entry: described.entry,
            route,
            jobs,
            chores,
            notices: described.notices,
            closed_at: described.closed_at,
        }))
    }

    async fn entries(
        &self,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<Entry> = Vec::new();
        while entries.len() < limit {
            let last = entries.last().map(|entry| entry.acceptance.message);
            let wanted = ROWS.min(limit - entries.len());
            let call = self.reading("entries");
            let call = call.arg(or_empty(last.or(after))).arg(wanted);
            let page: Vec<Value> = self.link.call(call).await?;
            let found = page.len();
            for value in page {
                entries.extend(read_entry(value)?);
            }
            if found < wanted {
                break;
            }
        }
        Ok(entries)
    }

    async fn prune(&self, closed_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let (mut forgotten, mut kept) = (0, 0);
        while forgotten < limit {
            let wanted = ROWS.min(limit - forgotten);
            let call = self.ledger("prune");
            let call = call.arg(micros(closed_before)).arg(kept).arg(wanted);
            let (gone, stay): (usize, usize) = self.link.call(call).await?;
            forgotten += gone;
            kept += stay;
            if gone + stay < wanted {
                break;
            }
        }
        Ok(forgotten)
    }
}

impl RedisStore {
    /// Offers a message to the server, unless its memory is short.
    async fn offer(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        let is_notice = acceptance.notice_of.is_some();
        if self.link.is_short_of_memory() && !is_notice {
            let reason = "Redis has almost reached its maxmemory";
            return Err(StoreError::Full(reason.to_owned()));
        }
        // Notices settle what is there.
        let function = if is_notice { "accept_notice" } else { "accept" };
        let call = self
            .ledger(function)
            .arg(acceptance.message.to_string())
            .arg(json(&acceptance)?)
            .arg(acceptance.trace.to_string())
            .arg(acceptance.content.as_str())
            .arg(wishes(&acceptance.envelope))
            .arg(or_empty(acceptance.notice_of.map(|about| about.message)));
        match self.link.call::<String>(call).await?.as_str() {
            "taken" => Ok(Accepted::Taken),
            "known" => Ok(Accepted::Known),
            "condemned" => Ok(Accepted::ContentCondemned),
            other => Err(corrupt("a reply", other)),
        }
    }

    /// A message with so many of its jobs.
    pub(super) async fn described(
        &self,
        message: MessageId,
        jobs: usize,
    ) -> Result<Option<Described>, StoreError> {
        let call = self.reading("message").arg(message.to_string()).arg(jobs);
        Described::read(self.link.call(call).await?)
    }

    /// Jobs of a message from number `from` on.
    pub(super) async fn jobs(
        &self,
        message: MessageId,
        from: usize,
        limit: usize,
    ) -> Result<Vec<JobRecord>, StoreError> {
        let call = self.reading("jobs").arg(message.to_string());
        let call = call.arg(from).arg(limit);
        jobs(message, self.link.call(call).await?)
    }

    /// All jobs of a message, whose first [`JOBS`] were read.
    pub(super) async fn with_further_jobs(
        &self,
        message: MessageId,
        mut jobs: Vec<JobRecord>,
    ) -> Result<Vec<JobRecord>, StoreError> {
        let mut full = jobs.len() == JOBS;
        while full {
            let page = self.jobs(message, jobs.len(), JOBS).await?;
            full = page.len() == JOBS;
            jobs.extend(page);
        }
        Ok(jobs)
    }
}

fn read_entry(value: Value) -> Result<Option<Entry>, StoreError> {
    let fields = Reply::of(value)?.collect::<Vec<_>>();
    if fields.contains(&Value::Nil) {
        return Ok(None);
    }
    entry(&mut Reply::of(Value::Array(fields))?).map(Some)
}

/// A digit for each recipient, of what its sender is to hear: delay 1, failure
/// 2, success 4; nothing where the return path is null.
fn wishes(envelope: &Envelope) -> String {
    let null = envelope.return_path.is_null();
    let notify = envelope.recipients.iter().map(|recipient| {
        if null {
            Notify::Never
        } else {
            recipient.notify
        }
    });
    let digit = |notify: Notify| {
        let bits = u8::from(notify.wants_delay())
            | u8::from(notify.wants_failure()) << 1
            | u8::from(notify.wants_success()) << 2;
        char::from(b'0' + bits)
    };
    notify.map(digit).collect()
}
