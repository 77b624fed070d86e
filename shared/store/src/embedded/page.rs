//! Pages of a key range, for every list that a port gives.

use super::engine::Read;
use super::key::{Key, printed};
use crate::StoreError;

/// At most `limit` rows under `prefix` above `after`, each through `decode`.
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

/// A key whose parts, or a row whose counterpart, is not what it should be.
pub(super) fn corrupt(key: &[u8], reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        key: printed(key),
        reason: reason.to_string(),
    }
}
