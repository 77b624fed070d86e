//! The states of a job and what leads from one to the next: the table of
//! [`JobState`], as code. Routing and notice jobs obey it too.

use message::Timestamp;

use super::keys::is_due;
use crate::ledger::JobState;

/// What happens to a job.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// An instance takes it; `early` where it need not be due.
    Claim {
        now: Timestamp,
        until: Timestamp,
        early: bool,
    },
    /// Its owner goes on working.
    Renew { now: Timestamp, until: Timestamp },
    /// Its destination has no free slot.
    Park,
    /// Results: some recipient is to be tried again.
    Defer { due: Timestamp },
    /// Results: every recipient has its final outcome.
    Settle,
    /// It was tried without a result, perhaps once too often.
    GiveBack { dead: bool },
    /// An operator wants it tried now.
    Retry,
    /// An operator stops it.
    Hold,
    /// An operator lets it go on.
    Release,
    /// An operator sends it elsewhere.
    Redirect,
    /// An operator settles it.
    Overrule,
}

/// Until when the job is somebody's already.
fn held_until(state: JobState) -> Option<Timestamp> {
    use JobState::{Dead, Deferred, Held, Pending, Waiting, Working};
    match state {
        Working { until } => Some(until),
        Pending | Waiting | Deferred { .. } | Held | Dead | JobState::Settled => None,
    }
}

/// The state that `event` leads to from `state`; none where it must not happen.
pub(super) fn after(state: JobState, event: Event) -> Option<JobState> {
    let next = match event {
        Event::Claim { until, .. } => JobState::Working { until },
        Event::Renew { until, .. } => JobState::Working {
            until: held_until(state).map_or(until, |held| held.max(until)),
        },
        Event::Park => JobState::Waiting,
        Event::Defer { due } => JobState::Deferred { due },
        Event::Settle | Event::Overrule => JobState::Settled,
        Event::GiveBack { dead: true } => JobState::Dead,
        Event::GiveBack { dead: false } | Event::Retry | Event::Release | Event::Redirect => {
            JobState::Pending
        }
        Event::Hold => JobState::Held,
    };
    is_legal(state, event).then_some(next)
}

fn is_legal(state: JobState, event: Event) -> bool {
    use JobState::{Dead, Deferred, Held, Pending, Waiting, Working};
    match event {
        Event::Claim { now, early, .. } => match state {
            Pending | Waiting => true,
            Deferred { due } => early || is_due(due, now),
            Working { .. } | Held | Dead | JobState::Settled => false,
        },
        Event::Renew { now, .. } => matches!(state, Working { until } if !is_due(until, now)),
        Event::Park => matches!(state, Pending),
        // Idempotent work is done without a claim. Results that come late, but
        // before anyone else has claimed, are still the truth.
        Event::Defer { .. } | Event::Settle | Event::GiveBack { .. } => {
            matches!(state, Pending | Working { .. })
        }
        Event::Retry => matches!(state, Deferred { .. } | Dead | Waiting),
        Event::Hold => matches!(state, Pending | Waiting | Deferred { .. }),
        Event::Release => matches!(state, Held),
        // Whoever works on it may be about to succeed.
        Event::Overrule | Event::Redirect => {
            matches!(state, Pending | Waiting | Deferred { .. } | Held | Dead)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// One line per event: the states it may happen in, of `PWACDLHXS`
    /// (pending, working, lApsed lease, waiting = C, deferred = D, due = L,
    /// held, dead = X, settled).
    #[test]
    fn the_table_of_states() {
        let now = at(100);
        let states = [
            ('P', JobState::Pending),
            ('W', JobState::Working { until: at(101) }),
            ('A', JobState::Working { until: at(99) }),
            ('C', JobState::Waiting),
            ('D', JobState::Deferred { due: at(101) }),
            ('L', JobState::Deferred { due: at(100) }),
            ('H', JobState::Held),
            ('X', JobState::Dead),
            ('S', JobState::Settled),
        ];
        let until = at(200);
        let claim = |early| Event::Claim { now, until, early };
        let table = [
            (claim(false), "PCL", JobState::Working { until }),
            (claim(true), "PCDL", JobState::Working { until }),
            (
                Event::Renew { now, until },
                "W",
                JobState::Working { until },
            ),
            (Event::Park, "P", JobState::Waiting),
            (
                Event::Defer { due: until },
                "PWA",
                JobState::Deferred { due: until },
            ),
            (Event::Settle, "PWA", JobState::Settled),
            (Event::GiveBack { dead: false }, "PWA", JobState::Pending),
            (Event::GiveBack { dead: true }, "PWA", JobState::Dead),
            (Event::Retry, "CDLX", JobState::Pending),
            (Event::Hold, "PCDL", JobState::Held),
            (Event::Release, "H", JobState::Pending),
            (Event::Overrule, "PCDLHX", JobState::Settled),
            (Event::Redirect, "PCDLHX", JobState::Pending),
        ];
        for (event, legal, next) in table {
            for (letter, state) in states {
                let expected = legal.contains(letter).then_some(next);
                assert_eq!(after(state, event), expected, "{event:?} in {state:?}");
            }
        }
    }

    #[test]
    fn a_renewal_that_was_overtaken_shortens_nothing() {
        let held = JobState::Working { until: at(700) };
        let (now, until) = (at(100), at(160));
        assert_eq!(after(held, Event::Renew { now, until }), Some(held));
    }
}
