//! Feeding: timers that are due, work of earlier runs, leases by name.

use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use message::{Destination, Job, JobKey, Part, Topic};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read};
use super::super::key::Key;
use super::keys::{self, is_due, micros};
use super::placement::{Alarm, read_timer_value};
use super::row::{Feeding, JobRow};
use super::turn::{Turn, entry, job, known_progress, later, progress};
use crate::StoreError;
use crate::ledger::{Feed, JobState, Publication};

/// Timers that one step works off.
const STEP_TIMERS: usize = 256;
/// Timers that one search for work of earlier runs looks at.
const SEARCHED_TIMERS: usize = 10_000;

/// How far the search for work of earlier runs has come. Such work is overdue
/// whatever its timer says: nobody can be at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Recovery {
    #[default]
    FromStart,
    /// Up to and including this timer.
    After(Key),
    Done,
}

/// What a look at the timers found.
#[derive(Default)]
struct Found {
    /// Jobs to publish, the oldest first.
    publish: Vec<JobKey>,
    /// Timers that a step has to work off first.
    work_off: Vec<(JobKey, u64)>,
}

#[async_trait]
impl Feed for EmbeddedStore {
    async fn overdue(&self, limit: usize, skip: &[Topic]) -> Result<Vec<Publication>, StoreError> {
        loop {
            let now = micros(self.clock.now());
            let mut found = self
                .engine
                .read(|read| due_timers(read, now, limit, skip))?;
            if found.work_off.is_empty() && found.publish.len() < limit {
                found.work_off = self.search(limit - found.publish.len()).await?;
            }
            if found.work_off.is_empty() {
                return self.publications(found.publish).await;
            }
            let timers = found.work_off;
            self.turn(Durability::Relaxed, move |turn| {
                timers
                    .into_iter()
                    .try_for_each(|(job, at)| turn.work_off(job, at))
            })
            .await?;
        }
    }

    async fn publication(&self, key: JobKey) -> Result<Option<Publication>, StoreError> {
        self.engine.read(|read| publication(read, key))
    }

    async fn fed(&self, publications: &[Publication]) -> Result<(), StoreError> {
        let fed: Vec<(Job, u32)> = publications
            .iter()
            .map(|publication| (publication.job, publication.publication))
            .collect();
        self.turn(Durability::Relaxed, move |turn| {
            fed.into_iter()
                .try_for_each(|(job, number)| turn.fed(job, number))
        })
        .await
    }

    async fn lease(&self, name: &str, owner: &str, span: Duration) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut leases = self
            .ledger
            .leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let taken = leases
            .get(name)
            .is_some_and(|(holder, until)| holder != owner && !is_due(*until, now));
        if !taken {
            leases.insert(name.to_owned(), (owner.to_owned(), later(now, span)));
        }
        Ok(!taken)
    }
}

impl EmbeddedStore {
    /// Timers of earlier runs, about `limit` of them, that are not due yet but
    /// are to be worked off now.
    async fn search(&self, limit: usize) -> Result<Vec<(JobKey, u64)>, StoreError> {
        let run = self.run().await?;
        let recovery = || {
            let state = self.ledger.recovery.lock();
            state.unwrap_or_else(PoisonError::into_inner)
        };
        loop {
            let start = match recovery().clone() {
                Recovery::Done => return Ok(Vec::new()),
                Recovery::FromStart => None,
                Recovery::After(key) => Some(key),
            };
            let (found, reached) = self
                .engine
                .read(|read| earlier_timers(read, start.as_ref(), run, limit))?;
            *recovery() = reached;
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn publications(&self, jobs: Vec<JobKey>) -> Result<Vec<Publication>, StoreError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.look(move |read| {
            let found = jobs.into_iter().map(|key| publication(read, key));
            found.filter_map(Result::transpose).collect()
        })
        .await
    }
}

impl Turn<'_, '_> {
    /// Does what a timer set for `at` asks for. A timer that its job does not
    /// know is removed, or it would be found again for ever.
    fn work_off(&mut self, key: JobKey, at: u64) -> Result<(), StoreError> {
        let known = match key.part {
            Part::Work(_) => self.work_off_job(key, at)?,
            Part::Route | Part::Notice => self.work_off_chore(key, at)?,
        };
        if !known {
            tracing::warn!(job = %key, "a timer was left of a job that does not have it");
            self.step.delete(keys::timer(at, key));
        }
        Ok(())
    }

    fn work_off_chore(&mut self, key: JobKey, at: u64) -> Result<bool, StoreError> {
        let Some(mut progress) = progress(self.step, key.message)? else {
            return Ok(false);
        };
        let chore = match key.part {
            Part::Route => &mut progress.routing,
            Part::Notice | Part::Work(_) => &mut progress.notice,
        };
        if chore.placed.timer.is_none_or(|timer| timer.at != at) {
            return Ok(false);
        }
        chore.feeding.at = Some(self.now);
        self.keep_progress(key.message, progress, Feeding::default())?;
        Ok(true)
    }

    fn work_off_job(&mut self, key: JobKey, at: u64) -> Result<bool, StoreError> {
        let Some(mut row) = job(self.step, key)? else {
            return Ok(false);
        };
        let Some(timer) = row.placed.timer.filter(|timer| timer.at == at) else {
            return Ok(false);
        };
        let (now, rules) = (self.now, self.rules);
        match timer.alarm {
            Alarm::Publish(_) => row.feeding.at = Some(now),
            Alarm::Expire => {
                let problem = "the worker's lease expired without a result";
                row.course().give_back(problem, false, now, &rules);
            }
            Alarm::Warn => {
                let mut progress = known_progress(self.step, key.message)?;
                self.warn(&mut progress, &mut row);
                self.keep_progress(key.message, progress, Feeding::by_feeder(now))?;
            }
        }
        self.keep_job(&row)?;
        Ok(true)
    }

    fn fed(&mut self, job: Job, publication: u32) -> Result<(), StoreError> {
        let (now, rules) = (self.now, self.rules);
        if let Part::Work(_) = job.key.part {
            let row = super::turn::job(self.step, job.key)?;
            if let Some(mut row) = row.filter(|row| row.job.generation == job.generation) {
                row.course().fed(publication, now, &rules);
                self.keep_job(&row)?;
            }
            return Ok(());
        }
        if let Some(mut progress) = progress(self.step, job.key.message)?
            && let Some(course) = progress.course(job.key.part)
        {
            course.fed(publication, now, &rules);
            self.keep_progress(job.key.message, progress, Feeding::default())?;
        }
        Ok(())
    }
}

/// The timers that are due: of jobs to publish at most `limit`, and none for
/// the topics in `skip`; of others a step's worth.
fn due_timers(
    read: &impl Read,
    now: u64,
    limit: usize,
    skip: &[Topic],
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    if limit == 0 {
        return Ok(found);
    }
    read.scan(&keys::timers(), None, &mut |key, value| {
        let (at, job) = keys::read_timer(key)?;
        if at > now {
            return Ok(false);
        }
        match read_timer_value(key, value)?.0 {
            Alarm::Publish(topic) if skip.contains(&topic) => {}
            Alarm::Publish(_) => found.publish.push(job),
            Alarm::Expire | Alarm::Warn => found.work_off.push((job, at)),
        }
        Ok(found.publish.len() < limit && found.work_off.len() < STEP_TIMERS)
    })?;
    Ok(found)
}

/// About `limit` timers above `start` that an earlier run set on jobs that it
/// had published or worked on, and how far the search came.
fn earlier_timers(
    read: &impl Read,
    start: Option<&Key>,
    run: u64,
    limit: usize,
) -> Result<(Vec<(JobKey, u64)>, Recovery), StoreError> {
    let mut found = Vec::new();
    let mut looked_at = 0;
    let mut reached = Recovery::Done;
    read.scan(&keys::timers(), start, &mut |key, value| {
        let (at, job) = keys::read_timer(key)?;
        let (alarm, set_in) = read_timer_value(key, value)?;
        if set_in != run && alarm != Alarm::Warn {
            found.push((job, at));
        }
        looked_at += 1;
        let full = found.len() >= limit.min(STEP_TIMERS) || looked_at >= SEARCHED_TIMERS;
        if full {
            reached = Recovery::After(Key::read(key));
        }
        Ok(!full)
    })?;
    Ok((found, reached))
}

fn publication(read: &impl Read, key: JobKey) -> Result<Option<Publication>, StoreError> {
    let Some(entry) = entry(read, key.message)? else {
        return Ok(None);
    };
    let (generation, feeding, destination) = match key.part {
        Part::Work(_) => match job(read, key)? {
            Some(JobRow { job, feeding, .. }) if job.state == JobState::Pending => {
                (job.generation, feeding, Some(job.destination))
            }
            Some(_) | None => return Ok(None),
        },
        Part::Route | Part::Notice => {
            let progress = progress(read, key.message)?;
            let chore = progress
                .as_ref()
                .and_then(|progress| progress.chore(key.part));
            match chore.filter(|chore| chore.state == JobState::Pending) {
                Some(chore) => (0, chore.feeding, None),
                None => return Ok(None),
            }
        }
    };
    Ok(Some(Publication {
        job: Job { key, generation },
        topic: topic(key.part, destination.as_ref()),
        publication: feeding.published,
        due: feeding.at,
        trace: entry.acceptance.trace,
        destination,
    }))
}

fn topic(part: Part, destination: Option<&Destination>) -> Topic {
    match part {
        Part::Route => Topic::Accepted,
        Part::Notice => Topic::Outcome,
        Part::Work(_) => destination.map_or(Topic::Remote, Destination::topic),
    }
}
