//! Group commit: one thread appends the small contents of a process to a
//! segment, and one fsync serves all that came while the last one ran. An idle
//! system commits at once; nothing waits for a timer.
//!
//! A write that fails, as on a full disk, is the error of its batch alone: the
//! segment is cut back to what is durable, or left for a new one. A failed fsync
//! ends the process (see [`Durable`](super::durable::Durable)).

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use message::ContentId;
use tokio::sync::{mpsc, oneshot};

use super::directory::WriterDirectory;
use crate::Error;
use crate::encoder::Unheaded;
use crate::name::{Kind, Slot, Stamp};
use crate::record::{HEADER, Header};

/// A segment that has grown to this length is left for a new one.
pub(crate) const SEGMENT: u64 = 64 * 1024 * 1024;
/// How many contents may wait for the thread; beyond that, their writers do.
const QUEUE: usize = 256;
/// A batch ends when it has this many records or octets.
const BATCH_RECORDS: usize = 512;
const BATCH_OCTETS: usize = 8 * 1024 * 1024;

/// The way to the thread. It ends when the last of these is dropped.
#[derive(Clone)]
pub(crate) struct GroupCommit(mpsc::Sender<Put>);

struct Put {
    content: Unheaded,
    reply: oneshot::Sender<Result<ContentId, Error>>,
}

impl GroupCommit {
    pub(crate) fn start(directory: Arc<WriterDirectory>) -> Result<Self, Error> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let path = directory.path().to_owned();
        let committer = Committer {
            directory,
            segment: None,
        };
        std::thread::Builder::new()
            .name("content-commit".into())
            .spawn(move || committer.run(queue))
            .map_err(Error::io("start a thread for", path))?;
        Ok(Self(sender))
    }

    /// Returns when the content is durable.
    pub(crate) async fn put(&self, content: Unheaded) -> Result<ContentId, Error> {
        let (reply, answer) = oneshot::channel();
        self.0
            .send(Put { content, reply })
            .await
            .map_err(|_| Error::Stopped)?;
        answer.await.unwrap_or(Err(Error::Stopped))
    }
}

#[cfg(test)]
impl GroupCommit {
    /// How many contents wait for the thread.
    pub(crate) fn waiting(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }
}

struct Committer {
    directory: Arc<WriterDirectory>,
    segment: Option<Segment>,
}

/// The file that records are appended to. It is locked while it is open, which
/// tells the reclaimer, whichever process it is in, to let it be.
struct Segment {
    stamp: Stamp,
    file: File,
    path: PathBuf,
    /// Up to here everything is durable.
    length: u64,
}

impl Committer {
    fn run(mut self, mut queue: mpsc::Receiver<Put>) {
        while let Some(first) = queue.blocking_recv() {
            self.commit(gather(first, &mut queue));
            if self.directory.durable.check().is_err() {
                return;
            }
        }
    }

    fn commit(&mut self, mut batch: Vec<Put>) {
        batch.retain(|put| !put.reply.is_closed());
        if batch.is_empty() {
            return;
        }
        // Who no longer listens for the reply leaves an unreferenced content,
        // which the sweep takes.
        match self.append(&mut batch) {
            Ok(ids) => batch.into_iter().zip(ids).for_each(|(put, id)| {
                let _ = put.reply.send(Ok(id));
            }),
            Err(error) => batch.into_iter().for_each(|put| {
                let _ = put.reply.send(Err(repeat(&error)));
            }),
        }
    }

    /// Writes the batch behind what is there, and makes it durable.
    fn append(&mut self, batch: &mut [Put]) -> Result<Vec<ContentId>, Error> {
        let directory = &*self.directory;
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => Segment::create(directory)?,
        };
        let ids = segment.place(batch, directory);
        let mut parts: Vec<_> = batch
            .iter()
            .map(|put| IoSlice::new(&put.content.record))
            .collect();
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if let Err(error) = directory
            .durable
            .write(&segment.file, &mut parts, segment.length)
        {
            let error = Error::io("write", &segment.path)(error);
            self.segment = segment.cut_back();
            return Err(error);
        }
        directory.durable.sync_file(&segment.file)?;
        segment.length += length as u64;
        self.segment = Some(segment).filter(|segment| segment.length < SEGMENT);
        Ok(ids)
    }
}

impl Segment {
    fn create(directory: &WriterDirectory) -> Result<Self, Error> {
        directory.durable.check()?;
        let partial = directory.partial()?;
        let stamp = partial.stamp;
        let (file, path) = directory.publish(partial, Kind::Segment)?;
        Ok(Self {
            stamp,
            file,
            path,
            length: 0,
        })
    }

    /// Gives each record its place and header.
    fn place(&self, batch: &mut [Put], directory: &WriterDirectory) -> Vec<ContentId> {
        let stored_at = directory.clock().now();
        let mut offset = self.length;
        let place = |put: &mut Put| {
            let Unheaded {
                record,
                octets,
                trailer,
            } = &mut put.content;
            let header = Header {
                stamp: self.stamp,
                offset,
                batch: self.length as u32,
                octets: *octets,
                trailer: *trailer,
                stored_at,
            };
            record[..HEADER as usize].copy_from_slice(&header.encode());
            let slot = Slot::Packed {
                offset: offset as u32,
                length: record.len() as u32,
            };
            offset += record.len() as u64;
            directory.location(self.stamp, slot).id()
        };
        batch.iter_mut().map(place).collect()
    }

    /// Without what a failed write left behind; none if that cannot be done.
    fn cut_back(self) -> Option<Self> {
        self.file.set_len(self.length).is_ok().then_some(self)
    }
}

/// All that wait already, within the limits of a batch.
fn gather(first: Put, queue: &mut mpsc::Receiver<Put>) -> Vec<Put> {
    let mut octets = first.content.record.len();
    let mut batch = vec![first];
    while batch.len() < BATCH_RECORDS && octets < BATCH_OCTETS {
        let Ok(put) = queue.try_recv() else { break };
        octets += put.content.record.len();
        batch.push(put);
    }
    batch
}

/// The same error for each of a batch.
fn repeat(error: &Error) -> Error {
    let Error::Io {
        operation,
        file,
        source,
    } = error
    else {
        return Error::Stopped;
    };
    let source = match source.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(source.kind(), source.to_string()),
    };
    Error::Io {
        operation,
        file: file.clone(),
        source,
    }
}
