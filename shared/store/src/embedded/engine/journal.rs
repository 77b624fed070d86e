//! The journal: batches of writes, in two files of fixed size used in turn.
//!
//! A file is written from its start after each checkpoint; what an earlier turn
//! left behind is told by its lower numbers. Files are filled in advance, so
//! that an fsync has no metadata to write.
//!
//! ```text
//! batch:  magic 4 │ length 4 │ checksum 4 │ number 8 │ synced 8 │ writes
//! writes: key length 4 │ key │ value length 4 (all ones: deleted) │ value …
//! ```
//!
//! Numbers rise by one. `synced` is the number up to which the journal was known
//! to be on disk when the batch was written: with it, a batch missing in the
//! middle tells damage (refused) from a crash before its fsync (nobody was
//! told, dropped).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::step::Written;
use crate::StoreError;

const MAGIC: [u8; 4] = *b"RPj1";
const HEADER: usize = 28;
const DELETED: u32 = u32::MAX;

/// Octets looked through at a time for the next batch.
const WINDOW: usize = 64 << 10;

/// A batch in its form on disk.
pub(super) struct Batch {
    number: u64,
    octets: Vec<u8>,
}

impl Batch {
    pub(super) fn encode(number: u64, written: &Written) -> Self {
        let mut octets = vec![0; HEADER];
        for (key, value) in written {
            octets.extend_from_slice(&(key.len() as u32).to_be_bytes());
            octets.extend_from_slice(key);
            let length = value.as_ref().map_or(DELETED, |value| value.len() as u32);
            octets.extend_from_slice(&length.to_be_bytes());
            octets.extend_from_slice(value.as_deref().unwrap_or_default());
        }
        Self { number, octets }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn seal(&mut self, synced: u64) {
        let length = (self.octets.len() - HEADER) as u32;
        self.octets[..4].copy_from_slice(&MAGIC);
        self.octets[4..8].copy_from_slice(&length.to_be_bytes());
        self.octets[12..20].copy_from_slice(&self.number.to_be_bytes());
        self.octets[20..28].copy_from_slice(&synced.to_be_bytes());
        let checksum = crc32fast::hash(&self.octets[12..]);
        self.octets[8..12].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// A batch found in a file.
struct Found {
    number: u64,
    synced: u64,
    file: usize,
    start: u64,
    end: u64,
}

/// The journal.
pub(super) struct Journal {
    directory: PathBuf,
    files: [File; 2],
    size: u64,
    current: usize,
    position: u64,
    last: u64,
    synced: u64,
    sync_data: fn(&File) -> io::Result<()>,
}

impl Journal {
    /// Opens the two files in `directory`, of `size` octets each.
    pub(super) fn open(directory: &Path, size: u64) -> Result<Self, StoreError> {
        let open = |name| {
            open_filled(&directory.join(name), size).map_err(|e| {
                StoreError::Unavailable(format!("cannot open {}/{name}: {e}", directory.display()))
            })
        };
        let files = [open("journal-0")?, open("journal-1")?];
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|e| {
                StoreError::Unavailable(format!("cannot sync {}: {e}", directory.display()))
            })?;
        Ok(Self {
            directory: directory.to_owned(),
            files,
            size,
            current: 0,
            position: 0,
            last: 0,
            synced: 0,
            sync_data: File::sync_data,
        })
    }

    /// Hands the batches after number `held` to `apply`, in order; the journal
    /// goes on behind the last of them. Returns how many there were.
    ///
    /// # Errors
    /// When a batch that was on disk is damaged or gone, or `apply` fails.
    pub(super) fn replay(
        &mut self,
        held: u64,
        mut apply: impl FnMut(Written) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let found = self.find(held).map_err(|e| self.unreadable(&e))?;
        let mut last = held;
        while let Some(batch) = found.get(&(last + 1)) {
            apply(self.decode(batch)?)?;
            last += 1;
            self.current = batch.file;
        }
        if let Some(later) = found.values().find(|batch| batch.synced > last) {
            return Err(StoreError::Corrupt {
                key: self.directory.join("journal-0").display().to_string(),
                reason: format!(
                    "batch {} of the journal was on disk and is damaged, but batch {} is there; \
                     restore the store from a backup",
                    last + 1,
                    later.number
                ),
            });
        }
        // A number is never given twice: a batch dropped now must not pass for
        // a later one after the next crash.
        self.advance(found.keys().next_back().copied().unwrap_or(last));
        Ok(last - held)
    }

    /// The number of the last batch.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Batch `number` went to disk by other means.
    pub(super) fn advance(&mut self, number: u64) {
        (self.last, self.synced) = (number, number);
    }

    /// The other file's turn begins: the database has what stands there, and
    /// what stands here is synced.
    pub(super) fn turn(&mut self) {
        self.current = 1 - self.current;
        self.position = 0;
    }

    pub(super) fn has_room(&self, batch: &Batch) -> bool {
        self.position + batch.octets.len() as u64 <= self.size
    }

    /// Writes the next batch; it is on disk after [`Journal::sync`].
    pub(super) fn append(&mut self, batch: &mut Batch) -> io::Result<()> {
        batch.seal(self.synced);
        self.files[self.current].write_all_at(&batch.octets, self.position)?;
        self.position += batch.octets.len() as u64;
        self.last = batch.number;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced() {
            (self.sync_data)(&self.files[self.current])?;
            self.synced = self.last;
        }
        Ok(())
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced == self.last
    }

    /// Syncs by `sync_data` from now on, to see what a failure does.
    #[cfg(test)]
    pub(super) fn sync_by(&mut self, sync_data: fn(&File) -> io::Result<()>) {
        self.sync_data = sync_data;
    }

    /// Every batch above `held`, wherever it stands.
    fn find(&self, held: u64) -> io::Result<BTreeMap<u64, Found>> {
        let mut found = BTreeMap::new();
        for file in 0..self.files.len() {
            let mut start = 0;
            loop {
                if let Some(batch) = self.found_at(file, start)? {
                    start = batch.end;
                    if batch.number > held {
                        found.insert(batch.number, batch);
                    }
                    continue;
                }
                match self.next_magic(file, start + 1)? {
                    Some(next) => start = next,
                    None => break,
                }
            }
        }
        Ok(found)
    }

    /// The batch that starts at `start`, if a whole one does.
    fn found_at(&self, file: usize, start: u64) -> io::Result<Option<Found>> {
        let mut header = [0; HEADER];
        if !read_exact_if_there(&self.files[file], &mut header, start)? || header[..4] != MAGIC {
            return Ok(None);
        }
        let number = |range: std::ops::Range<usize>| {
            header[range]
                .iter()
                .fold(0_u64, |number, octet| number << 8 | u64::from(*octet))
        };
        let length = number(4..8);
        if start + HEADER as u64 + length > self.files[file].metadata()?.len() {
            return Ok(None);
        }
        let mut writes = vec![0; length as usize];
        self.files[file].read_exact_at(&mut writes, start + HEADER as u64)?;
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&header[12..]);
        checksum.update(&writes);
        let whole = u64::from(checksum.finalize()) == number(8..12);
        let start = start + HEADER as u64;
        Ok(whole.then(|| Found {
            number: number(12..20),
            synced: number(20..28),
            file,
            start,
            end: start + length,
        }))
    }

    /// Where a batch may start, at `from` or behind it.
    fn next_magic(&self, file: usize, mut from: u64) -> io::Result<Option<u64>> {
        let mut window = vec![0; WINDOW];
        loop {
            let read = self.files[file].read_at(&mut window, from)?;
            if let Some(at) = memchr::memmem::find(&window[..read], &MAGIC) {
                return Ok(Some(from + at as u64));
            }
            if read < MAGIC.len() {
                return Ok(None);
            }
            from += (read - MAGIC.len() + 1) as u64;
        }
    }

    fn decode(&self, batch: &Found) -> Result<Written, StoreError> {
        let mut octets = vec![0; (batch.end - batch.start) as usize];
        self.files[batch.file]
            .read_exact_at(&mut octets, batch.start)
            .map_err(|e| self.unreadable(&e))?;
        decode(&octets).ok_or_else(|| StoreError::Corrupt {
            key: self
                .directory
                .join(format!("journal-{}", batch.file))
                .display()
                .to_string(),
            reason: format!("batch {} has another form", batch.number),
        })
    }

    fn unreadable(&self, error: &io::Error) -> StoreError {
        let directory = self.directory.display();
        StoreError::Unavailable(format!("cannot read the journal in {directory}: {error}"))
    }
}

/// Fills `octets` from `offset`; false where the file ends before.
fn read_exact_if_there(file: &File, octets: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(octets, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn decode(mut octets: &[u8]) -> Option<Written> {
    let mut written = Written::new();
    while !octets.is_empty() {
        let key = take_counted(&mut octets)?;
        let deleted = octets.first_chunk::<4>().map(|l| u32::from_be_bytes(*l)) == Some(DELETED);
        let value = if deleted {
            octets = &octets[4..];
            None
        } else {
            Some(take_counted(&mut octets)?.to_vec())
        };
        written.insert(key.to_vec(), value);
    }
    Some(written)
}

fn take_counted<'o>(octets: &mut &'o [u8]) -> Option<&'o [u8]> {
    let (length, rest) = octets.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *octets = rest;
    Some(part)
}

/// What files are filled with.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Opens a file, and fills it where it is shorter than `size`.
fn open_filled(path: &Path, size: u64) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let mut length = file.metadata()?.len();
    while length < size {
        let part = ZEROS.len().min((size - length) as usize);
        file.write_all_at(&ZEROS[..part], length)?;
        length += part as u64;
    }
    file.sync_all()?;
    Ok(file)
}
