//! The room on the disk of the store, some of which stays free: acceptance makes
//! the store grow, while whoever settles what was accepted must still be able to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreError;

/// How many octets are free where a directory is.
pub type FreeSpace = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// What is free, and what stays free.
pub(super) struct Room {
    directory: PathBuf,
    min_free: u64,
    free: FreeSpace,
}

impl Room {
    pub(super) fn new(directory: &Path, min_free: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            min_free,
            free: Arc::new(free),
        }
    }

    pub(super) fn measured_by(self, free: FreeSpace) -> Self {
        Self { free, ..self }
    }

    /// Refuses while less is free than is to stay free.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.min_free == 0 {
            return Ok(());
        }
        let (kept, directory) = (self.min_free, self.directory.display());
        match (self.free)(&self.directory) {
            Ok(free) if free >= kept => Ok(()),
            Ok(free) => Err(StoreError::Full(format!(
                "{free} octets are free at {directory}, and {kept} stay free"
            ))),
            Err(error) => Err(StoreError::Unavailable(format!(
                "how much is free at {directory} cannot be told: {error}"
            ))),
        }
    }
}

fn free(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
