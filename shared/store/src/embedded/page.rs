//! Pages of a key range, for every list that a port gives.

use serde::de::DeserializeOwned;

use super::engine::Read;
use super::key::Key;
use crate::StoreError;

/// At most `limit` pairs under `prefix` above `after`, each through `decode`.
pub(super) fn page<T>(
    read: &impl Read,
    prefix: &Key,
    after: Option<&Key>,
    limit: usize,
    mut decode: impl FnMut(&[u8], &[u8]) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut page = Vec::new();
    if limit == 0 {
        return Ok(page);
    }
    read.scan(prefix, after, &mut |key, value| {
        page.push(decode(key, value)?);
        Ok(page.len() < limit)
    })?;
    Ok(page)
}

/// The JSON that stands under `key`.
pub(super) fn json<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| corrupt(key, error))
}

/// A value, or a part of its key, that is not what it should be.
pub(super) fn corrupt(key: &[u8], reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        key: key.escape_ascii().to_string(),
        reason: reason.to_string(),
    }
}
