//! The database: where rows are when they are no longer recent.

use std::path::Path;
use std::sync::Arc;

use redb::{Durability, ReadOnlyTable, ReadableDatabase, TableDefinition, WriteTransaction};

use super::super::key::{Key, Space};
use super::journal::Journal;
use super::step::Written;
use super::unavailable;
use crate::StoreError;

/// Every row of every port.
const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");

/// The rows of the database at one moment.
pub(super) type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The database. Clones share it.
#[derive(Clone)]
pub(super) struct Database(Arc<redb::Database>);

impl Database {
    /// Opens the file at `path`, with `cache` octets of it in memory.
    pub(super) fn open(path: &Path, cache: usize) -> Result<Self, StoreError> {
        redb::Database::builder()
            .set_cache_size(cache)
            .create(path)
            .map(|database| Self(Arc::new(database)))
            .map_err(|e| StoreError::Unavailable(format!("cannot open {}: {e}", path.display())))
    }

    /// Applies the batches of the journal that the database does not have;
    /// returns how many.
    pub(super) fn recover(&self, journal: &mut Journal) -> Result<u64, StoreError> {
        let held = self.checkpoint()?;
        let transaction = self.begin()?;
        let replayed = journal.replay(held, |batch| put_all(&transaction, &batch))?;
        finish(transaction, journal.last())?;
        journal.turn();
        Ok(replayed)
    }

    /// Brings rows to disk, together with the number of the last batch that
    /// they come from.
    pub(super) fn write(&self, written: &Written, number: u64) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        put_all(&transaction, written)?;
        finish(transaction, number)
    }

    /// The rows as they are now.
    pub(super) fn rows(&self) -> Result<Table, StoreError> {
        let transaction = self.0.begin_read().map_err(unavailable)?;
        transaction.open_table(ROWS).map_err(unavailable)
    }

    /// The number of the last batch that the database holds.
    fn checkpoint(&self) -> Result<u64, StoreError> {
        // The table exists from now on.
        let transaction = self.begin()?;
        transaction.open_table(ROWS).map_err(unavailable)?;
        transaction.commit().map_err(unavailable)?;
        let number = self
            .rows()?
            .get(Key::new(Space::Checkpoint).as_bytes())
            .map_err(unavailable)?;
        Ok(number.map_or(0, |number| {
            number.value().try_into().map_or(0, u64::from_be_bytes)
        }))
    }

    /// A transaction that is on disk when it is committed, in a form that opens
    /// at once after a crash.
    fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.0.begin_write().map_err(unavailable)?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(unavailable)?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}

fn finish(transaction: WriteTransaction, number: u64) -> Result<(), StoreError> {
    let key = Key::new(Space::Checkpoint).as_bytes().to_vec();
    put_all(
        &transaction,
        &Written::from([(key, Some(number.to_be_bytes().to_vec()))]),
    )?;
    transaction.commit().map_err(unavailable)
}

fn put_all(transaction: &WriteTransaction, written: &Written) -> Result<(), StoreError> {
    let mut rows = transaction.open_table(ROWS).map_err(unavailable)?;
    for (key, value) in written {
        match value {
            Some(value) => rows.insert(key.as_slice(), value.as_slice()).map(drop),
            None => rows.remove(key.as_slice()).map(drop),
        }
        .map_err(unavailable)?;
    }
    Ok(())
}
