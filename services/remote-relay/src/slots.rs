//! Slots: how many attempts may run, altogether and per destination.
//!
//! Bounded by construction: a destination is remembered only while it has a
//! slot in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use message::Destination;
use tokio::sync::Notify;

/// All slots of this process.
pub(crate) struct Slots {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    free: usize,
    used: HashMap<Destination, Use>,
    /// Somebody found no slot at all since the last look.
    crowded: bool,
}

#[derive(Default)]
struct Use {
    slots: usize,
    /// When an attempt last got through, by the monotonic clock.
    talked: Option<Duration>,
}

/// The right to one attempt at a time; given back when dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    destination: Destination,
}

impl Slots {
    pub(crate) fn new(total: usize) -> Arc<Self> {
        let state = State {
            free: total,
            used: HashMap::new(),
            crowded: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            freed: Notify::new(),
        })
    }

    /// A slot for `destination`, of which it may have `limit`.
    pub(crate) fn take(self: &Arc<Self>, destination: &Destination, limit: usize) -> Option<Slot> {
        let mut state = self.state();
        if state
            .used
            .get(destination)
            .is_some_and(|used| used.slots >= limit)
        {
            return None;
        }
        if state.free == 0 {
            state.crowded = true;
            return None;
        }
        state.free -= 1;
        state.used.entry(destination.clone()).or_default().slots += 1;
        Some(Slot {
            slots: Arc::clone(self),
            destination: destination.clone(),
        })
    }

    /// Whether none is free.
    pub(crate) fn are_taken(&self) -> bool {
        self.state().free == 0
    }

    /// Waits until a slot is given back that others lacked.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Whose slot it is.
    pub(crate) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Whether other destinations wait for slots: then a slot is given back
    /// after each job, so that none is served before its turn.
    pub(crate) fn is_wanted(&self) -> bool {
        self.slots.state().crowded
    }

    /// Notes that the destination talked to us at `now`.
    pub(crate) fn note_talk(&self, now: Duration) {
        if let Some(used) = self.slots.state().used.get_mut(&self.destination) {
            used.talked = Some(now);
        }
    }

    /// Whether the destination talked to anyone of us since `then`.
    pub(crate) fn talked_since(&self, then: Duration) -> bool {
        let state = self.slots.state();
        let talked = state
            .used
            .get(&self.destination)
            .and_then(|used| used.talked);
        talked.is_some_and(|at| at >= then)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.state();
        state.free += 1;
        if let Some(used) = state.used.get_mut(&self.destination) {
            used.slots -= 1;
            if used.slots == 0 {
                state.used.remove(&self.destination);
            }
        }
        if std::mem::take(&mut state.crowded) {
            self.slots.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_destination_takes_more_than_its_share() {
        let slots = Slots::new(3);
        let (one, two) = (
            "one.example".parse().unwrap(),
            "two.example".parse().unwrap(),
        );
        let first = slots.take(&one, 2).unwrap();
        let _second = slots.take(&one, 2).unwrap();
        assert!(slots.take(&one, 2).is_none(), "its limit");
        assert!(!first.is_wanted());
        let _third = slots.take(&two, 2).unwrap();
        assert!(slots.take(&two, 2).is_none(), "the limit of all");
        assert!(first.is_wanted());
        drop(first);
        assert!(slots.take(&two, 2).is_some());
    }

    #[test]
    fn idle_destinations_are_forgotten() {
        let slots = Slots::new(10);
        let name = "one.example".parse().unwrap();
        let slot = slots.take(&name, 1).unwrap();
        slot.note_talk(Duration::from_secs(5));
        assert!(slot.talked_since(Duration::from_secs(5)));
        assert!(!slot.talked_since(Duration::from_secs(6)));
        drop(slot);
        assert!(slots.state().used.is_empty());
    }
}
