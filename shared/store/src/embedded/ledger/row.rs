//! A job as it is kept, and what all jobs have in common.

use std::time::Duration;

use message::{Diagnostic, JobKey, Timestamp, Topic};
use serde::{Deserialize, Serialize};

use super::keys::micros;
use super::placement::{Alarm, Class, Placement, Slot, Timer};
use super::state::{Event, after};
use super::turn::{Rules, later};
use super::wishes::Wishes;
use crate::ledger::{Attempt, JobRecord, JobState, NewJob};

/// Of a long log, so many attempts are kept from its beginning,
const FIRST_ATTEMPTS: usize = 5;
/// and so many from its end.
const LAST_ATTEMPTS: usize = 15;

/// How far the publication of a pending job has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Feeding {
    /// How often this generation was published.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) published: u32,
    /// When the feeder publishes it next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
}

impl Feeding {
    /// Whoever made the job pending publishes it, too.
    pub(super) fn by_caller(now: Timestamp, rules: &Rules) -> Self {
        Self {
            published: 1,
            at: Some(later(now, rules.wait(0))),
        }
    }

    /// Nobody else publishes it.
    pub(super) fn by_feeder(now: Timestamp) -> Self {
        Self {
            published: 0,
            at: Some(now),
        }
    }
}

/// A work job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct JobRow {
    pub(super) job: JobRecord,
    pub(super) accepted_at: Timestamp,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) feeding: Feeding,
    /// What is to be told of its recipients.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) wishes: Wishes,
    /// Since when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parked_at: Option<Timestamp>,
    /// Where the indexes have it.
    #[serde(skip)]
    pub(super) placed: Placement,
}

impl JobRow {
    /// A job of a new route, which the caller publishes.
    pub(super) fn new(key: JobKey, job: NewJob, accepted_at: Timestamp, feeding: Feeding) -> Self {
        Self {
            job: JobRecord::new(key, job),
            accepted_at,
            feeding,
            wishes: Wishes::default(),
            parked_at: None,
            placed: Placement::default(),
        }
    }

    /// Where the indexes are to have it.
    pub(super) fn placement(&self) -> Placement {
        let slot = |class, at| {
            Some(Slot {
                class,
                at: micros(at),
            })
        };
        let topic = self.job.destination.topic();
        let mut placement = placement(self.job.state, &self.feeding, topic);
        match self.job.state {
            JobState::Waiting => {
                placement.slot = slot(Class::Waiting, self.parked_at.unwrap_or(self.accepted_at));
            }
            JobState::Deferred { due } => {
                placement.slot = slot(Class::Deferred, due);
                placement.timer = self.job.warn_at.map(|at| timer(Alarm::Warn, at));
            }
            JobState::Pending
            | JobState::Working { .. }
            | JobState::Held
            | JobState::Dead
            | JobState::Settled => {}
        }
        placement
    }

    /// What it has in common with all jobs.
    pub(super) fn course(&mut self) -> Course<'_> {
        Course {
            state: &mut self.job.state,
            tries: &mut self.job.tries,
            feeding: &mut self.feeding,
            log: &mut self.job.log,
        }
    }

    pub(super) fn add_attempts(&mut self, attempts: Vec<Attempt>) {
        add_attempts(&mut self.job.log, attempts);
    }
}

/// The routing or notice job of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chore {
    #[serde(flatten)]
    pub(super) state: JobState,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) tries: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) feeding: Feeding,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) log: Vec<Attempt>,
    /// Where the indexes have it.
    #[serde(skip)]
    pub(super) placed: Placement,
}

/// A chore with nothing to do.
impl Default for Chore {
    fn default() -> Self {
        Self {
            state: JobState::Settled,
            tries: 0,
            feeding: Feeding::default(),
            log: Vec::new(),
            placed: Placement::default(),
        }
    }
}

impl Chore {
    /// A chore to be done.
    pub(super) fn pending(feeding: Feeding) -> Self {
        Self {
            state: JobState::Pending,
            feeding,
            ..Self::default()
        }
    }

    /// Where the indexes are to have it, being fed to `topic`.
    pub(super) fn placement(&self, topic: Topic) -> Placement {
        placement(self.state, &self.feeding, topic)
    }

    /// What it has in common with all jobs.
    pub(super) fn course(&mut self) -> Course<'_> {
        Course {
            state: &mut self.state,
            tries: &mut self.tries,
            feeding: &mut self.feeding,
            log: &mut self.log,
        }
    }
}

/// What every job has: its state, its tries, its publications.
pub(super) struct Course<'r> {
    state: &'r mut JobState,
    tries: &'r mut u32,
    feeding: &'r mut Feeding,
    log: &'r mut Vec<Attempt>,
}

impl Course<'_> {
    /// An operator's event; false where the state does not allow it. What
    /// becomes pending is the feeder's to publish.
    pub(super) fn operate(self, event: Event, now: Timestamp) -> bool {
        let Some(state) = after(*self.state, event) else {
            return false;
        };
        *self.state = state;
        if matches!(event, Event::Retry | Event::Redirect) {
            *self.tries = 0;
        }
        self.feeding.at = matches!(state, JobState::Pending).then_some(now);
        true
    }

    /// A try ended without a result; false where nobody can have tried.
    pub(super) fn give_back(
        self,
        problem: &str,
        after_wait: bool,
        now: Timestamp,
        rules: &Rules,
    ) -> bool {
        let dead = *self.tries + 1 > rules.max_tries;
        let Some(state) = after(*self.state, Event::GiveBack { dead }) else {
            return false;
        };
        *self.state = state;
        *self.tries += 1;
        let doublings = self.feeding.published.max(*self.tries) - 1;
        let wait = if after_wait {
            rules.wait(doublings)
        } else {
            Duration::ZERO
        };
        self.feeding.at = (!dead).then(|| later(now, wait));
        let attempt = Attempt {
            at: now,
            host: None,
            peer: None,
            tls: None,
            result: Diagnostic::ours(problem).text().to_owned(),
        };
        add_attempts(self.log, vec![attempt]);
        true
    }

    /// Publication number `publication` of a pending job was made.
    pub(super) fn fed(self, publication: u32, now: Timestamp, rules: &Rules) {
        if matches!(self.state, JobState::Pending) && self.feeding.published == publication {
            self.feeding.published = publication.saturating_add(1);
            self.feeding.at = Some(later(now, rules.wait(publication)));
        }
    }
}

/// Whether a part of a row need not be written.
pub(super) fn is_default<T: Default + PartialEq>(part: &T) -> bool {
    *part == T::default()
}

fn placement(state: JobState, feeding: &Feeding, topic: Topic) -> Placement {
    let timer = match state {
        JobState::Pending => feeding.at.map(|at| timer(Alarm::Publish(topic), at)),
        JobState::Working { until } => Some(timer(Alarm::Expire, until)),
        JobState::Waiting
        | JobState::Deferred { .. }
        | JobState::Held
        | JobState::Dead
        | JobState::Settled => None,
    };
    Placement {
        timer,
        slot: None,
        dead: matches!(state, JobState::Dead),
    }
}

fn timer(alarm: Alarm, at: Timestamp) -> Timer {
    Timer {
        at: micros(at),
        alarm,
    }
}

fn add_attempts(log: &mut Vec<Attempt>, attempts: Vec<Attempt>) {
    log.extend(attempts);
    if log.len() > FIRST_ATTEMPTS + LAST_ATTEMPTS {
        log.drain(FIRST_ATTEMPTS..log.len() - LAST_ATTEMPTS);
    }
}
