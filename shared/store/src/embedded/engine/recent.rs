//! What was written lately: in memory, on its way into the database.
//!
//! Rows are *active* until a checkpoint begins, and *frozen* until it has
//! brought them into the database. Readers look at both before the database.
//! What is frozen is dropped only when the database has it, so a view that is
//! taken under the lock misses nothing.

use std::sync::{Arc, PoisonError, RwLock};

use super::database::{Database, Table};
use super::step::Written;
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

    /// Adds what a batch wrote.
    pub(super) fn add(&self, written: Written) {
        let mut layers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in written {
            let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
            layers.size += ROW + key.len() + size(&value);
            if let Some(before) = layers.active.get(&key) {
                layers.size -= ROW + key.len() + size(before);
            }
            layers.active.insert(key, value);
        }
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
