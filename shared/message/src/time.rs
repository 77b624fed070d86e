//! Clock and randomness as arguments, so that five days of retries run in
//! milliseconds of test and a failing run can be repeated.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub use jiff::Timestamp;

/// A sleep that a [`Clock`] gives.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The time of day (UTC). It may be stepped by an administrator.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, which never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Completes once [`Clock::monotonic`] has advanced by `span`.
    fn sleep(&self, span: Duration) -> Sleep;
}

/// Where random octets come from.
pub trait Randomness: Send + Sync {
    /// Fills all of `octets`.
    fn fill(&self, octets: &mut [u8]);

    /// A number from 0 (included) to 1 (excluded), for jitter.
    fn fraction(&self) -> f64 {
        let mut octets = [0; 8];
        self.fill(&mut octets);
        (u64::from_be_bytes(octets) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A clock for tests: it stands still until it is advanced.
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<ManualState>>);

struct ManualState {
    start: Timestamp,
    elapsed: Duration,
    sleepers: Vec<(Duration, Waker)>,
}

impl ManualClock {
    /// A clock that shows `rfc3339`.
    ///
    /// # Panics
    /// If `rfc3339` is not a time.
    pub fn at(rfc3339: &str) -> Self {
        let start = rfc3339
            .parse()
            .expect("a time such as 2026-11-23T15:05:00Z");
        Self(Arc::new(Mutex::new(ManualState {
            start,
            elapsed: Duration::ZERO,
            sleepers: Vec::new(),
        })))
    }

    /// Moves time on and wakes who slept until then.
    pub fn advance(&self, span: Duration) {
        let mut state = self.state();
        state.elapsed += span;
        let elapsed = state.elapsed;
        state.sleepers.retain(|(until, waker)| {
            let asleep = *until > elapsed;
            if !asleep {
                waker.wake_by_ref();
            }
            asleep
        });
    }

    /// Sets the time of day on, or back, as an administrator does; nobody
    /// sleeps shorter or longer for it.
    pub fn step(&self, span: jiff::SignedDuration) {
        self.state().start += span;
    }

    fn state(&self) -> MutexGuard<'_, ManualState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let state = self.state();
        state.start + state.elapsed
    }

    fn monotonic(&self) -> Duration {
        self.state().elapsed
    }

    fn sleep(&self, span: Duration) -> Sleep {
        let until = self.state().elapsed + span;
        Box::pin(ManualSleep {
            clock: self.clone(),
            until,
        })
    }
}

struct ManualSleep {
    clock: ManualClock,
    until: Duration,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.elapsed >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.push((self.until, context.waker().clone()));
        Poll::Pending
    }
}

/// Randomness for tests: the same seed gives the same octets (SplitMix64).
pub struct SeededRandomness(Mutex<u64>);

impl SeededRandomness {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, octets: &mut [u8]) {
        for chunk in octets.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
