//! A writer's own part of the bucket.

use std::sync::Arc;

use bytes::Bytes;
use message::{Clock, ContentId, Randomness, Timestamp};

use super::bucket::Bucket;
use crate::Error;
use crate::name::{Kind, Location, Slot, Stamp, WriterName, file_name};
use crate::record::Header;

/// The part of the bucket under a writer's name, where this process draws names that
/// no other does.
pub(super) struct WriterSpace {
    pub(super) bucket: Arc<Bucket>,
    name: WriterName,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
}

impl WriterSpace {
    pub(super) fn new(
        bucket: Arc<Bucket>,
        name: WriterName,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Randomness>,
    ) -> Self {
        Self {
            bucket,
            name,
            clock,
            random,
        }
    }

    /// Proves that it can be written to.
    pub(super) async fn probe(&self) -> Result<(), Error> {
        let name = format!("{}/{STARTED}", self.name);
        let text = format!(
            "a process of Rohrpost began to write here at {}\n",
            self.now()
        );
        self.bucket.put(&name, text.into_bytes().into()).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A stamp that no object has.
    pub(super) fn draw(&self) -> Stamp {
        Stamp::draw(&*self.clock, &*self.random)
    }

    /// The name of an object of this writer.
    pub(super) fn object(&self, stamp: Stamp, kind: Kind) -> String {
        format!("{}/{}", self.name, file_name(stamp, kind))
    }

    /// Where a content of this writer is.
    pub(super) fn location(&self, stamp: Stamp, slot: Slot) -> Location {
        Location {
            writer: self.name.clone(),
            stamp,
            slot,
        }
    }

    /// Stores a content as an object of its own: `body` is its record without
    /// the header.
    pub(super) async fn store_alone(
        &self,
        mut body: Vec<Bytes>,
        octets: u64,
        trailer: u32,
    ) -> Result<ContentId, Error> {
        let stamp = self.draw();
        body.push(self.header(stamp, octets, trailer));
        let name = self.object(stamp, Kind::Single);
        self.bucket.put(&name, body.into_iter().collect()).await?;
        Ok(self.location(stamp, Slot::Whole).id())
    }

    /// The end of an object that holds one content.
    pub(super) fn header(&self, stamp: Stamp, octets: u64, trailer: u32) -> Bytes {
        let header = Header {
            stamp,
            offset: 0,
            batch: 0,
            octets,
            trailer,
            stored_at: self.now(),
        };
        Bytes::copy_from_slice(&header.encode())
    }
}

/// The object that a writer leaves at its start. It holds no content.
const STARTED: &str = "started";
