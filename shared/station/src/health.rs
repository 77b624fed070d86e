//! What a process says of itself: which of its parts are ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts of a process and whether each is ready. Clones are the same.
///
/// A process that answers at all is alive; it is *ready* when all its parts
/// are. One whose store is away stays alive and takes no work.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, State>>>);

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It has not begun to work.
    Starting,
    /// It works.
    Ready,
    /// It waits for something that is away.
    Waiting(String),
    /// It takes no more work.
    Stopping,
}

/// A part and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The part's name, such as `router mail.accepted`.
    pub name: String,
    /// How it is.
    pub state: State,
}

impl Health {
    /// A process without parts, which is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part, which is starting; it is removed when the handle is dropped.
    pub fn register(&self, name: impl Into<String>) -> Readiness {
        let name = name.into();
        self.parts().insert(name.clone(), State::Starting);
        Readiness {
            health: self.clone(),
            name,
        }
    }

    /// Whether all parts are ready.
    pub fn is_ready(&self) -> bool {
        self.parts().values().all(|state| *state == State::Ready)
    }

    /// All parts, by name.
    pub fn checks(&self) -> Vec<Check> {
        let parts = self.parts();
        let checks = parts.iter().map(|(name, state)| Check {
            name: name.clone(),
            state: state.clone(),
        });
        checks.collect()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part's own handle to say how it is.
#[derive(Debug)]
pub struct Readiness {
    health: Health,
    name: String,
}

impl Readiness {
    /// Says how the part is from now on.
    pub fn set(&self, state: State) {
        self.health.parts().insert(self.name.clone(), state);
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        self.health.parts().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_all_its_parts_are() {
        let health = Health::new();
        assert!(health.is_ready());
        let router = health.register("router");
        let relay = health.register("relay");
        router.set(State::Ready);
        assert!(!health.is_ready());
        relay.set(State::Ready);
        assert!(health.is_ready());
        relay.set(State::Waiting("the store is away".to_owned()));
        assert!(!health.is_ready());
        assert_eq!(health.checks()[0].name, "relay");
        drop(relay);
        assert!(health.is_ready());
    }
}
