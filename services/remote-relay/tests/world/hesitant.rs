//! A process that stands still now and then, while the rest of the world goes on
//! at its pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use message::time::{ManualClock, Sleep};
use message::{Clock, Timestamp};

/// By how many seconds each look at the clock is later than the one before.
#[derive(Clone, Default)]
pub(crate) struct Hesitation(Arc<AtomicU64>);

impl Hesitation {
    pub(crate) fn set(&self, span: Duration) {
        self.0.store(span.as_secs(), Ordering::SeqCst);
    }

    /// The clock of such a process.
    pub(crate) fn clock(&self, clock: &ManualClock) -> Hesitant {
        Hesitant {
            clock: clock.clone(),
            hesitation: self.clone(),
            stood: AtomicU64::new(0),
        }
    }
}

pub(crate) struct Hesitant {
    clock: ManualClock,
    hesitation: Hesitation,
    /// For how many seconds it has stood still in all.
    stood: AtomicU64,
}

impl Clock for Hesitant {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        let more = self.hesitation.0.load(Ordering::SeqCst);
        let stood = self.stood.fetch_add(more, Ordering::SeqCst);
        self.clock.monotonic() + Duration::from_secs(stood + more)
    }

    fn sleep(&self, span: Duration) -> Sleep {
        self.clock.sleep(span)
    }
}
