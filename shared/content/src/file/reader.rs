//! Reading one content: a small one at once, a large one block by block.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::blocking;
use crate::name::{Location, Slot};
use crate::record::{self, BLOCK, Damage, HEADER, Header, PACKED_RECORD, State, Unpacked};
use crate::{Error, Reader, Trailer};

pub(crate) struct FileReader {
    header: Header,
    trailer: Trailer,
    blocks: Blocks,
    /// The block that [`Reader::read`] returns next.
    next: u64,
}

/// Where the blocks of octets are.
enum Blocks {
    /// Verified, in memory.
    Read(Vec<Bytes>),
    /// In a file; the last one read is kept for the next range.
    File {
        source: Arc<Source>,
        last: Option<(u64, Bytes)>,
    },
}

/// A file with the path that errors name.
struct Source {
    file: File,
    path: PathBuf,
}

impl FileReader {
    /// Opens a content and verifies its trailer. Blocks.
    pub(crate) fn open(root: &Path, location: &Location) -> Result<Self, Error> {
        Opening::default().open(root, location)
    }

    async fn block(&mut self, number: u64) -> Result<Bytes, Error> {
        let (source, last) = match &mut self.blocks {
            Blocks::Read(blocks) => return Ok(blocks[number as usize].clone()),
            Blocks::File { source, last } => (source, last),
        };
        if let Some((_, block)) = last.as_ref().filter(|(kept, _)| *kept == number) {
            return Ok(block.clone());
        }
        let (offset, length) = self.header.block(number);
        let source = Arc::clone(source);
        let block = blocking(move || source.block(offset, length)).await?;
        *last = Some((number, block.clone()));
        Ok(block)
    }
}

#[async_trait]
impl Reader for FileReader {
    fn octets(&self) -> u64 {
        self.header.octets
    }

    fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        if self.next * BLOCK >= self.header.octets {
            return Ok(None);
        }
        let block = self.block(self.next).await?;
        self.next += 1;
        Ok(Some(block))
    }

    async fn read_range(&mut self, offset: u64, max: usize) -> Result<Bytes, Error> {
        if offset >= self.header.octets || max == 0 {
            return Ok(Bytes::new());
        }
        let mut range = self
            .block(offset / BLOCK)
            .await?
            .split_off((offset % BLOCK) as usize);
        range.truncate(max);
        Ok(range)
    }
}

/// Opens contents, keeping the file of one segment open to the next.
#[derive(Default)]
pub(crate) struct Opening {
    segment: Option<(Location, Source)>,
}

impl Opening {
    /// As [`FileReader::open`]. Blocks.
    pub(crate) fn open(&mut self, root: &Path, location: &Location) -> Result<FileReader, Error> {
        let (offset, length) = match location.slot {
            Slot::Packed { offset, length } => (offset, length),
            Slot::Whole => return Source::open(root, location)?.whole(location),
        };
        let segment = self.segment(root, location)?;
        match length > PACKED_RECORD {
            true => Err(Error::ForeignId(location.id())),
            false => segment.packed(location, offset.into(), length.into()),
        }
    }

    fn segment(&mut self, root: &Path, location: &Location) -> Result<&Source, Error> {
        let kept = self.segment.take();
        let segment = match kept.filter(|(open, _)| open.shares_file_with(location)) {
            Some(kept) => kept,
            None => (location.clone(), Source::open(root, location)?),
        };
        let (_, source) = self.segment.insert(segment);
        Ok(source)
    }
}

impl Source {
    fn open(root: &Path, location: &Location) -> Result<Self, Error> {
        let path = location.path(root);
        match File::open(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotFound(location.id()))
            }
            Err(error) => Err(Error::io("open", &path)(error)),
        }
    }

    fn packed(&self, location: &Location, offset: u64, length: u64) -> Result<FileReader, Error> {
        let record = self.read(offset, length)?;
        let header = self.header(location, &record, offset)?;
        if header.length() != length {
            return Err(self.corrupt(Damage {
                offset,
                what: "the record has another length",
            }));
        }
        let body = record.slice(HEADER as usize..);
        let Unpacked { trailer, blocks } =
            Unpacked::verify(&header, &body, offset + HEADER).map_err(|d| self.corrupt(d))?;
        Ok(FileReader {
            header,
            trailer,
            blocks: Blocks::Read(blocks),
            next: 0,
        })
    }

    fn whole(self, location: &Location) -> Result<FileReader, Error> {
        let header = self.header(location, &self.read(0, HEADER)?, 0)?;
        let (at, length) = header.trailer_part();
        let trailer = record::decode_trailer(self.read(at, length)?, at)
            .map_err(|damage| self.corrupt(damage))?;
        let blocks = Blocks::File {
            source: Arc::new(self),
            last: None,
        };
        Ok(FileReader {
            header,
            trailer,
            blocks,
            next: 0,
        })
    }

    fn header(&self, location: &Location, record: &[u8], offset: u64) -> Result<Header, Error> {
        let short = Damage {
            offset,
            what: "the record is too short",
        };
        let encoded = record.first_chunk().ok_or_else(|| self.corrupt(short))?;
        match Header::decode(encoded, location.stamp, offset).map_err(|d| self.corrupt(d))? {
            (header, State::Live) => Ok(header),
            (_, State::Dead) => Err(Error::NotFound(location.id())),
        }
    }

    fn block(&self, offset: u64, length: u64) -> Result<Bytes, Error> {
        let block = self.read(offset, length)?;
        record::verified(block, offset).map_err(|damage| self.corrupt(damage))
    }

    fn read(&self, offset: u64, length: u64) -> Result<Bytes, Error> {
        let mut octets = vec![0; length as usize];
        match self.file.read_exact_at(&mut octets, offset) {
            Ok(()) => Ok(octets.into()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.corrupt(Damage {
                    offset,
                    what: "the file ends too early",
                }))
            }
            Err(error) => Err(Error::io("read", &self.path)(error)),
        }
    }

    fn corrupt(&self, damage: Damage) -> Error {
        damage.of(&self.path)
    }
}
