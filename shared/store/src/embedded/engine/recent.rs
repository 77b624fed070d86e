//! What was written lately: in memory, on its way into the database.
//!
//! Rows are *active* until a checkpoint begins, and *frozen* until it has
//! brought them into the database. Readers look at both before the database.
//! What is frozen is dropped only when the database has it, so a view that is
//! taken under the lock misses nothing.

use std::sync::{Arc, PoisonError, RwLock};

use super::database::{Database, Table};
use super::step::Written;
use super::unavailable;
use crate::StoreError;

/// What a row costs in memory beside its own octets.
const ROW: usize = 96;

/// Recent rows. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Recent(Arc<RwLock<Layers>>);

#[derive(Default)]
struct Layers {
    active: Written,
    /// About how many octets of memory `active` takes.
    size: usize,
    frozen: Option<Arc<Written>>,
}

impl Layers {
    fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>, left: bool) {
        let key_size = ROW + key.len();
        let size = |value: &Option<Vec<u8>>| key_size + value.as_ref().map_or(0, Vec::len);
        let before = if left {
            self.size += size(&value);
            self.active.insert(key, value)
        } else {
            self.active.remove(&key)
        };
        self.size -= before.as_ref().map_or(0, size);
    }
}

/// All rows at one moment.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) frozen: Option<&'v Written>,
    pub(super) active: &'v Written,
    pub(super) rows: &'v Table,
}

impl Recent {
    /// Looks at all rows. Writers wait meanwhile.
    pub(super) fn view<T>(
        &self,
        database: &Database,
        look: impl FnOnce(View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let layers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let rows = database.rows()?;
        look(View {
            frozen: layers.frozen.as_deref(),
            active: &layers.active,
            rows: &rows,
        })
    }

    /// Adds what a batch wrote. A deleted row that nothing below has leaves no
    /// trace, or readers would have to step over all that came and went.
    pub(super) fn add(&self, written: Written, database: &Database) -> Result<(), StoreError> {
        let left = self.view(database, |view| {
            let below = |key: &Vec<u8>| {
                let frozen = view.frozen.is_some_and(|frozen| frozen.contains_key(key));
                Ok(frozen
                    || view
                        .rows
                        .get(key.as_slice())
                        .map_err(unavailable)?
                        .is_some())
            };
            let left = written
                .iter()
                .map(|(key, value)| Ok(value.is_some() || below(key)?));
            left.collect::<Result<Vec<bool>, StoreError>>()
        })?;
        let mut layers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for ((key, value), left) in written.into_iter().zip(left) {
            layers.set(key, value, left);
        }
        Ok(())
    }

    /// About how many octets of memory the active rows take.
    pub(super) fn size(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).size
    }

    /// Freezes the active rows for a checkpoint. Nothing may be frozen.
    pub(super) fn freeze(&self) -> Arc<Written> {
        let mut layers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(layers.frozen.is_none(), "one checkpoint at a time");
        let frozen = Arc::new(std::mem::take(&mut layers.active));
        layers.size = 0;
        layers.frozen = Some(frozen.clone());
        frozen
    }

    /// The database has what was frozen.
    pub(super) fn drop_frozen(&self) {
        let mut layers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        layers.frozen = None;
    }
}
