//! Writing one content: gathered in memory while it is small, then in parts.
//!
//! A long content holds one part in memory at a time, and only so many are
//! written at once; others wait for a while, and are then refused.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bucket::Parts;
use super::commit::GroupCommit;
use super::space::WriterSpace;
use crate::encoder::{Encoder, Unheaded};
use crate::name::{Kind, Slot, Stamp};
use crate::record::{HEADER, PACKED};
use crate::{CHUNK, Error, Stored, Trailer, Writer};

/// The least that S3 takes as a part, unless it is the last one.
const PART: usize = 5 * 1024 * 1024;
/// How many long contents are written at a time.
pub(super) const LONG: usize = 16;
/// How long one waits for another to end.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct S3Writer {
    space: Arc<WriterSpace>,
    commit: GroupCommit,
    long: Arc<Semaphore>,
    encoder: Encoder,
    place: Place,
}

/// Where the octets go.
enum Place {
    /// Into the encoder's memory.
    Memory,
    /// Into parts.
    Long(Long),
    /// Nowhere: a call failed or was cancelled.
    Nowhere,
}

/// A content too long for a pack.
struct Long {
    /// What is not yet in any part.
    pending: Vec<Bytes>,
    length: usize,
    upload: Option<(Stamp, Parts)>,
    _permit: OwnedSemaphorePermit,
}

impl S3Writer {
    pub(super) fn new(space: Arc<WriterSpace>, commit: GroupCommit, long: Arc<Semaphore>) -> Self {
        Self {
            space,
            commit,
            long,
            encoder: Encoder::new(),
            place: Place::Memory,
        }
    }

    /// Takes the complete blocks out of the encoder, and stores a part when they
    /// make one.
    async fn spill(&mut self) -> Result<(), Error> {
        let complete = Bytes::from(self.encoder.take_complete());
        let mut long = match std::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Memory => {
                let mut long = Long::begin(&self.long).await?;
                long.push(complete.slice(HEADER as usize..));
                long
            }
            Place::Long(mut long) => {
                long.push(complete);
                long
            }
            Place::Nowhere => return Err(Error::GivenUp),
        };
        if long.length >= PART {
            long.store_part(&self.space).await?;
        }
        self.place = Place::Long(long);
        Ok(())
    }
}

#[async_trait]
impl Writer for S3Writer {
    async fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        for part in octets.chunks(CHUNK) {
            self.encoder.push(part);
            let spills = match self.place {
                Place::Memory => self.encoder.octets() > PACKED,
                Place::Long(_) => self.encoder.has_complete(),
                Place::Nowhere => return Err(Error::GivenUp),
            };
            if spills {
                self.spill().await?;
            }
        }
        Ok(())
    }

    async fn finish(self: Box<Self>, trailer: Trailer) -> Result<Stored, Error> {
        let Self {
            space,
            commit,
            encoder,
            place,
            ..
        } = *self;
        let content = encoder.finish(&trailer.encode()?);
        let octets = content.octets;
        let id = match place {
            Place::Memory => commit.put(content).await?,
            Place::Long(long) => long.finish(&space, content).await?,
            Place::Nowhere => return Err(Error::GivenUp),
        };
        Ok(Stored { id, octets })
    }
}

impl Long {
    async fn begin(long: &Arc<Semaphore>) -> Result<Self, Error> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(long).acquire_owned()).await;
        let permit = permit.map_err(|_| Error::Busy)?;
        Ok(Self {
            pending: Vec::new(),
            length: 0,
            upload: None,
            _permit: permit.map_err(|_| Error::Stopped)?,
        })
    }

    fn push(&mut self, octets: Bytes) {
        self.length += octets.len();
        self.pending.push(octets);
    }

    async fn store_part(&mut self, space: &WriterSpace) -> Result<(), Error> {
        if self.upload.is_none() {
            let stamp = space.draw();
            let parts = space
                .bucket
                .begin(&space.object(stamp, Kind::Single))
                .await?;
            self.upload = Some((stamp, parts));
        }
        let pending = std::mem::take(&mut self.pending);
        self.length = 0;
        match &mut self.upload {
            Some((_, parts)) => parts.push(pending.into_iter().collect()).await,
            None => Err(Error::GivenUp),
        }
    }

    /// Stores what is left and the header, and makes it an object.
    async fn finish(
        mut self,
        space: &WriterSpace,
        rest: Unheaded,
    ) -> Result<message::ContentId, Error> {
        let Unheaded {
            record,
            octets,
            trailer,
        } = rest;
        self.push(record.into());
        let Some((stamp, mut parts)) = self.upload else {
            return space.store_alone(self.pending, octets, trailer).await;
        };
        self.pending.push(space.header(stamp, octets, trailer));
        parts.push(self.pending.into_iter().collect()).await?;
        parts.complete().await?;
        Ok(space.location(stamp, Slot::Whole).id())
    }
}
