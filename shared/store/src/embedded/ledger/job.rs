//! Jobs: claims, results, and the order in which destinations are served.

use std::collections::BTreeMap;

use async_trait::async_trait;
use message::{Destination, JobKey, NoticeKind, Outcome, Part, Timestamp};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read};
use super::super::page::corrupt;
use super::keys::{self, micros};
use super::placement::{Class, first_slot, head};
use super::queue::chore_record;
use super::row::{Feeding, JobRow};
use super::state::{Event, after};
use super::turn::{Turn, entry, job, known_entry, later, progress};
use crate::StoreError;
use crate::ledger::{
    Claimed, Entry, JobRecord, Jobs, Lease, RecipientState, Recorded, Report, Retry,
};

#[async_trait]
impl Jobs for EmbeddedStore {
    async fn job(&self, key: JobKey) -> Result<Option<JobRecord>, StoreError> {
        self.engine.read(|read| job_record(read, key))
    }

    async fn job_with_entry(&self, key: JobKey) -> Result<Option<(JobRecord, Entry)>, StoreError> {
        self.engine.read(|read| {
            let job = job(read, key)?.map(|row| row.job);
            let with_entry = |job| Ok((job, known_entry(read, key.message)?));
            job.map(with_entry).transpose()
        })
    }

    async fn claim(
        &self,
        key: JobKey,
        generation: u32,
        lease: Lease,
    ) -> Result<Option<Claimed>, StoreError> {
        let claiming = self.turn(Durability::Relaxed, move |turn| {
            let row = turn.current_job(key, generation)?;
            row.map_or(Ok(None), |row| turn.claim(row, lease, false))
        });
        self.claimed(claiming.await?)
    }

    async fn renew(&self, key: JobKey, generation: u32, lease: Lease) -> Result<bool, StoreError> {
        self.turn(Durability::Relaxed, move |turn| {
            let (now, until) = (turn.now, later(turn.now, lease.0));
            turn.advance(key, generation, Event::Renew { now, until })
        })
        .await
    }

    async fn park(&self, key: JobKey, generation: u32) -> Result<bool, StoreError> {
        self.turn(Durability::Relaxed, move |turn| {
            turn.advance(key, generation, Event::Park)
        })
        .await
    }

    async fn claim_next(
        &self,
        destination: &Destination,
        lease: Lease,
        drain: bool,
    ) -> Result<Option<Claimed>, StoreError> {
        let destination = destination.clone();
        let claiming = self.turn(Durability::Relaxed, move |turn| {
            turn.claim_next(&destination, lease, drain)
        });
        self.claimed(claiming.await?)
    }

    async fn ready(
        &self,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<Destination>, StoreError> {
        let now = micros(self.clock.now());
        self.engine.read(|read| ready(read, after, limit, now))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.engine.read(|read| {
            let first = read.first(&keys::heads(Class::Deferred as u8))?;
            first
                .map(|(key, _)| Ok(keys::time(keys::read_head(&key)?.0)))
                .transpose()
        })
    }

    async fn record(
        &self,
        key: JobKey,
        generation: u32,
        report: Report,
    ) -> Result<Recorded, StoreError> {
        self.turn(Durability::Relaxed, move |turn| {
            turn.record(key, generation, report)
        })
        .await
    }

    async fn tried(&self, key: JobKey, generation: u32, problem: &str) -> Result<(), StoreError> {
        let problem = problem.to_owned();
        self.turn(Durability::Relaxed, move |turn| {
            turn.tried(key, generation, &problem)
        })
        .await
    }
}

impl EmbeddedStore {
    /// A claim, with the entry, which is read outside the step.
    fn claimed(&self, job: Option<JobRecord>) -> Result<Option<Claimed>, StoreError> {
        let with_entry = |job: JobRecord| {
            let entry = self
                .engine
                .read(|read| known_entry(read, job.key.message))?;
            Ok(Claimed { job, entry })
        };
        job.map(with_entry).transpose()
    }
}

impl Turn<'_, '_> {
    /// A job, if its generation is still this one.
    fn current_job(&self, key: JobKey, generation: u32) -> Result<Option<JobRow>, StoreError> {
        let row = job(self.step, key)?;
        Ok(row.filter(|row| row.job.generation == generation))
    }

    /// Renews or parks a job; false when stale.
    fn advance(&mut self, key: JobKey, generation: u32, event: Event) -> Result<bool, StoreError> {
        let Some(mut row) = self.current_job(key, generation)? else {
            return Ok(false);
        };
        let Some(state) = after(row.job.state, event) else {
            return Ok(false);
        };
        row.job.state = state;
        row.parked_at = matches!(event, Event::Park).then_some(self.now);
        self.keep_job(&row)?;
        Ok(true)
    }

    fn claim(
        &mut self,
        mut row: JobRow,
        lease: Lease,
        early: bool,
    ) -> Result<Option<JobRecord>, StoreError> {
        let claim = Event::Claim {
            now: self.now,
            until: later(self.now, lease.0),
            early,
        };
        let Some(state) = after(row.job.state, claim) else {
            return Ok(None);
        };
        row.job.state = state;
        row.job.generation += 1;
        row.feeding = Feeding::default();
        row.parked_at = None;
        self.keep_job(&row)?;
        Ok(Some(row.job))
    }

    fn claim_next(
        &mut self,
        destination: &Destination,
        lease: Lease,
        drain: bool,
    ) -> Result<Option<JobRecord>, StoreError> {
        let mut next = first_slot(self.step, destination, Class::Waiting)?;
        if next.is_none() {
            let now = micros(self.now);
            next = first_slot(self.step, destination, Class::Deferred)?
                .filter(|(due, _)| drain || *due <= now);
        }
        let Some((_, key)) = next else {
            return Ok(None);
        };
        let row = job(self.step, key)?.ok_or_else(|| {
            corrupt(
                key.to_string().as_bytes(),
                "a slot is left of a job that is gone",
            )
        })?;
        self.claim(row, lease, true)
    }

    fn record(
        &mut self,
        key: JobKey,
        generation: u32,
        report: Report,
    ) -> Result<Recorded, StoreError> {
        let Some(mut row) = self.current_job(key, generation)? else {
            return Ok(Recorded::Stale);
        };
        let event = match report.deferral()? {
            Some(retry) => Event::Defer { due: retry.due },
            None => Event::Settle,
        };
        let Some(state) = after(row.job.state, event) else {
            return Ok(Recorded::Stale);
        };
        row.job.state = state;
        row.job.attempts += 1;
        row.job.tries = 0;
        row.feeding = Feeding::default();
        row.job.warn_at = None;
        row.add_attempts(report.attempts);
        let settled = note_outcomes(&mut row, report.outcomes)?;
        if let Some(retry) = report.retry {
            plan_retry(&mut row, retry);
        }
        self.keep_job(&row)?;
        let feeding = Feeding::by_caller(self.now, &self.rules);
        let notice_owed = self.settle(&row, &settled, feeding)?;
        Ok(Recorded::Stored { notice_owed })
    }

    fn tried(&mut self, key: JobKey, generation: u32, problem: &str) -> Result<(), StoreError> {
        let (now, rules) = (self.now, self.rules);
        if let Part::Work(_) = key.part {
            if let Some(mut row) = self.current_job(key, generation)?
                && row.course().give_back(problem, true, now, &rules)
            {
                self.keep_job(&row)?;
            }
            return Ok(());
        }
        let Some(mut progress) = progress(self.step, key.message)? else {
            return Ok(());
        };
        if progress
            .course(key.part)
            .is_some_and(|course| course.give_back(problem, true, now, &rules))
        {
            self.keep_progress(key.message, progress, Feeding::default())?;
        }
        Ok(())
    }
}

/// Notes each open recipient's outcome; returns whose are final.
fn note_outcomes(row: &mut JobRow, outcomes: Vec<(u32, Outcome)>) -> Result<Vec<u32>, StoreError> {
    let open: Vec<u32> = row.job.open_recipients().map(|(index, _)| index).collect();
    let count = outcomes.len();
    let outcomes: BTreeMap<u32, Outcome> = outcomes.into_iter().collect();
    if count != open.len() || !outcomes.keys().eq(&open) {
        return Err(StoreError::Misused(format!(
            "a report on {} must name each open recipient once",
            row.job.key
        )));
    }
    let mut settled = Vec::new();
    for (index, outcome) in outcomes {
        if outcome.verdict.is_final() {
            settled.push(index);
        }
        if let Some(recipient) = row.job.recipients.get_mut(index as usize) {
            recipient.outcome = Some(outcome);
        }
    }
    Ok(settled)
}

/// Notes when open recipients are tried again, and when their delay is told.
fn plan_retry(row: &mut JobRow, retry: Retry) {
    let warns = |state: &RecipientState| {
        let mut originals = state.recipient.originals.iter();
        originals.any(|original| row.wishes.want(NoticeKind::Delay, *original))
    };
    let untold = row
        .job
        .open_recipients()
        .any(|(_, state)| !state.delay_told && warns(state));
    row.job.warn_at = untold.then_some(retry.warn_at);
    row.job.retry_until = Some(retry.until);
}

fn job_record(read: &impl Read, key: JobKey) -> Result<Option<JobRecord>, StoreError> {
    if let Part::Work(_) = key.part {
        return Ok(job(read, key)?.map(|row| row.job));
    }
    let (Some(progress), Some(entry)) = (progress(read, key.message)?, entry(read, key.message)?)
    else {
        return Ok(None);
    };
    Ok(progress
        .chore(key.part)
        .map(|chore| chore_record(key, chore, &entry)))
}

/// Destinations in the order of their first slot that is due.
///
/// A page starts behind `after`'s place in that order. A destination that is
/// not ready any more has no place: then the order starts anew, which is safe,
/// since what made it unready was progress.
fn ready(
    read: &impl Read,
    after: Option<&Destination>,
    limit: usize,
    now: u64,
) -> Result<Vec<Destination>, StoreError> {
    // What waits is ready even if the clock was set back since.
    let is_ready = |class, at| class == Class::Waiting || at <= now;
    let start = match after {
        Some(after) => place(read, after)?
            .filter(|(at, class)| is_ready(*class, *at))
            .map(|(at, _)| (at, after.to_string())),
        None => None,
    };
    let mut found = Vec::new();
    for class in Class::ALL {
        let key = start
            .as_ref()
            .map(|(at, name)| keys::heads(class as u8).u64(*at).text(name));
        let mut of_class = 0;
        read.scan(&keys::heads(class as u8), key.as_ref(), &mut |key, _| {
            let (at, destination) = keys::read_head(key)?;
            let wanted = is_ready(class, at) && of_class < limit;
            if wanted && place(read, &destination)? == Some((at, class)) {
                of_class += 1;
                found.push((at, destination));
            }
            Ok(wanted)
        })?;
    }
    found.sort_by_cached_key(|(at, destination)| (*at, destination.to_string()));
    found.truncate(limit);
    Ok(found
        .into_iter()
        .map(|(_, destination)| destination)
        .collect())
}

/// When the first slot of a destination is due, and of which class it is.
fn place(read: &impl Read, destination: &Destination) -> Result<Option<(u64, Class)>, StoreError> {
    let mut first = None;
    for class in Class::ALL {
        let place = head(read, destination, class)?.map(|at| (at, class));
        first = match (first, place) {
            (Some(first), Some(place)) => Some(std::cmp::min(first, place)),
            (first, place) => first.or(place),
        };
    }
    Ok(first)
}
