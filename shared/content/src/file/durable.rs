//! The calls that decide durability, and what follows when one fails.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

use crate::{Error, SyncFailure};

/// The calls that decide durability; a test has one that fails.
pub(crate) trait Disk: Send + Sync {
    /// Writes all of `parts` from `offset` on.
    fn write(&self, file: &File, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Makes a file's octets and length durable.
    fn sync_file(&self, file: &File) -> io::Result<()>;
    /// Makes a directory's entries durable.
    fn sync_directory(&self, directory: &File) -> io::Result<()>;
    /// How many octets are free where a directory is.
    fn free(&self, directory: &File) -> io::Result<u64>;
}

/// The operating system's.
pub(crate) struct SystemDisk;

/// What Linux takes in one `pwritev`.
const IOV_MAX: usize = 1024;

impl Disk for SystemDisk {
    fn write(&self, file: &File, mut parts: &mut [IoSlice<'_>], mut at: u64) -> io::Result<()> {
        IoSlice::advance_slices(&mut parts, 0); // drops empty parts
        while !parts.is_empty() {
            match rustix::io::pwritev(file, &parts[..parts.len().min(IOV_MAX)], at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    at += written as u64;
                    IoSlice::advance_slices(&mut parts, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_directory(&self, directory: &File) -> io::Result<()> {
        directory.sync_all()
    }

    fn free(&self, directory: &File) -> io::Result<u64> {
        let disk = rustix::fs::fstatvfs(directory)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// A disk that is given up at the first fsync that fails: the kernel marks the
/// pages clean then, so another fsync would succeed without having written them.
pub(crate) struct Durable {
    disk: Arc<dyn Disk>,
    min_free: u64,
    on_failure: SyncFailure,
    stopped: AtomicBool,
}

impl Durable {
    pub(crate) fn new(disk: Arc<dyn Disk>, min_free: u64, on_failure: SyncFailure) -> Self {
        Self {
            disk,
            min_free,
            on_failure,
            stopped: AtomicBool::new(false),
        }
    }

    /// Refuses once an fsync failed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.stopped.load(Ordering::Acquire) {
            Err(Error::Stopped)
        } else {
            Ok(())
        }
    }

    /// Refuses while less is free around `directory` than is to stay free.
    pub(crate) fn check_room(&self, directory: &File) -> io::Result<()> {
        let (free, kept) = (self.disk.free(directory)?, self.min_free);
        if free >= kept {
            return Ok(());
        }
        let reason = format!("{free} octets are free, and {kept} stay free");
        Err(io::Error::new(io::ErrorKind::StorageFull, reason))
    }

    pub(crate) fn write(
        &self,
        file: &File,
        parts: &mut [IoSlice<'_>],
        offset: u64,
    ) -> io::Result<()> {
        self.disk.write(file, parts, offset)
    }

    pub(crate) fn sync_file(&self, file: &File) -> Result<(), Error> {
        self.check()?;
        self.disk.sync_file(file).map_err(|error| self.stop(&error))
    }

    pub(crate) fn sync_directory(&self, directory: &File) -> Result<(), Error> {
        self.check()?;
        self.disk
            .sync_directory(directory)
            .map_err(|error| self.stop(&error))
    }

    fn stop(&self, error: &io::Error) -> Error {
        self.stopped.store(true, Ordering::Release);
        (self.on_failure)(error);
        Error::Stopped
    }
}
