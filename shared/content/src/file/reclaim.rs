//! Giving space back: records are marked dead and punched out; a segment in
//! which nothing lives is removed.
//!
//! None of this is made durable at once: what a crash brings back is an
//! unreferenced content, which the sweep removes again. Any process may reclaim
//! what any other wrote. A segment still being appended to is locked by its
//! writer and stays.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::summaries;
use super::walk::Walk;
use crate::Error;
use crate::name::{Kind, Location, Slot, Stamp};
use crate::record::{HEADER, Header, State, state_at};

/// How many segments are counted at a time.
const COUNTED: usize = 4096;

/// Counts what lives in the segments that removals meet. The counts are only
/// hints for when it is worth a look: a segment goes after a walk that found
/// nothing alive, under a lock that keeps its writer away.
#[derive(Default)]
pub(crate) struct Reclaimer {
    live: Mutex<HashMap<PathBuf, usize>>,
}

impl Reclaimer {
    /// Removes a content. Blocks.
    pub(crate) fn remove(&self, root: &Path, location: &Location) -> Result<(), Error> {
        let path = location.path(root);
        let Slot::Packed { offset, length } = location.slot else {
            return found(fs::remove_file(&path))
                .map(drop)
                .map_err(Error::io("remove", path));
        };
        let Some(segment) = Segment::open(&path, location.stamp)? else {
            return Ok(());
        };
        let died = segment.kill(offset.into(), length.into())?;
        summaries::forget(root, location);
        if died && self.count_down(&segment)? == 0 {
            self.remove_if_dead(&segment)?;
        }
        Ok(())
    }

    /// Removes a segment if nothing in it lives and nothing will. Blocks.
    pub(crate) fn remove_segment(&self, path: &Path, stamp: Stamp) -> Result<(), Error> {
        match Segment::open(path, stamp)? {
            Some(segment) => self.remove_if_dead(&segment),
            None => Ok(()),
        }
    }

    fn remove_if_dead(&self, segment: &Segment<'_>) -> Result<(), Error> {
        let path = segment.path;
        match segment.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
        }
        let live = segment.live()?;
        if live > 0 {
            self.counts()
                .entry(path.to_owned())
                .and_modify(|count| *count = live);
            return Ok(());
        }
        self.counts().remove(path);
        // First, so that no crash leaves it without its segment.
        let summaries = Kind::Summaries.beside(path);
        found(fs::remove_file(&summaries)).map_err(Error::io("remove", summaries))?;
        found(fs::remove_file(path))
            .map(drop)
            .map_err(Error::io("remove", path))
    }

    /// How many records of the segment live, one having died just now.
    fn count_down(&self, segment: &Segment<'_>) -> Result<usize, Error> {
        if let Some(live) = self.counts().get_mut(segment.path) {
            *live = live.saturating_sub(1);
            return Ok(*live);
        }
        let live = segment.live()?;
        let mut counts = self.counts();
        if counts.len() >= COUNTED {
            counts.clear();
        }
        counts.insert(segment.path.to_owned(), live);
        Ok(live)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Segment<'a> {
    file: File,
    path: &'a Path,
    stamp: Stamp,
}

impl<'a> Segment<'a> {
    /// None if it is gone.
    fn open(path: &'a Path, stamp: Stamp) -> Result<Option<Self>, Error> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let file = found(opened).map_err(Error::io("open", path))?;
        Ok(file.map(|file| Self { file, path, stamp }))
    }

    /// Marks a record dead and frees its space; false if it was dead before, or
    /// is none.
    fn kill(&self, offset: u64, length: u64) -> Result<bool, Error> {
        let mut encoded = [0; HEADER as usize];
        match self.file.read_exact_at(&mut encoded, offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read.map_err(Error::io("read", self.path))?,
        }
        let state = match Header::decode(&encoded, self.stamp, offset) {
            Ok((header, state)) if header.length() == length => state,
            Ok(_) | Err(_) => {
                let file = self.path.display();
                tracing::warn!(%file, offset, "no such record to remove; its space stays taken");
                return Ok(false);
            }
        };
        if state == State::Live {
            self.file
                .write_all_at(State::Dead.mark(), state_at(offset))
                .map_err(Error::io("write", self.path))?;
        }
        self.punch(offset + HEADER, length - HEADER)?;
        Ok(state == State::Live)
    }

    fn punch(&self, offset: u64, length: u64) -> Result<(), Error> {
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match fallocate(&self.file, mode, offset, length) {
            // The space then comes back with the whole segment.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(Error::io("punch a hole into", self.path)(error.into())),
        }
    }

    /// How many records live; one that cannot be read counts as living.
    fn live(&self) -> Result<usize, Error> {
        let mut live = 0;
        for step in Walk::new(&self.file, self.path, self.stamp, 0)? {
            match step {
                Ok((_, State::Dead)) => {}
                Ok((_, State::Live)) | Err(Error::Corrupt { .. }) => live += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(live)
    }
}

/// None for what is not there.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
