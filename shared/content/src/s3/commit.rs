//! Group commit: one task writes the small contents of a process, and one
//! request serves all that came while the last one ran. An idle system writes at
//! once; nothing waits for a timer. A content that came alone is an object of its
//! own; several make a pack.
//!
//! A request that fails is the error of its batch alone. It may have been done
//! nevertheless: those contents are known to nobody, and the sweep takes them.

use std::sync::Arc;

use bytes::Bytes;
use message::ContentId;
use tokio::sync::{mpsc, oneshot};

use super::pack;
use super::space::WriterSpace;
use crate::Error;
use crate::encoder::Unheaded;
use crate::name::{Kind, Slot};
use crate::record::{HEADER, Header};

/// How many contents may wait for the task; beyond that, their writers do.
const QUEUE: usize = 256;
/// A batch ends when it has this many octets.
const BATCH_OCTETS: usize = 8 * 1024 * 1024;

/// The way to the task. It ends when the last of these is dropped.
#[derive(Clone)]
pub(super) struct GroupCommit(mpsc::Sender<Put>);

struct Put {
    content: Unheaded,
    reply: oneshot::Sender<Result<ContentId, Error>>,
}

impl GroupCommit {
    pub(super) fn start(space: Arc<WriterSpace>) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        tokio::spawn(run(space, queue));
        Self(sender)
    }

    /// Returns when the content is stored.
    pub(super) async fn put(&self, content: Unheaded) -> Result<ContentId, Error> {
        let (reply, answer) = oneshot::channel();
        let put = Put { content, reply };
        self.0.send(put).await.map_err(|_| Error::Stopped)?;
        answer.await.unwrap_or(Err(Error::Stopped))
    }
}

async fn run(space: Arc<WriterSpace>, mut queue: mpsc::Receiver<Put>) {
    while let Some(first) = queue.recv().await {
        let mut batch = gather(first, &mut queue);
        batch.retain(|put| !put.reply.is_closed());
        let (contents, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|put| (put.content, put.reply))
            .unzip();
        // Who no longer listens for the reply leaves an unreferenced content.
        match space.store(contents).await {
            Ok(ids) => replies.into_iter().zip(ids).for_each(|(reply, id)| {
                let _ = reply.send(Ok(id));
            }),
            Err(error) => replies.into_iter().for_each(|reply| {
                let _ = reply.send(Err(repeat(&error)));
            }),
        }
    }
}

/// All that wait already, within the limits of a batch.
fn gather(first: Put, queue: &mut mpsc::Receiver<Put>) -> Vec<Put> {
    let mut octets = first.content.record.len();
    let mut batch = vec![first];
    while batch.len() < pack::RECORDS && octets < BATCH_OCTETS {
        let Ok(put) = queue.try_recv() else { break };
        octets += put.content.record.len();
        batch.push(put);
    }
    batch
}

impl WriterSpace {
    /// Stores contents with one request.
    async fn store(&self, mut contents: Vec<Unheaded>) -> Result<Vec<ContentId>, Error> {
        match (contents.pop(), contents.is_empty()) {
            (None, _) => Ok(Vec::new()),
            (Some(only), true) => {
                let Unheaded {
                    record,
                    octets,
                    trailer,
                } = only;
                let body = Bytes::from(record).slice(HEADER as usize..);
                let id = self.store_alone(vec![body], octets, trailer).await?;
                Ok(vec![id])
            }
            (Some(last), false) => {
                contents.push(last);
                self.store_pack(contents).await
            }
        }
    }

    async fn store_pack(&self, contents: Vec<Unheaded>) -> Result<Vec<ContentId>, Error> {
        let (stamp, stored_at) = (self.draw(), self.now());
        let (mut offset, mut ids, mut records) = (0, Vec::new(), Vec::new());
        for content in contents {
            let mut record = content.record;
            let header = Header {
                stamp,
                offset,
                batch: 0,
                octets: content.octets,
                trailer: content.trailer,
                stored_at,
            };
            record[..HEADER as usize].copy_from_slice(&header.encode());
            let slot = Slot::Packed {
                offset: offset as u32,
                length: record.len() as u32,
            };
            ids.push(self.location(stamp, slot).id());
            offset += record.len() as u64;
            records.push((header, record.into()));
        }
        let name = self.object(stamp, Kind::Segment);
        self.bucket.put(&name, pack::encode(records)).await?;
        Ok(ids)
    }
}

/// The same error for each of a batch.
fn repeat(error: &Error) -> Error {
    let Error::Remote {
        operation,
        object,
        refusal,
        source,
    } = error
    else {
        return Error::Stopped;
    };
    Error::Remote {
        operation,
        object: object.clone(),
        refusal: *refusal,
        source: Arc::clone(source),
    }
}
