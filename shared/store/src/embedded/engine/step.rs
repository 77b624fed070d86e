//! Reading rows, and what a step writes before it applies.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::{ReadOnlyTable, ReadableTable};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::key::{Key, printed};
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
pub(in super::super) struct Snapshot(ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Snapshot {
    pub(super) fn new(rows: ReadOnlyTable<&'static [u8], &'static [u8]>) -> Self {
        Self(rows)
    }
}

impl Read for Snapshot {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        get(&self.0, key.as_bytes())
    }

    fn scan(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        scan(&self.0, prefix.as_bytes(), start(prefix, after), visit)
    }
}

/// What one step wrote: a value for each key, none where it was deleted.
pub(super) type Written = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The rows as a step sees them: those of the steps before, and its own.
pub(in super::super) struct Step<'t> {
    rows: &'t redb::Table<'t, &'static [u8], &'static [u8]>,
    written: Written,
}

impl<'t> Step<'t> {
    pub(super) fn new(rows: &'t redb::Table<'t, &'static [u8], &'static [u8]>) -> Self {
        Self {
            rows,
            written: Written::new(),
        }
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
        match self.written.get(key.as_bytes()) {
            Some(own) => Ok(own.clone()),
            None => get(self.rows, key.as_bytes()),
        }
    }

    fn scan(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let start = start(prefix, after);
        let mut own = self
            .written
            .range::<[u8], _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix.as_bytes()))
            .peekable();
        let mut wanted = true;
        scan(self.rows, prefix.as_bytes(), start, &mut |key, value| {
            while wanted {
                let Some((own_key, own_value)) = own.next_if(|(own, _)| own.as_slice() < key)
                else {
                    break;
                };
                if let Some(own_value) = own_value {
                    wanted = visit(own_key, own_value)?;
                }
            }
            if wanted {
                wanted = match own.next_if(|(own, _)| own.as_slice() == key) {
                    Some((_, Some(own_value))) => visit(key, own_value)?,
                    Some((_, None)) => true,
                    None => visit(key, value)?,
                };
            }
            Ok(wanted)
        })?;
        for (key, value) in own {
            if let (true, Some(value)) = (wanted, value) {
                wanted = visit(key, value)?;
            }
        }
        Ok(())
    }
}

type Start<'k> = Bound<&'k [u8]>;

fn start<'k>(prefix: &'k Key, after: Option<&'k Key>) -> Start<'k> {
    match after {
        Some(after) if after > prefix => Bound::Excluded(after.as_bytes()),
        _ => Bound::Included(prefix.as_bytes()),
    }
}

fn get(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(rows
        .get(key)
        .map_err(unavailable)?
        .map(|value| value.value().to_vec()))
}

fn scan(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    prefix: &[u8],
    start: Start<'_>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    for row in rows
        .range::<&[u8]>((start, Bound::Unbounded))
        .map_err(unavailable)?
    {
        let (key, value) = row.map_err(unavailable)?;
        let key = key.value();
        if !key.starts_with(prefix) || !visit(key, value.value())? {
            break;
        }
    }
    Ok(())
}
