//! Summaries in memory, for adapters that keep them nowhere else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use message::ContentId;

/// The longest summary that is kept.
pub const SUMMARY_MAX: usize = 64 * 1024;

/// What one entry takes beside its octets, about.
const ENTRY: usize = 200;

/// The summaries met last, within a limit: two generations, of which the older
/// is forgotten when the younger has taken half of the room.
pub(crate) struct Recent {
    limit: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<ContentId, Bytes>,
    /// What `young` takes.
    taken: usize,
    old: HashMap<ContentId, Bytes>,
}

impl Recent {
    /// Keeps up to about `limit` octets.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            generations: Mutex::default(),
        }
    }

    pub(crate) fn keep(&self, id: &ContentId, summary: Bytes) {
        if summary.len() <= SUMMARY_MAX {
            self.generations().keep(id, summary, self.limit / 2);
        }
    }

    pub(crate) fn get(&self, id: &ContentId) -> Option<Bytes> {
        let mut generations = self.generations();
        if let Some(summary) = generations.young.get(id) {
            return Some(summary.clone());
        }
        let summary = generations.old.remove(id)?;
        generations.keep(id, summary.clone(), self.limit / 2);
        Some(summary)
    }

    pub(crate) fn forget(&self, id: &ContentId) {
        let mut generations = self.generations();
        generations.old.remove(id);
        if let Some(summary) = generations.young.remove(id) {
            generations.taken -= summary.len() + ENTRY;
        }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, id: &ContentId, summary: Bytes, half: usize) {
        let size = summary.len() + ENTRY;
        self.old.remove(id);
        if let Some(before) = self.young.remove(id) {
            self.taken -= before.len() + ENTRY;
        }
        if self.taken + size > half {
            self.old = std::mem::take(&mut self.young);
            self.taken = 0;
        }
        self.taken += size;
        self.young.insert(id.clone(), summary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes_in_time() {
        let recent = Recent::new(20 * (1000 + ENTRY));
        let id = |number: usize| -> ContentId { format!("id-{number}").parse().unwrap() };
        for number in 0..100 {
            recent.keep(&id(number), vec![number as u8; 1000].into());
            assert_eq!(recent.get(&id(0)), Some(vec![0; 1000].into()));
        }
        let kept = (0..100).filter(|number| recent.get(&id(*number)).is_some());
        assert!((10..=20).contains(&kept.count()));
        recent.forget(&id(0));
        assert_eq!(recent.get(&id(0)), None);
        recent.keep(&id(1), vec![1; SUMMARY_MAX + 1].into());
        assert_ne!(
            recent.get(&id(1)).map(|kept| kept.len()),
            Some(SUMMARY_MAX + 1)
        );
    }
}
