//! Clock and randomness of the system: the one place where ambient time is
//! read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use message::time::Sleep;
use message::{Clock, Randomness, Timestamp};

/// The clock of the system, but that the time of day never goes backwards.
///
/// What sleeps in the store until a time of day would sleep longer if that time
/// came later: a night, where somebody sets the clock back by a night. After such
/// a step the time shown goes on at half speed until the system's has caught up,
/// so that nothing takes more than twice as long, and no time is shown twice.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
    shown: Arc<Mutex<Shown>>,
}

/// The last time of day shown, and when that was.
#[derive(Debug, Clone, Copy)]
struct Shown {
    time: Timestamp,
    at: Duration,
}

impl Shown {
    /// What is shown when the system has `system`, at `at` of monotonic time.
    fn next(self, system: Timestamp, at: Duration) -> Self {
        let least = self.time + at.saturating_sub(self.at) / 2;
        Self {
            time: least.max(system),
            at: at.max(self.at),
        }
    }
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the clock that is injected"
    )]
    pub fn new() -> Self {
        let shown = Shown {
            time: Timestamp::now(),
            at: Duration::ZERO,
        };
        Self {
            start: Instant::now(),
            shown: Arc::new(Mutex::new(shown)),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the clock that is injected"
    )]
    fn now(&self) -> Timestamp {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = shown.next(Timestamp::now(), self.monotonic());
        shown.time
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, span: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(span))
    }
}

/// The random source of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, octets: &mut [u8]) {
        getrandom::fill(octets).expect("the system's random source never fails once it is seeded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_gives_time_and_chance() {
        let clock = SystemClock::new();
        assert!(clock.now().as_second() > 1_700_000_000);
        let before = clock.monotonic();
        assert!(clock.monotonic() >= before);
        let (mut one, mut two) = ([0; 16], [0; 16]);
        SystemRandomness.fill(&mut one);
        SystemRandomness.fill(&mut two);
        assert_ne!(one, two);
    }

    /// Goes through the system's time of day at each minute, and tells what is
    /// shown.
    fn check(system: &[&str], expected: &[&str]) {
        let time = |text: &&str| -> Timestamp { format!("2026-11-23T{text}Z").parse().unwrap() };
        let mut shown = Shown {
            time: time(&system[0]),
            at: Duration::ZERO,
        };
        for ((minute, system), expected) in (0..).zip(system).zip(expected) {
            shown = shown.next(time(system), Duration::from_secs(60 * minute));
            assert_eq!(shown.time, time(expected), "at minute {minute}");
        }
    }

    #[test]
    fn the_time_of_day_follows_the_systems_forward_at_once() {
        let times = ["12:00:00", "12:01:00", "15:02:00", "15:03:00"];
        check(&times, &times);
    }

    #[test]
    fn set_back_it_goes_on_slowly_until_the_systems_has_caught_up() {
        check(
            &[
                "12:00:00", "12:01:00", "12:00:00", "12:01:00", "12:02:00", "12:03:00", "12:04:00",
            ],
            &[
                "12:00:00", "12:01:00", "12:01:30", "12:02:00", "12:02:30", "12:03:00", "12:04:00",
            ],
        );
    }
}
