//! Clock and randomness of the system: the one place where ambient time is
//! read.

use std::time::{Duration, Instant};

use message::time::Sleep;
use message::{Clock, Randomness, Timestamp};

/// The clock of the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the clock that is injected"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
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
        Timestamp::now()
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
}
