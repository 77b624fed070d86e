//! Reading one content: a small one with one request, a long one some blocks at
//! a time, so that no connection waits for whoever reads slowly.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::bucket::{Bucket, Piece};
use super::keys::Stem;
use super::pack::{self, Index};
use crate::name::{Location, Slot, Stamp};
use crate::record::{self, BLOCK, Damage, HEADER, Header, PACKED, PACKED_RECORD, State, Unpacked};
use crate::{Error, Reader, Trailer};

/// What is read of an object before anything is known of it: all of a small
/// content, as a rule.
const OPENING: u64 = PACKED + 16 * 1024;
/// What is read of its end: the header, and as a rule the trailer.
const ENDING: u64 = 16 * 1024;
/// How many blocks of a long content are read at once.
const WINDOW: u64 = 8;

pub(super) struct S3Reader {
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
    /// In an object of their own.
    Remote(Remote),
}

struct Remote {
    object: Object,
    /// Octets of the object, and where they begin.
    window: (u64, Bytes),
    /// The block last read beyond the window.
    last: Option<(u64, Bytes)>,
}

/// An object with the name that errors give it.
struct Object {
    bucket: Arc<Bucket>,
    name: String,
}

impl S3Reader {
    /// Opens a content and verifies its trailer.
    pub(super) async fn open(bucket: &Arc<Bucket>, location: &Location) -> Result<Self, Error> {
        let stem = Stem::of(location);
        let object = |name| Object {
            bucket: Arc::clone(bucket),
            name,
        };
        let found = match location.slot {
            Slot::Packed { length, .. } if length > PACKED_RECORD => {
                return Err(Error::ForeignId(location.id()));
            }
            Slot::Packed { offset, length } => {
                let dead = stem.dead_at(offset);
                let dead = bucket.size(&dead);
                let record = object(stem.pack()).packed(location.stamp, offset, length);
                let (dead, record) = tokio::try_join!(dead, record)?;
                record.filter(|_| dead.is_none())
            }
            Slot::Whole => object(stem.single()).whole(location.stamp).await?,
        };
        found.ok_or_else(|| Error::NotFound(location.id()))
    }

    async fn block(&mut self, number: u64, ahead: u64) -> Result<Bytes, Error> {
        match &mut self.blocks {
            Blocks::Read(blocks) => Ok(blocks[number as usize].clone()),
            Blocks::Remote(remote) => remote.block(&self.header, number, ahead).await,
        }
    }
}

#[async_trait]
impl Reader for S3Reader {
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
        let block = self.block(self.next, WINDOW).await?;
        self.next += 1;
        Ok(Some(block))
    }

    async fn read_range(&mut self, offset: u64, max: usize) -> Result<Bytes, Error> {
        if offset >= self.header.octets || max == 0 {
            return Ok(Bytes::new());
        }
        let mut range = self
            .block(offset / BLOCK, 1)
            .await?
            .split_off((offset % BLOCK) as usize);
        range.truncate(max);
        Ok(range)
    }
}

impl Remote {
    /// A block, read with up to `ahead` blocks if it is not here yet.
    async fn block(&mut self, header: &Header, number: u64, ahead: u64) -> Result<Bytes, Error> {
        if let Some((_, block)) = self.last.as_ref().filter(|(kept, _)| *kept == number) {
            return Ok(block.clone());
        }
        let block = place(header, number);
        if let Some(octets) = cut(&self.window, &block) {
            return self.object.verified(octets, block.start);
        }
        let last = (number + ahead).min(header.octets.div_ceil(BLOCK)) - 1;
        let read = self
            .object
            .read(block.start..place(header, last).end)
            .await?;
        if ahead > 1 {
            self.window = (block.start, read.clone());
            self.last = None;
        }
        let octets = cut(&(block.start, read), &block);
        let octets = octets.ok_or_else(|| self.object.corrupt(too_short(block.start)))?;
        let verified = self.object.verified(octets, block.start)?;
        if ahead == 1 {
            self.last = Some((number, verified.clone()));
        }
        Ok(verified)
    }
}

/// Where a block stands in an object that has its header at the end.
fn place(header: &Header, number: u64) -> Range<u64> {
    let (at, length) = header.block(number);
    at - HEADER..at - HEADER + length
}

/// The octets of `range` out of a window, if they are in it.
fn cut((start, octets): &(u64, Bytes), range: &Range<u64>) -> Option<Bytes> {
    let from = range.start.checked_sub(*start)? as usize;
    let to = (range.end - start) as usize;
    (to <= octets.len()).then(|| octets.slice(from..to))
}

fn too_short(offset: u64) -> Damage {
    Damage {
        offset,
        what: "the object ends too early",
    }
}

impl Object {
    /// A content in an object of its own.
    async fn whole(self, stamp: Stamp) -> Result<Option<S3Reader>, Error> {
        let Some(Piece { octets, size, .. }) = self.bucket.read(&self.name, 0..OPENING).await?
        else {
            return Ok(None);
        };
        let opening = (0, octets);
        let end = match cut(&opening, &(0..size)) {
            Some(all) => (0, all),
            None => {
                let start = size.saturating_sub(ENDING);
                (start, self.read(start..size).await?)
            }
        };
        let header = self.header(stamp, &end, size)?;
        let (at, length) = header.trailer_part();
        let range = at - HEADER..at - HEADER + length;
        let trailer = match cut(&end, &range) {
            Some(trailer) => trailer,
            None => self.read(range.clone()).await?,
        };
        let trailer = record::decode_trailer(trailer, range.start).map_err(|d| self.corrupt(d))?;
        let blocks = Blocks::Remote(Remote {
            object: self,
            window: opening,
            last: None,
        });
        Ok(Some(S3Reader {
            header,
            trailer,
            blocks,
            next: 0,
        }))
    }

    /// The header at the end of an object.
    fn header(&self, stamp: Stamp, end: &(u64, Bytes), size: u64) -> Result<Header, Error> {
        let at = size.saturating_sub(HEADER);
        let encoded = cut(end, &(at..size));
        let encoded = encoded.as_ref().and_then(|encoded| encoded.first_chunk());
        let encoded = encoded.ok_or_else(|| self.corrupt(too_short(at)))?;
        let (header, _) = Header::decode(encoded, stamp, 0).map_err(|damage| {
            self.corrupt(Damage {
                offset: at,
                ..damage
            })
        })?;
        let whole = header.length() == size;
        whole.then_some(header).ok_or_else(|| {
            self.corrupt(Damage {
                offset: at,
                what: "the object has another length",
            })
        })
    }

    /// A content in a pack: where it was written, or where the pack's index says.
    async fn packed(
        self,
        stamp: Stamp,
        offset: u32,
        length: u32,
    ) -> Result<Option<S3Reader>, Error> {
        let at = u64::from(offset);
        let there = self
            .bucket
            .read(&self.name, at..at + u64::from(length))
            .await;
        let there = match there {
            Ok(None) => return Ok(None),
            Ok(Some(Piece { octets, .. })) => self.unpack(stamp, offset, length, octets, at),
            Err(error) => Err(error),
        };
        let Err(error) = there else {
            return there.map(Some);
        };
        let Some(index) = self.index(stamp).await? else {
            return Ok(None);
        };
        match index.find(offset) {
            None => Ok(None),
            Some(member) if member.at == at || member.length() != length => Err(error),
            Some(member) => {
                let record = self.read(member.range()).await?;
                self.unpack(stamp, offset, length, record, member.at)
                    .map(Some)
            }
        }
    }

    async fn index(&self, stamp: Stamp) -> Result<Option<Index>, Error> {
        let Some(size) = self.bucket.size(&self.name).await? else {
            return Ok(None);
        };
        let end = self.read(pack::index_range(size)).await?;
        Index::decode(stamp, size, &end)
            .map(Some)
            .map_err(|damage| self.corrupt(damage))
    }

    fn unpack(
        &self,
        stamp: Stamp,
        offset: u32,
        length: u32,
        record: Bytes,
        at: u64,
    ) -> Result<S3Reader, Error> {
        let encoded = record.first_chunk();
        let encoded = encoded.ok_or_else(|| self.corrupt(too_short(at)))?;
        let (header, State::Live | State::Dead) =
            Header::decode(encoded, stamp, offset.into()).map_err(|d| self.corrupt(d))?;
        if header.length() != u64::from(length) {
            return Err(self.corrupt(Damage {
                offset: at,
                what: "the record has another length",
            }));
        }
        let body = record.slice(HEADER as usize..);
        let Unpacked { trailer, blocks } =
            Unpacked::verify(&header, &body, at + HEADER).map_err(|d| self.corrupt(d))?;
        Ok(S3Reader {
            header,
            trailer,
            blocks: Blocks::Read(blocks),
            next: 0,
        })
    }

    /// Octets of an object that is there.
    async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let (start, length) = (range.start, range.end - range.start);
        let piece = self.bucket.read(&self.name, range).await?;
        let octets = piece.map(|piece| piece.octets);
        let whole = octets.filter(|octets| octets.len() as u64 == length);
        whole.ok_or_else(|| self.corrupt(too_short(start)))
    }

    fn verified(&self, block: Bytes, offset: u64) -> Result<Bytes, Error> {
        record::verified(block, offset).map_err(|damage| self.corrupt(damage))
    }

    fn corrupt(&self, damage: Damage) -> Error {
        damage.of(Path::new(&self.bucket.url(&self.name)))
    }
}

/// The header of a content of its own, of whose object the size is known.
pub(super) async fn header(
    bucket: &Arc<Bucket>,
    stem: &Stem,
    size: u64,
) -> Result<Option<Header>, Error> {
    let object = Object {
        bucket: Arc::clone(bucket),
        name: stem.single(),
    };
    let start = size.saturating_sub(HEADER);
    let Some(Piece { octets, .. }) = bucket.read(&object.name, start..size).await? else {
        return Ok(None);
    };
    object.header(stem.stamp, &(start, octets), size).map(Some)
}

/// The index of a pack; none if it is gone.
pub(super) async fn index(bucket: &Arc<Bucket>, stem: &Stem) -> Result<Option<Index>, Error> {
    let object = Object {
        bucket: Arc::clone(bucket),
        name: stem.pack(),
    };
    object.index(stem.stamp).await
}
