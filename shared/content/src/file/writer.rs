//! Writing one content: gathered in memory while it is small, then streamed to
//! a file of its own.

use std::io::IoSlice;
use std::sync::Arc;

use async_trait::async_trait;
use message::ContentId;

use super::blocking;
use super::commit::GroupCommit;
use super::directory::{Partial, WriterDirectory};
use crate::encoder::{Encoder, Unheaded};
use crate::name::{Kind, Slot};
use crate::record::{Header, PACKED};
use crate::{CHUNK, Error, Stored, Trailer, Writer};

pub(crate) struct FileWriter {
    directory: Arc<WriterDirectory>,
    commit: GroupCommit,
    encoder: Encoder,
    place: Place,
}

/// Where the octets go.
enum Place {
    /// Into the encoder's memory.
    Memory,
    /// To a file, behind `written` octets.
    File { partial: Partial, written: u64 },
    /// Nowhere: a call failed or was cancelled.
    Nowhere,
}

impl FileWriter {
    pub(crate) fn new(directory: Arc<WriterDirectory>, commit: GroupCommit) -> Self {
        Self {
            directory,
            commit,
            encoder: Encoder::new(),
            place: Place::Memory,
        }
    }

    /// Writes the complete blocks to the file, which is made if need be.
    async fn spill(&mut self) -> Result<(), Error> {
        let directory = Arc::clone(&self.directory);
        let octets = self.encoder.take_complete();
        self.place = match std::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Memory => {
                blocking(move || append(&directory, directory.partial()?, 0, &octets)).await?
            }
            Place::File { partial, written } => {
                blocking(move || append(&directory, partial, written, &octets)).await?
            }
            Place::Nowhere => return Err(Error::GivenUp),
        };
        Ok(())
    }
}

#[async_trait]
impl Writer for FileWriter {
    async fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        for part in octets.chunks(CHUNK) {
            self.encoder.push(part);
            let spills = match self.place {
                Place::Memory => self.encoder.octets() > PACKED,
                Place::File { .. } => self.encoder.has_complete(),
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
            directory,
            commit,
            encoder,
            place,
        } = *self;
        let content = encoder.finish(&trailer.encode()?);
        let octets = content.octets;
        let id = match place {
            Place::Memory => commit.put(content).await?,
            Place::File { partial, written } => {
                blocking(move || complete(&directory, partial, written, content)).await?
            }
            Place::Nowhere => return Err(Error::GivenUp),
        };
        Ok(Stored { id, octets })
    }
}

fn append(
    directory: &WriterDirectory,
    partial: Partial,
    written: u64,
    octets: &[u8],
) -> Result<Place, Error> {
    directory.check_room()?;
    write(directory, &partial, written, octets)?;
    Ok(Place::File {
        partial,
        written: written + octets.len() as u64,
    })
}

/// Writes what is left, then the header, and makes it all durable under the
/// file's lasting name.
fn complete(
    directory: &WriterDirectory,
    partial: Partial,
    written: u64,
    rest: Unheaded,
) -> Result<ContentId, Error> {
    let stamp = partial.stamp;
    let header = Header {
        stamp,
        offset: 0,
        batch: 0,
        octets: rest.octets,
        trailer: rest.trailer,
        stored_at: directory.clock().now(),
    };
    write(directory, &partial, written, &rest.record)?;
    write(directory, &partial, 0, &header.encode())?;
    directory.durable.sync_file(&partial.file)?;
    directory.publish(partial, Kind::Single)?;
    Ok(directory.location(stamp, Slot::Whole).id())
}

fn write(
    directory: &WriterDirectory,
    partial: &Partial,
    offset: u64,
    octets: &[u8],
) -> Result<(), Error> {
    directory
        .durable
        .write(&partial.file, &mut [IoSlice::new(octets)], offset)
        .map_err(Error::io("write", partial.path()))
}
