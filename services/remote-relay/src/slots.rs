//! Slots: how many attempts may run, altogether and per destination.
//!
//! A destination that answered the last time is *proven*. The others, new ones
//! and those that hang, have slots of their own, and few each: an attempt at a
//! host that never says a word may last minutes, and any number of those must
//! not use up the slots of hosts that answer (promise 5). The fuller it gets,
//! the fewer a single destination may have, so that none is left without.
//!
//! Bounded by construction: a destination is remembered while it has a slot in
//! use, and a set number of proven ones beyond that.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use message::Destination;
use tokio::sync::Notify;

/// The most slots of a destination that is not proven, or when slots get scarce.
const FEW: usize = 5;

/// How many proven destinations are remembered. Beyond that all are forgotten,
/// and prove themselves anew.
const REMEMBERED: usize = 10_000;

/// All slots of this process.
pub(crate) struct Slots {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    proven: Class,
    unproven: Class,
    used: HashMap<Destination, Use>,
    answered: HashSet<Destination>,
}

/// The slots of destinations that are alike.
struct Class {
    limit: usize,
    used: usize,
    /// A destination found not a single slot since one was last freed.
    crowded: bool,
}

#[derive(Default)]
struct Use {
    slots: usize,
    proven: bool,
    /// When an attempt last got through, by the monotonic clock.
    talked: Option<Duration>,
    /// Jobs of it were left waiting in the ledger.
    awaited: bool,
}

/// The right to one attempt at a time; given back when dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    destination: Destination,
}

impl Slots {
    /// So many slots for proven destinations, and for all others.
    pub(crate) fn new(proven: usize, unproven: usize) -> Arc<Self> {
        let state = State {
            proven: Class::new(proven),
            unproven: Class::new(unproven),
            used: HashMap::new(),
            answered: HashSet::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            freed: Notify::new(),
        })
    }

    /// A slot for `destination`, of which it may have `limit`.
    pub(crate) fn take(self: &Arc<Self>, destination: &Destination, limit: usize) -> Option<Slot> {
        let taken = self.state().take(destination, limit);
        taken.then(|| Slot {
            slots: Arc::clone(self),
            destination: destination.clone(),
        })
    }

    /// The same; without a slot, those of `destination` learn that a job waits.
    pub(crate) fn take_or_wait(
        self: &Arc<Self>,
        destination: &Destination,
        limit: usize,
    ) -> Option<Slot> {
        let mut state = self.state();
        if !state.take(destination, limit) {
            if let Some(used) = state.used.get_mut(destination) {
                used.awaited = true;
            }
            return None;
        }
        drop(state);
        Some(Slot {
            slots: Arc::clone(self),
            destination: destination.clone(),
        })
    }

    /// Whether none is free.
    pub(crate) fn are_taken(&self) -> bool {
        let state = self.state();
        state.proven.is_full() && state.unproven.is_full()
    }

    /// Waits until a slot is given back that others lacked.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, destination: &Destination, limit: usize) -> bool {
        let held = self.used.get(destination);
        let slots = held.map_or(0, |used| used.slots);
        let proven = match held {
            Some(used) => used.proven,
            None => self.answered.contains(destination),
        };
        let limit = match proven {
            true => limit,
            false => limit.min(FEW),
        };
        let class = self.class(proven);
        if slots >= class.allows(limit) {
            class.crowded |= slots == 0;
            return false;
        }
        class.used += 1;
        match self.used.get_mut(destination) {
            Some(used) => used.slots += 1,
            None => {
                let used = Use {
                    slots: 1,
                    proven,
                    ..Use::default()
                };
                self.used.insert(destination.clone(), used);
            }
        }
        true
    }

    fn class(&mut self, proven: bool) -> &mut Class {
        match proven {
            true => &mut self.proven,
            false => &mut self.unproven,
        }
    }

    /// Puts a destination into the other class, with the slots it has.
    fn prove(&mut self, destination: &Destination, proven: bool) {
        let Some(used) = self.used.get_mut(destination) else {
            return;
        };
        if used.proven == proven {
            return;
        }
        used.proven = proven;
        let slots = used.slots;
        self.class(proven).used += slots;
        self.class(!proven).used -= slots;
        match proven {
            true => self.remember(destination),
            false => drop(self.answered.remove(destination)),
        }
    }

    fn remember(&mut self, destination: &Destination) {
        if self.answered.len() >= REMEMBERED {
            self.answered.clear();
        }
        self.answered.insert(destination.clone());
    }
}

impl Class {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            crowded: false,
        }
    }

    /// How many slots one destination may have just now, of `limit`.
    fn allows(&self, limit: usize) -> usize {
        let quarters = 4 * self.used / self.limit;
        match quarters {
            0 | 1 => limit,
            2 => limit.min(FEW),
            3 => limit.min(1),
            _ => 0,
        }
    }

    fn is_full(&self) -> bool {
        self.used >= self.limit
    }
}

impl Slot {
    /// Whose slot it is.
    pub(crate) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Whether other destinations wait for slots, or newly proven ones have
    /// brought too many: then a slot is given back after each job, so that none
    /// is served before its turn.
    pub(crate) fn is_wanted(&self) -> bool {
        let mut state = self.slots.state();
        let proven = state
            .used
            .get(&self.destination)
            .is_some_and(|used| used.proven);
        let class = state.class(proven);
        class.crowded || class.used > class.limit
    }

    /// Whether jobs were left waiting since the last look; this is one.
    pub(crate) fn is_awaited(&self) -> bool {
        let mut state = self.slots.state();
        let used = state.used.get_mut(&self.destination);
        used.is_some_and(|used| std::mem::take(&mut used.awaited))
    }

    /// Where one job waited there may be more.
    pub(crate) fn look_again(&self) {
        if let Some(used) = self.slots.state().used.get_mut(&self.destination) {
            used.awaited = true;
        }
    }

    /// Notes that the destination talked to us at `now`.
    pub(crate) fn note_talk(&self, now: Duration) {
        if let Some(used) = self.slots.state().used.get_mut(&self.destination) {
            used.talked = Some(now);
        }
    }

    /// Notes whether the destination led a session to its end.
    pub(crate) fn prove(&self, proven: bool) {
        self.slots.state().prove(&self.destination, proven);
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
        let Some(used) = state.used.get_mut(&self.destination) else {
            return;
        };
        used.slots -= 1;
        let (proven, awaited) = (used.proven, used.awaited);
        if used.slots == 0 {
            state.used.remove(&self.destination);
        }
        let class = state.class(proven);
        class.used -= 1;
        if std::mem::take(&mut class.crowded) || awaited {
            self.slots.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<const N: usize>() -> [Destination; N] {
        std::array::from_fn(|number| format!("{number}.example").parse().unwrap())
    }

    fn take_all(slots: &Arc<Slots>, destination: &Destination, limit: usize) -> Vec<Slot> {
        std::iter::from_fn(|| slots.take(destination, limit)).collect()
    }

    #[test]
    fn no_destination_takes_more_than_its_share() {
        let slots = Slots::new(1, 3);
        let [one, two, three] = names();
        let first = slots.take(&one, 2).unwrap();
        let _second = slots.take(&one, 2).unwrap();
        assert!(slots.take(&one, 2).is_none(), "its limit");
        let _third = slots.take(&two, 2).unwrap();
        assert!(!first.is_wanted());
        assert!(slots.take(&three, 2).is_none(), "the limit of all");
        assert!(first.is_wanted());
        drop(first);
        assert!(slots.take(&three, 2).is_some());
    }

    #[test]
    fn those_that_hang_leave_slots_to_newcomers_and_to_those_that_answer() {
        let slots = Slots::new(8, 40);
        let [good, new, hanging @ ..] = names::<14>();
        let first = slots.take(&good, 8).unwrap();
        first.prove(true);
        let held = hanging.iter().map(|name| take_all(&slots, name, 20));
        let held: Vec<_> = held.collect();
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [5, 5, 5, 5, 5, 5, 1, 1, 1, 1, 1, 1]);
        assert!(slots.take(&new, 20).is_some(), "a newcomer");
        assert_eq!(take_all(&slots, &good, 4).len(), 3, "one that answers");
    }

    #[test]
    fn who_stops_to_answer_makes_room_for_those_who_do() {
        let slots = Slots::new(4, 40);
        let [one, two] = names();
        let first = slots.take(&one, 4).unwrap();
        first.prove(true);
        let _more = take_all(&slots, &one, 4);
        let second = slots.take(&two, 4).unwrap();
        second.prove(true);
        assert!(slots.take(&two, 4).is_none());
        first.prove(false);
        assert!(slots.take(&two, 4).is_some());
        assert_eq!(slots.state().answered.len(), 1);
    }

    #[test]
    fn a_job_that_waits_is_seen_once() {
        let slots = Slots::new(2, 2);
        let [name] = names();
        let slot = slots.take_or_wait(&name, 1).unwrap();
        assert!(!slot.is_awaited());
        assert!(slots.take_or_wait(&name, 1).is_none());
        assert!(slot.is_awaited());
        assert!(!slot.is_awaited());
    }

    #[test]
    fn idle_destinations_are_forgotten() {
        let slots = Slots::new(10, 10);
        let [name] = names();
        let slot = slots.take(&name, 1).unwrap();
        slot.note_talk(Duration::from_secs(5));
        assert!(slot.talked_since(Duration::from_secs(5)));
        assert!(!slot.talked_since(Duration::from_secs(6)));
        drop(slot);
        assert!(slots.state().used.is_empty());
    }
}
