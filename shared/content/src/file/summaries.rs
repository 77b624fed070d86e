//! Summaries of contents, on the same disk: a file beside each segment, and
//! behind the record in the file of a long content, so that they cost next to no
//! inodes and go with what they sum up.
//!
//! ```text
//! <stamp>.summaries   a table, then summaries in the order they came
//!
//! table       160 Ki slots of 16 octets, one per 512 octets of the segment:
//!             0 where the summary is (0: none) · 8 its length · 12 CRC-32
//! <stamp>.content     the record, then 0 length · 4 CRC-32 · 8 the summary
//! ```
//!
//! Nothing here is synced, locked or repaired. The checksum covers the place of
//! the content too, so whatever a crash, another process or a record that shares
//! the slot left behind is a summary that is not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use message::ContentId;
use rustix::fs::{FallocateFlags, fallocate};

use super::commit::SEGMENT;
use crate::SUMMARY_MAX;
use crate::name::{Kind, Location, Slot};
use crate::record::{HEADER, Header, State};

/// So much of a segment shares a slot: less than almost every record takes.
const GRAIN: u64 = 512;
const SLOT: u64 = 16;
/// A segment's last batch may lead beyond its limit; what lies beyond the table
/// has no summary.
const SLOTS: u64 = (SEGMENT + SEGMENT / 4) / GRAIN;
const TABLE: u64 = SLOTS * SLOT;
/// A file of this length takes no more summaries.
const FULL: u64 = TABLE + SEGMENT;
/// What stands before a summary behind a record.
const FRAME: u64 = 8;

/// Keeps summaries, with the files of one segment open to the next.
#[derive(Default)]
pub(crate) struct Keeping {
    open: Option<(Location, Segment)>,
}

/// A segment, and the file beside it.
struct Segment {
    path: PathBuf,
    records: File,
    beside: Option<Beside>,
}

/// The file beside a segment, to be written to.
struct Beside {
    table: File,
    end: File,
}

impl Keeping {
    /// Keeps a summary. Blocks.
    pub(crate) fn keep(
        &mut self,
        root: &Path,
        location: &Location,
        summary: &[u8],
    ) -> io::Result<()> {
        let offset = match location.slot {
            Slot::Whole => return keep_behind(root, location, summary),
            Slot::Packed { offset, .. } => u64::from(offset),
        };
        if offset / GRAIN >= SLOTS {
            return Ok(());
        }
        let segment = self.segment(root, location)?;
        if segment.lives(location, offset)? {
            segment.beside()?.append(offset, summary)?;
            // Removed meanwhile: whoever did so may have come before us.
            if !segment.lives(location, offset)? {
                forget(root, location);
            }
        }
        Ok(())
    }

    /// Ends. Blocks.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self.open.take() {
            // Removed meanwhile, perhaps before there was a file beside it.
            Some((_, segment)) if segment.beside.is_some() && !segment.path.try_exists()? => {
                fs::remove_file(Kind::Summaries.beside(&segment.path))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn segment(&mut self, root: &Path, location: &Location) -> io::Result<&mut Segment> {
        let open = |(open, _): &(Location, Segment)| open.shares_file_with(location);
        if !self.open.as_ref().is_some_and(open) {
            self.finish()?;
        }
        let (_, segment) = match self.open.take() {
            Some(open) => self.open.insert(open),
            None => {
                let segment = Segment::open(location.path(root))?;
                self.open.insert((location.clone(), segment))
            }
        };
        Ok(segment)
    }
}

impl Segment {
    fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            records: File::open(&path)?,
            path,
            beside: None,
        })
    }

    /// Whether a content was not removed.
    fn lives(&self, location: &Location, offset: u64) -> io::Result<bool> {
        let found = header(&self.records, location, offset)?;
        Ok(found.is_some_and(|(_, state)| state == State::Live))
    }

    fn beside(&mut self) -> io::Result<&mut Beside> {
        Ok(match self.beside.take() {
            Some(beside) => self.beside.insert(beside),
            None => {
                let beside = Beside::open(&Kind::Summaries.beside(&self.path))?;
                self.beside.insert(beside)
            }
        })
    }
}

impl Beside {
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let table = options.open(path)?;
        if table.metadata()?.len() < TABLE {
            table.set_len(TABLE)?;
        }
        let end = OpenOptions::new().append(true).open(path)?;
        Ok(Self { table, end })
    }

    fn append(&mut self, offset: u64, summary: &[u8]) -> io::Result<()> {
        if self.table.metadata()?.len() >= FULL {
            return Ok(());
        }
        // Whoever else appends at this moment does so before or behind us.
        self.end.write_all(summary)?;
        // An empty one moved nothing, and may be anywhere.
        let at = (self.end.stream_position()? - summary.len() as u64).max(TABLE);
        let entry = Entry::new(at, offset, summary);
        self.table.write_all_at(&entry.encode(), slot_at(offset))
    }
}

fn keep_behind(root: &Path, location: &Location, summary: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(location.path(root))?;
    let Some((header, State::Live)) = header(&file, location, 0)? else {
        return Ok(());
    };
    let mut framed = (summary.len() as u32).to_le_bytes().to_vec();
    framed.extend_from_slice(&checksum(0, summary).to_le_bytes());
    framed.extend_from_slice(summary);
    file.write_all_at(&framed, header.length())
}

/// Reads summaries, keeping the file of one segment open to the next.
#[derive(Default)]
pub(crate) struct Summaries {
    open: Option<(Location, File)>,
}

impl Summaries {
    /// The summary of a content, if it is there and whole. Blocks.
    pub(crate) fn read(&mut self, root: &Path, id: &ContentId) -> Option<Bytes> {
        let location = Location::parse(id).ok()?;
        match location.slot {
            Slot::Whole => behind(root, &location),
            Slot::Packed { offset, .. } => {
                let file = self.file(root, location)?;
                let mut encoded = [0; SLOT as usize];
                file.read_exact_at(&mut encoded, slot_at(offset.into()))
                    .ok()?;
                Entry::decode(encoded).read(file, offset.into())
            }
        }
    }

    fn file(&mut self, root: &Path, location: Location) -> Option<&File> {
        let open = |(open, _): &(Location, File)| open.shares_file_with(&location);
        if !self.open.as_ref().is_some_and(open) {
            let file = File::open(location.summaries_path(root)).ok()?;
            self.open = Some((location, file));
        }
        self.open.as_ref().map(|(_, file)| file)
    }
}

fn behind(root: &Path, location: &Location) -> Option<Bytes> {
    let file = File::open(location.path(root)).ok()?;
    let (header, _) = header(&file, location, 0).ok()??;
    let mut frame = [0; FRAME as usize];
    file.read_exact_at(&mut frame, header.length()).ok()?;
    let [l0, l1, l2, l3, c0, c1, c2, c3] = frame;
    let entry = Entry {
        at: header.length() + FRAME,
        length: u32::from_le_bytes([l0, l1, l2, l3]),
        checksum: u32::from_le_bytes([c0, c1, c2, c3]),
    };
    entry.read(&file, 0)
}

/// Drops the summary of a content in a segment, and its space. Blocks.
pub(crate) fn forget(root: &Path, location: &Location) {
    let Slot::Packed { offset, .. } = location.slot else {
        return;
    };
    let path = location.summaries_path(root);
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else {
        return;
    };
    let mut encoded = [0; SLOT as usize];
    if file
        .read_exact_at(&mut encoded, slot_at(offset.into()))
        .is_err()
    {
        return;
    }
    let entry = Entry::decode(encoded);
    if entry.read(&file, offset.into()).is_none() {
        return; // none, or that of a neighbour
    }
    let _ = file.write_all_at(&[0; SLOT as usize], slot_at(offset.into()));
    let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let _ = fallocate(&file, mode, entry.at, entry.length.max(1).into());
}

/// Where a summary is.
struct Entry {
    at: u64,
    length: u32,
    checksum: u32,
}

impl Entry {
    fn new(at: u64, offset: u64, summary: &[u8]) -> Self {
        Self {
            at,
            length: summary.len() as u32,
            checksum: checksum(offset, summary),
        }
    }

    fn encode(&self) -> [u8; SLOT as usize] {
        let mut encoded = [0; SLOT as usize];
        encoded[..8].copy_from_slice(&self.at.to_le_bytes());
        encoded[8..12].copy_from_slice(&self.length.to_le_bytes());
        encoded[12..].copy_from_slice(&self.checksum.to_le_bytes());
        encoded
    }

    fn decode(encoded: [u8; SLOT as usize]) -> Self {
        let number = u128::from_le_bytes(encoded);
        Self {
            at: number as u64,
            length: (number >> 64) as u32,
            checksum: (number >> 96) as u32,
        }
    }

    /// The summary of the content at `offset` of the segment; none if this is
    /// that of another, or damaged.
    fn read(&self, file: &File, offset: u64) -> Option<Bytes> {
        if self.at == 0 || self.length as usize > SUMMARY_MAX {
            return None;
        }
        let mut summary = vec![0; self.length as usize];
        file.read_exact_at(&mut summary, self.at).ok()?;
        (checksum(offset, &summary) == self.checksum).then(|| summary.into())
    }
}

fn checksum(offset: u64, summary: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&offset.to_le_bytes());
    hasher.update(summary);
    hasher.finalize()
}

const fn slot_at(offset: u64) -> u64 {
    offset / GRAIN * SLOT
}

fn header(file: &File, location: &Location, offset: u64) -> io::Result<Option<(Header, State)>> {
    let mut encoded = [0; HEADER as usize];
    file.read_exact_at(&mut encoded, offset)?;
    Ok(Header::decode(&encoded, location.stamp, offset).ok())
}
