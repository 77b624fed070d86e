//! The directory of a writer's name, and files on their way into it.
//!
//! Several processes may write under one name: each file has one that made it and
//! locks it for as long as it writes, under a name that nobody else draws. What a
//! killed process left unfinished is unlocked; the next one to start under the
//! name clears it away, with the lock in its hand.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use message::{Clock, Randomness};
use tokio::runtime::Handle;

use super::durable::Durable;
use crate::Error;
use crate::name::{Kind, Location, Slot, Stamp, WriterName, file_name, parse_file_name};

/// The directory that this process writes to.
pub(crate) struct WriterDirectory {
    name: WriterName,
    path: PathBuf,
    handle: File,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
    pub(crate) durable: Durable,
}

impl WriterDirectory {
    /// Makes the directory where it is missing, durably, and clears away what
    /// an earlier run did not finish.
    pub(crate) fn open(
        root: &Path,
        name: WriterName,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Randomness>,
        durable: Durable,
    ) -> Result<Self, Error> {
        let path = root.join(name.to_string());
        make_directory(&path, &durable)?;
        let handle = File::open(&path).map_err(Error::io("open", &path))?;
        let directory = Self {
            name,
            path,
            handle,
            clock,
            random,
            durable,
        };
        directory.clear_partials()?;
        Ok(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where a content of this writer is.
    pub(crate) fn location(&self, stamp: Stamp, slot: Slot) -> Location {
        Location {
            writer: self.name.clone(),
            stamp,
            slot,
        }
    }

    /// Refuses while too little of the disk is free, as the disk does when
    /// nothing is.
    pub(crate) fn check_room(&self) -> Result<(), Error> {
        self.durable
            .check_room(&self.handle)
            .map_err(Error::io("add to", &self.path))
    }

    /// A new empty file, locked until it is closed.
    pub(crate) fn partial(&self) -> Result<Partial, Error> {
        loop {
            let stamp = Stamp::draw(&*self.clock, &*self.random);
            if let Some(partial) = self.try_partial(stamp)? {
                return Ok(partial);
            }
        }
    }

    /// None if the stamp is taken, as by a repeated source of randomness, or if a
    /// process that starts took the file for one left behind.
    fn try_partial(&self, stamp: Stamp) -> Result<Option<Partial>, Error> {
        let file_path = |kind| self.path.join(file_name(stamp, kind));
        let path = file_path(Kind::Partial);
        if file_path(Kind::Segment).exists() || file_path(Kind::Single).exists() {
            return Ok(None);
        }
        let created = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let file = match created {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            created => created.map_err(Error::io("create", &path))?,
        };
        let locked = lock_new(&file).map_err(Error::io("lock", &path))?;
        Ok(locked.then(|| Partial {
            stamp,
            file,
            unpublished: Unpublished { path: Some(path) },
        }))
    }

    /// Gives a file its lasting name, durably.
    pub(crate) fn publish(&self, partial: Partial, kind: Kind) -> Result<(File, PathBuf), Error> {
        let Partial {
            stamp,
            file,
            mut unpublished,
        } = partial;
        let path = self.path.join(file_name(stamp, kind));
        if let Some(partial) = &unpublished.path {
            fs::rename(partial, &path).map_err(Error::io("rename", partial))?;
        }
        unpublished.path = None;
        self.durable.sync_directory(&self.handle)?;
        Ok((file, path))
    }

    /// Removes partial files that no process has open any more.
    fn clear_partials(&self) -> Result<(), Error> {
        let entries = fs::read_dir(&self.path).map_err(Error::io("list", &self.path))?;
        for entry in entries {
            let entry = entry.map_err(Error::io("list", &self.path))?;
            let name = entry.file_name().to_str().and_then(parse_file_name);
            if !matches!(name, Some((_, Kind::Partial))) {
                continue;
            }
            let path = entry.path();
            let Ok(file) = File::open(&path) else {
                continue;
            };
            // Locked until it is gone: who has made it just now sees that it is.
            if file.try_lock().is_ok() {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Locks a file that was made just now; false if a process that clears away was
/// faster.
fn lock_new(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(file.metadata()?.nlink() > 0),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a file, unless it has another name or is gone meanwhile.
fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::io("remove", path)),
    }
}

/// A file that nothing refers to yet. Dropped, it is removed.
pub(crate) struct Partial {
    pub(crate) stamp: Stamp,
    pub(crate) file: File,
    unpublished: Unpublished,
}

impl Partial {
    pub(crate) fn path(&self) -> PathBuf {
        self.unpublished.path.clone().unwrap_or_default()
    }
}

/// The path to remove, unless the file was published.
struct Unpublished {
    path: Option<PathBuf>,
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        let remove = move || {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(file = %path.display(), %error, "cannot remove an unfinished content");
            }
        };
        // Freeing a long file's space takes a while, and this may be dropped by a task.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// `mkdir -p`, each new entry durable in its parent.
fn make_directory(path: &Path, durable: &Durable) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make_directory(parent, durable)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => created.map_err(Error::io("create", path))?,
    }
    let handle = File::open(parent).map_err(Error::io("open", parent))?;
    durable.sync_directory(&handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_process_clears_away_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.partial");
        let ours = File::create_new(&path).unwrap();
        let theirs = File::open(&path).unwrap();
        theirs.try_lock().unwrap();
        assert!(!lock_new(&ours).unwrap(), "they hold it");
        remove(&path).unwrap();
        drop(theirs);
        assert!(!lock_new(&ours).unwrap(), "they removed it");
        remove(&path).unwrap();
        assert!(lock_new(&File::create_new(&path).unwrap()).unwrap());
    }
}
