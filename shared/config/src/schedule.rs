//! When a temporary failure is tried again, and when it has lasted too long.

use std::time::Duration;

use message::Timestamp;

use crate::relay::Policy;

/// The next attempt, and what the sender hears meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The next attempt; never after `until`, so that the last one is made then.
    pub due: Timestamp,
    /// From when on the sender is told of the delay.
    pub warn_at: Timestamp,
    /// When retrying ends.
    pub until: Timestamp,
}

/// A message as its schedule sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Whether its return path is null, so that giving up troubles nobody.
    pub null_sender: bool,
    /// The attempts made so far, the one that just failed included.
    pub attempts: u32,
}

impl Policy {
    /// What follows an attempt that failed temporarily at `now`; none when it
    /// was the last. `fraction` (0 to 1) is drawn anew for each call.
    pub fn after(&self, waiting: Waiting, now: Timestamp, fraction: f64) -> Option<Schedule> {
        let give_up = if waiting.null_sender {
            self.give_up_after_null
        } else {
            self.give_up_after
        };
        let until = waiting.accepted_at + give_up.duration();
        let spent = self
            .max_attempts
            .is_some_and(|most| waiting.attempts >= most);
        if spent || now >= until {
            return None;
        }
        Some(Schedule {
            due: (now + self.pause(waiting.attempts, fraction)).min(until),
            warn_at: waiting.accepted_at + self.warn_after.duration(),
            until,
        })
    }

    /// How long to wait after so many attempts: the first retry's pause,
    /// doubled each time up to the longest, and spread by the jitter.
    pub fn pause(&self, attempts: u32, fraction: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(30);
        let pause = self
            .first_retry
            .duration()
            .saturating_mul(1 << doublings)
            .min(self.max_retry.duration());
        pause.mul_f64(1.0 + self.jitter * (2.0 * fraction - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Relay;

    fn policy() -> Policy {
        Relay::default().policy(&"example.org".parse().unwrap())
    }

    #[test]
    fn pauses_double_from_five_minutes_to_four_hours() {
        let minutes = |attempts| policy().pause(attempts, 0.5).as_secs() / 60;
        let pauses: Vec<_> = (1..=8).map(minutes).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 240, 240]);
        assert_eq!(policy().pause(1, 0.0).as_secs(), 240);
        assert_eq!(policy().pause(1, 1.0).as_secs(), 360);
    }

    #[test]
    fn the_last_attempt_is_made_when_time_is_up() {
        let accepted_at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let after = |null_sender, attempts, now: &str| {
            let waiting = Waiting {
                accepted_at,
                null_sender,
                attempts,
            };
            policy().after(waiting, now.parse().unwrap(), 0.5)
        };
        let first = after(false, 1, "2026-11-23T12:00:00Z").unwrap();
        assert_eq!(first.due.to_string(), "2026-11-23T12:05:00Z");
        assert_eq!(first.warn_at.to_string(), "2026-11-23T16:00:00Z");
        assert_eq!(first.until.to_string(), "2026-11-28T12:00:00Z");
        let late = after(false, 40, "2026-11-28T11:00:00Z").unwrap();
        assert_eq!(late.due, late.until);
        assert_eq!(after(false, 41, "2026-11-28T12:00:00Z"), None);
        assert_eq!(after(true, 9, "2026-11-24T12:00:00Z"), None);
        let few = Policy {
            max_attempts: Some(2),
            ..policy()
        };
        let waiting = Waiting {
            accepted_at,
            null_sender: false,
            attempts: 2,
        };
        assert_eq!(few.after(waiting, accepted_at, 0.5), None);
    }
}
