//! Listing a store in pages: by writer, then by stamp, then by place.
//!
//! A page holds no more names in memory than it needs, however full the
//! directories are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::path::Path;

use message::ContentId;

use super::reclaim::Reclaimer;
use super::walk::Walk;
use crate::name::{Kind, Location, Slot, Stamp, WriterName, parse_file_name};
use crate::record::{Header, State};
use crate::{Cursor, Error, Listed, Page};

/// How many file names are gathered from a directory at a time.
const NAMES: usize = 1024;

/// Lists up to `limit` contents, and clears away sealed segments in which
/// nothing lives any more. Blocks.
pub(crate) fn page(
    root: &Path,
    reclaimer: &Reclaimer,
    after: Option<&ContentId>,
    limit: usize,
) -> Result<Page, Error> {
    let mut listing = Listing {
        root,
        reclaimer,
        limit: limit.max(1),
        page: Page::default(),
    };
    let after = after.map(Location::parse).transpose()?;
    for writer in writers(root, after.as_ref().map(|after| &after.writer))? {
        let after = after.as_ref().filter(|after| after.writer == writer);
        if listing.writer(&writer, after)? == Progress::Full {
            break;
        }
    }
    Ok(listing.page)
}

struct Listing<'a> {
    root: &'a Path,
    reclaimer: &'a Reclaimer,
    limit: usize,
    page: Page,
}

#[derive(PartialEq, Eq)]
enum Progress {
    /// There is room on the page.
    Room,
    /// The page is full, and more may follow.
    Full,
}

impl Listing<'_> {
    fn writer(&mut self, writer: &WriterName, after: Option<&Location>) -> Result<Progress, Error> {
        // A segment that the last page ended in goes on behind its last record.
        let mut from = match after {
            None => Bound::Unbounded,
            Some(Location {
                stamp,
                slot: Slot::Whole,
                ..
            }) => Bound::Excluded(*stamp),
            Some(Location {
                stamp,
                slot: Slot::Packed { offset, length },
                ..
            }) => {
                let offset = u64::from(*offset) + u64::from(*length);
                if self.segment(writer, *stamp, offset)? == Progress::Full {
                    return Ok(Progress::Full);
                }
                Bound::Excluded(*stamp)
            }
        };
        loop {
            let files = files(&self.root.join(writer.to_string()), from)?;
            let Some((last, _)) = files.last_key_value() else {
                return Ok(Progress::Room);
            };
            from = Bound::Excluded(*last);
            for (stamp, kind) in files {
                let progress = match kind {
                    Kind::Segment => self.segment(writer, stamp, 0)?,
                    Kind::Single => self.single(writer, stamp)?,
                    Kind::Partial | Kind::Summaries => Progress::Room,
                };
                if progress == Progress::Full {
                    return Ok(Progress::Full);
                }
            }
        }
    }

    fn segment(
        &mut self,
        writer: &WriterName,
        stamp: Stamp,
        offset: u64,
    ) -> Result<Progress, Error> {
        let mut location = Location {
            writer: writer.clone(),
            stamp,
            slot: Slot::Packed {
                offset: 0,
                length: 0,
            },
        };
        let path = location.path(self.root);
        let Some(file) = open(&path)? else {
            return Ok(Progress::Room);
        };
        let mut lives = offset > 0;
        for step in Walk::new(&file, &path, stamp, offset)? {
            match step {
                Ok((_, State::Dead)) => {}
                Ok((header, State::Live)) => {
                    lives = true;
                    let (offset, length) = (header.offset as u32, header.length() as u32);
                    location.slot = Slot::Packed { offset, length };
                    if self.add(&location, &header) == Progress::Full {
                        return Ok(Progress::Full);
                    }
                }
                Err(damage @ Error::Corrupt { .. }) => {
                    lives = true;
                    self.page.damage.push(damage);
                }
                Err(error) => return Err(error),
            }
        }
        if !lives {
            self.reclaimer.remove_segment(&path, stamp)?;
        }
        Ok(Progress::Room)
    }

    fn single(&mut self, writer: &WriterName, stamp: Stamp) -> Result<Progress, Error> {
        let location = Location {
            writer: writer.clone(),
            stamp,
            slot: Slot::Whole,
        };
        let path = location.path(self.root);
        let Some(file) = open(&path)? else {
            return Ok(Progress::Room);
        };
        match Walk::new(&file, &path, stamp, 0)?.next() {
            Some(Ok((header, _))) => Ok(self.add(&location, &header)),
            Some(Err(error @ Error::Io { .. })) => Err(error),
            Some(Err(_)) | None => {
                let what = "no whole record is here";
                self.page.damage.push(Error::Corrupt {
                    file: path,
                    offset: 0,
                    what,
                });
                Ok(Progress::Room)
            }
        }
    }

    fn add(&mut self, location: &Location, header: &Header) -> Progress {
        let id = location.id();
        let full = self.page.contents.len() + 1 >= self.limit;
        self.page.next = full.then(|| Cursor(id.clone()));
        let Header {
            octets, stored_at, ..
        } = *header;
        self.page.contents.push(Listed {
            id,
            octets,
            stored_at,
        });
        if full { Progress::Full } else { Progress::Room }
    }
}

/// The writers from `first` on, in their order; none of a store that is yet to be.
fn writers(root: &Path, first: Option<&WriterName>) -> Result<Vec<WriterName>, Error> {
    let mut writers = Vec::new();
    for name in names(root)? {
        writers.extend(
            name?
                .parse()
                .ok()
                .filter(|name| first.is_none_or(|first| name >= first)),
        );
    }
    writers.sort_unstable();
    Ok(writers)
}

/// The next files of a directory in the order of their stamps.
fn files(directory: &Path, from: Bound<Stamp>) -> Result<BTreeMap<Stamp, Kind>, Error> {
    let mut files = BTreeMap::new();
    for name in names(directory)? {
        let Some((stamp, kind)) = parse_file_name(&name?) else {
            continue;
        };
        if kind == Kind::Summaries {
            continue; // its stamp is a segment's
        }
        let follows = match from {
            Bound::Unbounded => true,
            Bound::Included(from) => stamp >= from,
            Bound::Excluded(from) => stamp > from,
        };
        if follows {
            files.insert(stamp, kind);
        }
        if files.len() > NAMES {
            files.pop_last();
        }
    }
    Ok(files)
}

/// The names in a directory that are UTF-8, as ours are.
fn names(directory: &Path) -> Result<impl Iterator<Item = Result<String, Error>>, Error> {
    let entries = match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            None
        }
        entries => Some(entries.map_err(Error::io("list", directory))?),
    };
    let name = move |entry: io::Result<fs::DirEntry>| match entry {
        Ok(entry) => entry.file_name().into_string().ok().map(Ok),
        Err(error) => Some(Err(Error::io("list", directory)(error))),
    };
    Ok(entries.into_iter().flatten().filter_map(name))
}

/// None for what was removed meanwhile.
fn open(path: &Path) -> Result<Option<File>, Error> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(Error::io("open", path)),
    }
}
