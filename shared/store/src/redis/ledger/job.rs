//! Jobs: claims, results, and the order in which destinations are served.

use async_trait::async_trait;
use message::{Destination, Diagnostic, JobKey, Part, Timestamp};
use redis::Value;

use super::super::RedisStore;
use super::super::connection::Call;
use super::super::failure::corrupt;
use super::record::{entry, job, verdict};
use super::reply::{Reply, parsed, time};
use super::{json, micros, or_empty, span};
use crate::StoreError;
use crate::ledger::{Claimed, Entry, JobRecord, Jobs, Lease, Recorded, Report};

#[async_trait]
impl Jobs for RedisStore {
    async fn job(&self, key: JobKey) -> Result<Option<JobRecord>, StoreError> {
        let Part::Work(number) = key.part else {
            let described = self.described(key.message, 0).await?;
            return Ok(described.and_then(|message| message.chore(key.part)));
        };
        let jobs = self.jobs(key.message, number as usize, 1).await?;
        Ok(jobs.into_iter().next())
    }

    async fn job_with_entry(&self, key: JobKey) -> Result<Option<(JobRecord, Entry)>, StoreError> {
        let Part::Work(number) = key.part else {
            return Ok(None);
        };
        let call = self.reading("job_with_entry").arg(key.message.to_string());
        let reply = Reply::some(self.link.call(call.arg(number)).await?)?;
        let found = reply.map(|reply| claimed(key, reply)).transpose()?;
        Ok(found.map(|Claimed { job, entry }| (job, entry)))
    }

    async fn claim(
        &self,
        key: JobKey,
        generation: u32,
        lease: Lease,
    ) -> Result<Option<Claimed>, StoreError> {
        let Some(call) = self.on_work("claim", key) else {
            return Ok(None);
        };
        let call = call.arg(generation).arg(span(lease.0));
        let reply = Reply::some(self.link.call(call).await?)?;
        reply.map(|reply| claimed(key, reply)).transpose()
    }

    async fn renew(&self, key: JobKey, generation: u32, lease: Lease) -> Result<bool, StoreError> {
        let Some(call) = self.on_work("renew", key) else {
            return Ok(false);
        };
        self.link
            .call(call.arg(generation).arg(span(lease.0)))
            .await
    }

    async fn park(&self, key: JobKey, generation: u32) -> Result<bool, StoreError> {
        let Some(call) = self.on_work("park", key) else {
            return Ok(false);
        };
        self.link.call(call.arg(generation)).await
    }

    async fn claim_next(
        &self,
        destination: &Destination,
        lease: Lease,
        drain: bool,
    ) -> Result<Option<Claimed>, StoreError> {
        let call = self.ledger("claim_next").arg(destination.to_string());
        // Once more would claim one more job.
        let call = call.arg(span(lease.0)).arg(u8::from(drain)).once();
        let Some(mut reply) = Reply::some(self.link.call(call).await?)? else {
            return Ok(None);
        };
        let key = reply.parsed()?;
        claimed(key, reply.list()?).map(Some)
    }

    async fn ready(
        &self,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<Destination>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let call = self.reading("ready").arg(or_empty(after)).limit(limit);
        let names: Vec<String> = self.link.call(call).await?;
        names.iter().map(|name| parsed(name)).collect()
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        time(&self.link.call::<Value>(self.reading("next_due")).await?)
    }

    async fn record(
        &self,
        key: JobKey,
        generation: u32,
        report: Report,
    ) -> Result<Recorded, StoreError> {
        let Some(call) = self.on_work("record", key) else {
            return Ok(Recorded::Stale);
        };
        let call = tell_report(call.arg(generation), &report)?;
        match self.link.call::<String>(call).await?.as_str() {
            "stale" => Ok(Recorded::Stale),
            "stored" => Ok(Recorded::Stored { notice_owed: false }),
            "owed" => Ok(Recorded::Stored { notice_owed: true }),
            other => Err(corrupt("a reply", other)),
        }
    }

    async fn tried(&self, key: JobKey, generation: u32, problem: &str) -> Result<(), StoreError> {
        let problem = Diagnostic::ours(problem);
        let call = self.ledger("tried").arg(key.message.to_string());
        let call = call.arg(part(key.part)).arg(generation);
        self.link.call(call.arg(problem.text()).once()).await
    }
}

impl RedisStore {
    /// A call about a work job; none for other jobs.
    pub(super) fn on_work(&self, function: &str, key: JobKey) -> Option<Call> {
        let Part::Work(number) = key.part else {
            return None;
        };
        let call = self.ledger(function).arg(key.message.to_string());
        Some(call.arg(number))
    }
}

/// The part of a job's name, as the functions know it.
pub(super) fn part(part: Part) -> String {
    match part {
        Part::Route => "route".to_owned(),
        Part::Work(number) => number.to_string(),
        Part::Notice => "notice".to_owned(),
    }
}

fn claimed(key: JobKey, mut reply: Reply) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        entry: entry(&mut reply)?,
        job: job(key.message, reply.value())?,
    })
}

/// Adds results: when to try again, each outcome, and the attempts.
fn tell_report(call: Call, report: &Report) -> Result<Call, StoreError> {
    let retry = report.retry;
    let deferral = report.deferral()?;
    let call = call
        .arg(or_empty(deferral.map(|retry| micros(retry.due))))
        .arg(or_empty(retry.map(|retry| micros(retry.warn_at))))
        .arg(or_empty(retry.map(|retry| micros(retry.until))))
        .arg(report.outcomes.len());
    let call = report
        .outcomes
        .iter()
        .try_fold(call, |call, (index, outcome)| {
            Ok::<_, StoreError>(call.arg(index).arg(verdict(outcome)).arg(json(outcome)?))
        })?;
    report
        .attempts
        .iter()
        .try_fold(call, |call, attempt| Ok(call.arg(json(attempt)?)))
}
