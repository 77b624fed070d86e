//! Reading rows, and what a step writes before it applies.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::key::{Key, printed};
use super::database::Table;
use super::recent::View;
use super::unavailable;
use crate::StoreError;

/// What a scan calls for each row; it ends when this says false.
pub(in super::super) type Visit<'v> = dyn FnMut(&[u8], &[u8]) -> Result<bool, StoreError> + 'v;

/// A key and its value.
pub(in super::super) type Row = (Vec<u8>, Vec<u8>);

/// Reading of rows.
pub(in super::super) trait Read {
    /// The value of a row.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the rows whose keys start with `prefix`, above `after` if given,
    /// in key order.
    fn scan(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// The value of a row, from JSON.
    fn get_json<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError>
    where
        Self: Sized,
    {
        self.get(key)?
            .map(|value| from_json(key.as_bytes(), &value))
            .transpose()
    }

    /// The first row whose key starts with `prefix`.
    fn first(&self, prefix: &Key) -> Result<Option<Row>, StoreError> {
        let mut first = None;
        self.scan(prefix, None, &mut |key, value| {
            first = Some((key.to_vec(), value.to_vec()));
            Ok(false)
        })?;
        Ok(first)
    }

    /// Whether there is such a row.
    fn exists(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.get(key)?.is_some())
    }
}

/// The value of the row at `key`, from JSON.
pub(in super::super) fn from_json<T: DeserializeOwned>(
    key: &[u8],
    value: &[u8],
) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|e| StoreError::Corrupt {
        key: printed(key),
        reason: e.to_string(),
    })
}

/// A consistent view of all rows.
pub(in super::super) struct Snapshot<'v>(View<'v>);

impl<'v> Snapshot<'v> {
    pub(super) fn new(view: View<'v>) -> Self {
        Self(view)
    }
}

impl Read for Snapshot<'_> {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let View {
            frozen,
            active,
            rows,
        } = self.0;
        get(&[Some(active), frozen], rows, key.as_bytes())
    }

    fn scan(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let View {
            frozen,
            active,
            rows,
        } = self.0;
        scan(
            &[Some(active), frozen],
            rows,
            prefix.as_bytes(),
            start(prefix, after),
            visit,
        )
    }
}

/// What one step wrote: a value for each key, none where it was deleted.
pub(super) type Written = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The rows as a step sees them: its own, those of the steps before it in its
/// batch, and all others.
pub(in super::super) struct Step<'t> {
    written: Written,
    batch: &'t Written,
    below: View<'t>,
}

impl<'t> Step<'t> {
    pub(super) fn new(batch: &'t Written, below: View<'t>) -> Self {
        Self {
            written: Written::new(),
            batch,
            below,
        }
    }

    fn layers(&self) -> [Layer<'_>; 4] {
        let View { frozen, active, .. } = self.below;
        [Some(&self.written), Some(self.batch), Some(active), frozen]
    }

    /// Writes a row.
    pub(in super::super) fn put(&mut self, key: Key, value: Vec<u8>) {
        self.written.insert(key.into_bytes(), Some(value));
    }

    /// Writes a row as JSON.
    pub(in super::super) fn put_json(
        &mut self,
        key: Key,
        value: &impl Serialize,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_vec(value).map_err(|e| StoreError::Corrupt {
            key: printed(key.as_bytes()),
            reason: format!("cannot be written as JSON: {e}"),
        })?;
        self.put(key, json);
        Ok(())
    }

    /// Removes a row, if it is there.
    pub(in super::super) fn delete(&mut self, key: Key) {
        self.written.insert(key.into_bytes(), None);
    }

    pub(super) fn into_written(self) -> Written {
        self.written
    }
}

impl Read for Step<'_> {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        get(&self.layers(), self.below.rows, key.as_bytes())
    }

    fn scan(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let start = start(prefix, after);
        scan(
            &self.layers(),
            self.below.rows,
            prefix.as_bytes(),
            start,
            visit,
        )
    }
}

/// Rows in memory, if there are any; the newest layer comes first.
type Layer<'l> = Option<&'l Written>;

type Start<'k> = Bound<&'k [u8]>;

fn start<'k>(prefix: &'k Key, after: Option<&'k Key>) -> Start<'k> {
    match after {
        Some(after) if after > prefix => Bound::Excluded(after.as_bytes()),
        _ => Bound::Included(prefix.as_bytes()),
    }
}

fn get(layers: &[Layer<'_>], rows: &Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    for layer in layers.iter().flatten() {
        if let Some(value) = layer.get(key) {
            return Ok(value.clone());
        }
    }
    Ok(rows
        .get(key)
        .map_err(unavailable)?
        .map(|value| value.value().to_vec()))
}

/// Merges the layers with the rows of the database, in the order of keys; of a
/// key that stands in several, the newest counts.
fn scan(
    layers: &[Layer<'_>],
    rows: &Table,
    prefix: &[u8],
    start: Start<'_>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    let range = (start, Bound::Unbounded);
    let within = |key: &[u8]| key.starts_with(prefix);
    let mut layers: Vec<_> = layers
        .iter()
        .flatten()
        .map(|layer| {
            layer
                .range::<[u8], _>(range)
                .take_while(|(key, _)| within(key))
                .peekable()
        })
        .filter_map(|mut layer| layer.peek().is_some().then_some(layer))
        .collect();
    let mut below = rows.range::<&[u8]>(range).map_err(unavailable)?;
    let mut lowest = below.next().transpose().map_err(unavailable)?;
    loop {
        let stored = lowest
            .as_ref()
            .map(|(key, _)| key.value())
            .filter(|key| within(key));
        let written = layers
            .iter_mut()
            .filter_map(|l| l.peek().map(|(k, _)| k.as_slice()))
            .min();
        let Some(key) = stored.into_iter().chain(written).min() else {
            return Ok(());
        };
        let newest = layers
            .iter_mut()
            .filter_map(|l| l.next_if(|(k, _)| *k == key))
            .fold(None, |newest: Option<&Option<Vec<u8>>>, (_, value)| {
                newest.or(Some(value))
            });
        let goes_on = match (newest, &lowest) {
            (Some(Some(value)), _) => visit(key, value)?,
            (Some(None), _) | (None, None) => true,
            (None, Some((_, value))) => visit(key, value.value())?,
        };
        if !goes_on {
            return Ok(());
        }
        if stored == Some(key) {
            lowest = below.next().transpose().map_err(unavailable)?;
        }
    }
}
