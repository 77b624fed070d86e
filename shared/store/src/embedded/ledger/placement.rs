//! Where a job stands in the indexes: its timer and its slot.

use message::{Destination, JobKey, Part, Topic};

use super::super::engine::{Read, Step};
use super::super::page::corrupt;
use super::keys;
use crate::StoreError;

/// What the feeder does when a timer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// Publishes the job on its topic.
    Publish(Topic),
    /// Takes it from an owner who did not renew.
    Expire,
    /// Puts its delay down to be told.
    Warn,
}

/// A job's entry in the index of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) at: u64,
    pub(super) alarm: Alarm,
}

impl Timer {
    /// The row's value: the alarm, and the run that set it.
    fn value(self, run: u64) -> Vec<u8> {
        let alarm = match self.alarm {
            Alarm::Publish(Topic::Accepted) => 0,
            Alarm::Expire => 1,
            Alarm::Warn => 2,
            Alarm::Publish(Topic::Local) => 3,
            Alarm::Publish(Topic::Remote) => 4,
            Alarm::Publish(Topic::Outcome) => 5,
            Alarm::Publish(Topic::Dead) => 6,
        };
        let mut value = vec![alarm];
        value.extend_from_slice(&run.to_be_bytes());
        value
    }
}

/// Reads the value of a timer: the alarm, and the run that set it.
pub(super) fn read_timer_value(key: &[u8], value: &[u8]) -> Result<(Alarm, u64), StoreError> {
    let unreadable = || corrupt(key, "not the value of a timer");
    let (alarm, run) = value.split_first().ok_or_else(unreadable)?;
    let alarm = match alarm {
        0 => Alarm::Publish(Topic::Accepted),
        1 => Alarm::Expire,
        2 => Alarm::Warn,
        3 => Alarm::Publish(Topic::Local),
        4 => Alarm::Publish(Topic::Remote),
        5 => Alarm::Publish(Topic::Outcome),
        6 => Alarm::Publish(Topic::Dead),
        _ => return Err(unreadable()),
    };
    let run = run.try_into().map_err(|_| unreadable())?;
    Ok((alarm, u64::from_be_bytes(run)))
}

/// Why a job is in the index of its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Since when it waits.
    Waiting = 0,
    /// When it is due.
    Deferred = 1,
}

impl Class {
    pub(super) const ALL: [Self; 2] = [Self::Waiting, Self::Deferred];
}

/// A job's entry in the index of its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) class: Class,
    pub(super) at: u64,
}

/// Where a job stands; nowhere by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) timer: Option<Timer>,
    pub(super) slot: Option<Slot>,
    /// Whether it counts as dead.
    pub(super) dead: bool,
}

/// Moves the timer of `job`.
pub(super) fn move_timer(
    step: &mut Step<'_>,
    job: JobKey,
    from: Option<Timer>,
    to: Option<Timer>,
    run: u64,
) {
    if from == to {
        return;
    }
    if let Some(from) = from {
        step.delete(keys::timer(from.at, job));
    }
    if let Some(to) = to {
        step.put(keys::timer(to.at, job), to.value(run));
    }
}

/// Moves the slot of `job`, and its destination's heads along.
pub(super) fn move_slot(
    step: &mut Step<'_>,
    job: JobKey,
    destination: &Destination,
    from: Option<Slot>,
    to: Option<Slot>,
) -> Result<(), StoreError> {
    let Part::Work(number) = job.part else {
        return Ok(());
    };
    if from == to {
        return Ok(());
    }
    for class in Class::ALL {
        let leaves = from.filter(|slot| slot.class == class);
        let enters = to.filter(|slot| slot.class == class);
        if leaves.is_none() && enters.is_none() {
            continue;
        }
        let key = |slot: Slot| keys::slot(destination, class as u8, slot.at, job.message, number);
        let old_head = head(step, destination, class)?;
        leaves.into_iter().for_each(|slot| step.delete(key(slot)));
        enters
            .into_iter()
            .for_each(|slot| step.put(key(slot), Vec::new()));
        let new_head = head(step, destination, class)?;
        if old_head != new_head {
            if let Some(at) = old_head {
                step.delete(keys::head(class as u8, at, destination));
            }
            if let Some(at) = new_head {
                step.put(keys::head(class as u8, at, destination), Vec::new());
            }
        }
    }
    Ok(())
}

/// The time of a destination's first slot of a class.
pub(super) fn head(
    read: &impl Read,
    destination: &Destination,
    class: Class,
) -> Result<Option<u64>, StoreError> {
    Ok(first_slot(read, destination, class)?.map(|(at, _)| at))
}

/// A destination's first slot of a class, and whose it is.
pub(super) fn first_slot(
    read: &impl Read,
    destination: &Destination,
    class: Class,
) -> Result<Option<(u64, JobKey)>, StoreError> {
    read.first(&keys::slots(destination, class as u8))?
        .map(|(key, _)| keys::read_slot(&key))
        .transpose()
}
