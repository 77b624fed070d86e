//! The queue as operators see it, and what they do to it.

use async_trait::async_trait;
use message::{Destination, JobKey, MessageId, Outcome, Part, Verdict};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read};
use super::super::key::{Key, KeyReader, Space};
use super::super::page::page;
use super::keys;
use super::placement::move_slot;
use super::progress::Progress;
use super::row::{Chore, Feeding, JobRow};
use super::state::{Event, after};
use super::turn::{Turn, counts, each_job, entry, job, progress};
use crate::StoreError;
use crate::ledger::{
    Attempt, Counts, Entry, Intervention, JobRecord, JobState, Queue, QueueFilter, QueueItem,
};

/// Entries that one page looks at.
const LOOKED_AT: usize = 10_000;
/// Jobs that an item shows.
const SHOWN_JOBS: usize = 100;

#[async_trait]
impl Queue for EmbeddedStore {
    async fn queue(
        &self,
        filter: &QueueFilter,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<(Vec<QueueItem>, Option<MessageId>), StoreError> {
        let filter = filter.clone();
        self.look(move |read| queue(read, &filter, after, limit))
            .await
    }

    async fn intervene(&self, key: JobKey, intervention: Intervention) -> Result<bool, StoreError> {
        self.turn(Durability::Durable, move |turn| {
            turn.intervene(key, intervention)
        })
        .await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.engine.read(|rows| counts(rows))
    }
}

impl Turn<'_, '_> {
    fn intervene(&mut self, key: JobKey, intervention: Intervention) -> Result<bool, StoreError> {
        let event = match intervention {
            Intervention::Retry => Event::Retry,
            Intervention::Hold => Event::Hold,
            Intervention::Release => Event::Release,
            Intervention::Redirect(to) => return self.redirect(key, to),
            Intervention::Bounce(outcome) => {
                let verdict = Verdict::Failed;
                return self.overrule(key, Outcome { verdict, ..outcome });
            }
            Intervention::Delete(outcome) => {
                let verdict = Verdict::Deleted;
                return self.overrule(key, Outcome { verdict, ..outcome });
            }
        };
        let now = self.now;
        if let Part::Work(_) = key.part {
            let Some(mut row) = job(self.step, key)? else {
                return Ok(false);
            };
            let allowed = row.course().operate(event, now);
            if allowed {
                row.parked_at = None;
                self.keep_job(&row)?;
            }
            return Ok(allowed);
        }
        let Some(mut progress) = progress(self.step, key.message)? else {
            return Ok(false);
        };
        let course = progress.course(key.part);
        let allowed = course.is_some_and(|course| course.operate(event, now));
        if allowed {
            self.keep_progress(key.message, progress, Feeding::default())?;
        }
        Ok(allowed)
    }

    /// An operator sends a job to another destination.
    fn redirect(&mut self, key: JobKey, to: Destination) -> Result<bool, StoreError> {
        let now = self.now;
        let Some(mut row) = job(self.step, key)? else {
            return Ok(false);
        };
        let remote = |destination: &Destination| *destination != Destination::Local;
        if !remote(&row.job.destination) || !remote(&to) {
            return Ok(false);
        }
        if !row.course().operate(Event::Redirect, now) {
            return Ok(false);
        }
        let left = row.placed.slot.take();
        move_slot(self.step, key, &row.job.destination, left, None)?;
        row.add_attempts(vec![Attempt {
            at: now,
            host: None,
            peer: None,
            tls: None,
            result: format!(
                "redirected by the operator: from {} to {to}",
                row.job.destination
            ),
        }]);
        row.job.destination = to;
        row.job.generation += 1;
        row.feeding = Feeding::by_feeder(now);
        row.parked_at = None;
        self.keep_job(&row)?;
        Ok(true)
    }

    /// An operator settles what is open of a job.
    fn overrule(&mut self, key: JobKey, outcome: Outcome) -> Result<bool, StoreError> {
        if let Part::Work(_) = key.part {
            return match job(self.step, key)? {
                Some(row) => self.overrule_job(row, &outcome),
                None => Ok(false),
            };
        }
        let Some(mut progress) = progress(self.step, key.message)? else {
            return Ok(false);
        };
        let allowed = progress
            .chore(key.part)
            .is_some_and(|chore| after(chore.state, Event::Overrule).is_some());
        match key.part {
            Part::Route if allowed => {
                self.settle_unrouted(key.message, progress, &outcome)?;
                Ok(true)
            }
            Part::Notice if allowed && outcome.verdict == Verdict::Deleted => {
                self.drop_notices(key.message, &mut progress)?;
                self.keep_progress(key.message, progress, Feeding::default())?;
                Ok(true)
            }
            Part::Route | Part::Notice | Part::Work(_) => Ok(false),
        }
    }

    fn overrule_job(&mut self, mut row: JobRow, outcome: &Outcome) -> Result<bool, StoreError> {
        let Some(state) = after(row.job.state, Event::Overrule) else {
            return Ok(false);
        };
        let open: Vec<u32> = row.job.open_recipients().map(|(index, _)| index).collect();
        for index in &open {
            if let Some(recipient) = row.job.recipients.get_mut(*index as usize) {
                recipient.outcome = Some(outcome.clone());
            }
        }
        row.job.state = state;
        row.job.warn_at = None;
        row.feeding = Feeding::default();
        self.keep_job(&row)?;
        self.settle(&row, &open, Feeding::by_feeder(self.now))?;
        Ok(true)
    }
}

fn queue(
    read: &impl Read,
    filter: &QueueFilter,
    after: Option<MessageId>,
    limit: usize,
) -> Result<(Vec<QueueItem>, Option<MessageId>), StoreError> {
    if let Some(message) = filter.message {
        let wanted = after.is_none_or(|after| after < message) && limit > 0;
        let found = wanted.then(|| item(read, filter, message)).transpose()?;
        return Ok((found.flatten().into_iter().collect(), None));
    }
    let prefix = Key::new(Space::LedgerOpen);
    let start = after.map(keys::open);
    let looked_at = if *filter == QueueFilter::default() {
        limit.min(LOOKED_AT)
    } else {
        LOOKED_AT
    };
    let open = page(read, &prefix, start.as_ref(), looked_at + 1, |key, _| {
        Ok(MessageId::from_bits(KeyReader::new(key).u128()?))
    })?;
    let mut items = Vec::new();
    let mut last = None;
    for message in open.iter().take(looked_at) {
        if items.len() >= limit {
            return Ok((items, last));
        }
        items.extend(item(read, filter, *message)?);
        last = Some(*message);
    }
    Ok((items, last.filter(|_| open.len() > looked_at)))
}

/// A message of the queue with its jobs, if the filter lets it pass.
fn item(
    read: &impl Read,
    filter: &QueueFilter,
    message: MessageId,
) -> Result<Option<QueueItem>, StoreError> {
    let (Some(entry), Some(progress)) = (entry(read, message)?, progress(read, message)?) else {
        return Ok(None);
    };
    if !filter.fits_entry(&entry) {
        return Ok(None);
    }
    let mut jobs = chores(&progress, &entry);
    let mut all_settled = jobs.is_empty();
    jobs.retain(|job| filter.fits_job(&entry, job));
    each_job(read, message, |row| {
        let open = row.job.state != JobState::Settled;
        all_settled &= !open;
        if open && filter.fits_job(&entry, &row.job) {
            jobs.push(row.job);
        }
        jobs.len() < SHOWN_JOBS
    })?;
    let fits = !jobs.is_empty() || (all_settled && filter.fits_without_jobs(&entry));
    Ok(fits.then(|| QueueItem {
        routed: progress.is_routed(),
        notice_owed: progress.is_routed() && progress.unsettled == 0 && progress.owes(),
        entry,
        jobs,
    }))
}

/// The routing job of an unrouted message, and a notice job that is stopped.
pub(super) fn chores(progress: &Progress, entry: &Entry) -> Vec<JobRecord> {
    let message = entry.acceptance.message;
    let routing = progress
        .chore(Part::Route)
        .map(|chore| chore_record(JobKey::route(message), chore, entry));
    let notice = progress
        .chore(Part::Notice)
        .filter(|chore| chore.state != JobState::Pending)
        .map(|chore| chore_record(JobKey::notice(message), chore, entry));
    routing.into_iter().chain(notice).collect()
}

/// A routing or notice job in the form of a work job, for operators.
pub(super) fn chore_record(key: JobKey, chore: &Chore, entry: &Entry) -> JobRecord {
    JobRecord {
        state: chore.state,
        tries: chore.tries,
        log: chore.log.clone(),
        ..JobRecord::of_chore(key, entry)
    }
}
