//! One atomic step of the ledger, with the time it happens at.

use std::time::Duration;

use message::{JobKey, MessageId, Part, Timestamp, Topic};

use super::super::engine::{Read, Step, from_json};
use super::super::key::{Key, Space};
use super::keys;
use super::placement::{Placement, move_slot, move_timer};
use super::progress::Progress;
use super::row::{Feeding, JobRow};
use crate::ledger::{Counts, Entry, Holder};
use crate::{StoreError, StoreOptions};

/// The longest wait between two publications of a job.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Bounds and times that a step needs, and the run it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) run: u64,
    pub(super) backlog: u64,
    pub(super) max_tries: u32,
    feed_interval: Duration,
}

impl Rules {
    pub(super) fn new(options: &StoreOptions, run: u64) -> Self {
        Self {
            run,
            backlog: options.backlog,
            max_tries: options.max_tries,
            feed_interval: options.feed_interval,
        }
    }

    /// How long to wait for progress, doubled so many times.
    pub(super) fn wait(&self, doublings: u32) -> Duration {
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let longest = LONGEST_WAIT.max(self.feed_interval);
        self.feed_interval.saturating_mul(factor).min(longest)
    }
}

/// `at` and `span`, or the end of time.
pub(super) fn later(at: Timestamp, span: Duration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// A step under way.
pub(super) struct Turn<'a, 't> {
    pub(super) step: &'a mut Step<'t>,
    pub(super) now: Timestamp,
    pub(super) rules: Rules,
    counts: Option<Counts>,
}

impl<'a, 't> Turn<'a, 't> {
    pub(super) fn new(step: &'a mut Step<'t>, now: Timestamp, rules: Rules) -> Self {
        Self {
            step,
            now,
            rules,
            counts: None,
        }
    }

    /// Writes what was counted.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        match self.counts {
            Some(counts) => self.step.put_json(Key::new(Space::LedgerCounts), &counts),
            None => Ok(()),
        }
    }

    /// The counts, to be changed.
    pub(super) fn counts(&mut self) -> Result<&mut Counts, StoreError> {
        let counts = match self.counts.take() {
            Some(counts) => counts,
            None => counts(self.step)?,
        };
        Ok(self.counts.insert(counts))
    }

    /// Keeps a job and moves it to where it belongs in the indexes.
    pub(super) fn keep_job(&mut self, row: &JobRow) -> Result<(), StoreError> {
        let key = row.job.key;
        let Part::Work(number) = key.part else {
            return Err(StoreError::Misused(format!("{key} is no work job")));
        };
        let placement = row.placement();
        self.step.put_json(keys::job(key.message, number), row)?;
        move_slot(
            self.step,
            key,
            &row.job.destination,
            row.placed.slot,
            placement.slot,
        )?;
        self.place(key, row.placed, placement)
    }

    /// Keeps what changed of an open message, and closes it when nothing is
    /// left to do. A notice job that begins is fed as `feeding` says.
    pub(super) fn keep_progress(
        &mut self,
        message: MessageId,
        mut progress: Progress,
        feeding: Feeding,
    ) -> Result<(), StoreError> {
        progress.adjust_notice(feeding);
        let (routing, notice) = (&progress.routing, &progress.notice);
        let to = routing.placement(Topic::Accepted);
        self.place(JobKey::route(message), routing.placed, to)?;
        let to = notice.placement(Topic::Outcome);
        self.place(JobKey::notice(message), notice.placed, to)?;
        if progress.is_done() {
            return self.close(message, &progress);
        }
        self.step.put_json(keys::open(message), &progress)
    }

    fn place(&mut self, job: JobKey, from: Placement, to: Placement) -> Result<(), StoreError> {
        move_timer(self.step, job, from.timer, to.timer, self.rules.run);
        if from.dead != to.dead {
            let dead = &mut self.counts()?.dead;
            *dead = if to.dead {
                *dead + 1
            } else {
                dead.saturating_sub(1)
            };
        }
        Ok(())
    }

    fn close(&mut self, message: MessageId, progress: &Progress) -> Result<(), StoreError> {
        self.step.delete(keys::open(message));
        self.step.put_json(keys::closed(message), &self.now)?;
        self.step
            .put(keys::closed_at(self.now, message), Vec::new());
        self.release(&progress.content, Holder::Entry(message))?;
        let counts = self.counts()?;
        counts.settled += 1;
        counts.in_flight = counts.in_flight.saturating_sub(1);
        Ok(())
    }
}

/// The counts.
pub(super) fn counts(read: &impl Read) -> Result<Counts, StoreError> {
    Ok(read
        .get_json(&Key::new(Space::LedgerCounts))?
        .unwrap_or_default())
}

/// What acceptance said, with when.
pub(super) fn entry(read: &impl Read, message: MessageId) -> Result<Option<Entry>, StoreError> {
    read.get_json(&keys::entry(message))
}

/// The same of a message that must be there.
pub(super) fn known_entry(read: &impl Read, message: MessageId) -> Result<Entry, StoreError> {
    entry(read, message)?.ok_or_else(|| StoreError::Corrupt {
        key: message.to_string(),
        reason: "the message has work but no entry".into(),
    })
}

/// What changes of a message; none once it is closed.
pub(super) fn progress(
    read: &impl Read,
    message: MessageId,
) -> Result<Option<Progress>, StoreError> {
    let progress = read.get_json::<Progress>(&keys::open(message))?;
    Ok(progress.map(|mut progress| {
        progress.routing.placed = progress.routing.placement(Topic::Accepted);
        progress.notice.placed = progress.notice.placement(Topic::Outcome);
        progress
    }))
}

/// The same of a message that must be open, because it has unsettled work.
pub(super) fn known_progress(read: &impl Read, message: MessageId) -> Result<Progress, StoreError> {
    progress(read, message)?.ok_or_else(|| StoreError::Corrupt {
        key: message.to_string(),
        reason: "the message has unsettled work but is closed".into(),
    })
}

/// A work job.
pub(super) fn job(read: &impl Read, key: JobKey) -> Result<Option<JobRow>, StoreError> {
    let Part::Work(number) = key.part else {
        return Ok(None);
    };
    let key = keys::job(key.message, number);
    read.get(&key)?
        .map(|value| read_job(key.as_bytes(), &value))
        .transpose()
}

fn read_job(key: &[u8], value: &[u8]) -> Result<JobRow, StoreError> {
    let mut row: JobRow = from_json(key, value)?;
    row.placed = row.placement();
    Ok(row)
}

/// The work jobs of a message, by number, until `visit` says false.
pub(super) fn each_job(
    read: &impl Read,
    message: MessageId,
    mut visit: impl FnMut(JobRow) -> bool,
) -> Result<(), StoreError> {
    read.scan(&keys::jobs(message), None, &mut |key, value| {
        Ok(visit(read_job(key, value)?))
    })
}
