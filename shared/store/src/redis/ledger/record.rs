//! Messages and jobs as the functions describe them.

use message::{JobKey, MessageId, Outcome, Part, Timestamp, Verdict};
use redis::Value;

use super::super::failure::corrupt;
use super::reply::{Reply, from_json, text};
use crate::StoreError;
use crate::ledger::{
    Acceptance, Attempt, Decision, Entry, JobRecord, JobState, NewJob, NoticeRecord,
};

/// A message, with its first jobs.
pub(super) struct Described {
    pub(super) entry: Entry,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) decisions: Option<Vec<Decision>>,
    pub(super) notices: Vec<NoticeRecord>,
    /// Recipients of jobs without a final outcome.
    pub(super) unsettled: u32,
    /// Whether the sender is to hear of something.
    pub(super) owes: bool,
    /// The routing job until it is routed.
    pub(super) routing: Option<JobRecord>,
    /// The notice job while something is owed.
    pub(super) notice: Option<JobRecord>,
    pub(super) jobs: Vec<JobRecord>,
}

impl Described {
    pub(super) fn read(value: Value) -> Result<Option<Self>, StoreError> {
        let Some(mut reply) = Reply::some(value)? else {
            return Ok(None);
        };
        let entry = entry(&mut reply)?;
        let message = entry.acceptance.message;
        Ok(Some(Self {
            closed_at: reply.optional_time()?,
            decisions: reply.optional_json()?,
            notices: reply.list()?.map(notice).collect::<Result<_, _>>()?,
            unsettled: reply.number()?,
            owes: reply.flag()?,
            routing: chore(JobKey::route(message), &entry, reply.value())?,
            notice: chore(JobKey::notice(message), &entry, reply.value())?,
            jobs: jobs(message, reply.value())?,
            entry,
        }))
    }

    /// The routing job of an unrouted message, and a notice job that is stopped.
    pub(super) fn chores(&self) -> impl Iterator<Item = &JobRecord> {
        let is_stopped = |job: &&JobRecord| job.state != JobState::Pending;
        let notice = self.notice.iter().filter(is_stopped);
        self.routing.iter().chain(notice)
    }

    /// The routing or notice job, if there is work for it.
    pub(super) fn chore(self, part: Part) -> Option<JobRecord> {
        match part {
            Part::Route => self.routing,
            Part::Notice => self.notice,
            Part::Work(_) => None,
        }
    }
}

/// What acceptance said, and when that was.
pub(super) fn entry(reply: &mut Reply) -> Result<Entry, StoreError> {
    let acceptance: Acceptance = reply.json()?;
    let accepted_at = reply.time()?;
    Ok(Entry {
        acceptance,
        accepted_at,
    })
}

/// Jobs of a message.
pub(super) fn jobs(message: MessageId, value: Value) -> Result<Vec<JobRecord>, StoreError> {
    Reply::of(value)?.map(|value| job(message, value)).collect()
}

/// A job of a message.
pub(super) fn job(message: MessageId, value: Value) -> Result<JobRecord, StoreError> {
    let mut reply = Reply::of(value)?;
    let key = JobKey::work(message, reply.number()?);
    let mut job = JobRecord::new(key, reply.json::<NewJob>()?);
    job.destination = reply.parsed()?;
    job.generation = reply.number()?;
    job.state = state(&mut reply)?;
    job.attempts = reply.number()?;
    job.tries = reply.number()?;
    job.warn_at = reply.optional_time()?;
    job.retry_until = reply.optional_time()?;
    for result in reply.list()? {
        note_result(&mut job, result)?;
    }
    job.log = log(&mut reply)?;
    Ok(job)
}

fn note_result(job: &mut JobRecord, value: Value) -> Result<(), StoreError> {
    let mut reply = Reply::of(value)?;
    let index: usize = reply.number::<i64>()?.try_into().unwrap_or(usize::MAX);
    let state = job.recipients.get_mut(index);
    let state = state.ok_or_else(|| corrupt(job.key.to_string(), "a result of nobody"))?;
    state.outcome = reply.optional_json()?;
    state.delay_told = reply.flag()?;
    Ok(())
}

/// The name of a state, and the time that goes with it.
fn state(reply: &mut Reply) -> Result<JobState, StoreError> {
    let name = reply.text()?;
    let at = reply.optional_time()?;
    match (name.as_str(), at) {
        ("pending", _) => Ok(JobState::Pending),
        ("working", Some(until)) => Ok(JobState::Working { until }),
        ("waiting", _) => Ok(JobState::Waiting),
        ("deferred", Some(due)) => Ok(JobState::Deferred { due }),
        ("held", _) => Ok(JobState::Held),
        ("dead", _) => Ok(JobState::Dead),
        ("settled", _) => Ok(JobState::Settled),
        (other, at) => Err(corrupt("a job", format!("no state: {other} {at:?}"))),
    }
}

fn log(reply: &mut Reply) -> Result<Vec<Attempt>, StoreError> {
    reply.list()?.map(attempt).collect()
}

/// An attempt that a caller reported, or one that the functions noted.
fn attempt(value: Value) -> Result<Attempt, StoreError> {
    if let Value::Array(_) = value {
        let mut reply = Reply::of(value)?;
        return Ok(Attempt {
            at: reply.time()?,
            host: None,
            peer: None,
            tls: None,
            result: reply.text()?,
        });
    }
    from_json(&text(value)?.unwrap_or_default())
}

fn chore(key: JobKey, entry: &Entry, value: Value) -> Result<Option<JobRecord>, StoreError> {
    let Some(mut reply) = Reply::some(value)? else {
        return Ok(None);
    };
    Ok(Some(JobRecord {
        state: state(&mut reply)?,
        tries: reply.number()?,
        log: log(&mut reply)?,
        ..JobRecord::of_chore(key, entry)
    }))
}

fn notice(value: Value) -> Result<NoticeRecord, StoreError> {
    let mut reply = Reply::of(value)?;
    let id = reply.parsed()?;
    let kind = reply.text()?;
    Ok(NoticeRecord {
        id,
        kind: super::notice::kind(&kind)?,
        at: reply.time()?,
        accepted: reply.flag()?,
    })
}

/// The name of a verdict for the functions.
pub(super) fn verdict(outcome: &Outcome) -> &'static str {
    match outcome.verdict {
        Verdict::Delivered => "delivered",
        Verdict::Relayed { dsn: false } => "relayed",
        Verdict::Relayed { dsn: true } => "relayed-dsn",
        Verdict::Expanded => "expanded",
        Verdict::Deferred => "deferred",
        Verdict::Failed => "failed",
        Verdict::Deleted => "deleted",
    }
}
