//! What is buried on `mail.dead`: looked at, given back and forgotten by an
//! operator.
//!
//! A letter is named by its place in the stream. Giving one back publishes it
//! first and deletes it afterwards: a crash in between leaves it in both places,
//! and giving it back once more is dropped as a repetition or does no harm, as
//! any job that comes twice.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageError, Stream};
use async_nats::{HeaderMap, header};
use message::Topic;

use super::{Link, insert, unavailable};
use crate::{Buried, BuriedId, BusError, Published, wire};

/// What is buried, the oldest first, at most `limit`.
pub(super) async fn list(link: &Link, limit: usize) -> Result<Vec<Buried>, BusError> {
    let graveyard = Graveyard::open(link).await?;
    let mut buried = Vec::new();
    let mut from = 1;
    while buried.len() < limit {
        let Some(message) = graveyard.next(from).await? else {
            break;
        };
        from = message.sequence + 1;
        buried.push(read(message));
    }
    Ok(buried)
}

/// Publishes what was buried where it was found; false where it is gone.
pub(super) async fn revive(link: &Link, id: BuriedId) -> Result<bool, BusError> {
    let graveyard = Graveyard::open(link).await?;
    let Some(message) = graveyard.get(id).await? else {
        return Ok(false);
    };
    let mut headers = HeaderMap::new();
    insert(
        &mut headers,
        header::NATS_MESSAGE_ID,
        &format!("revived/{id}"),
    )?;
    if let Some(trace) = message.headers.get(wire::TRACE) {
        headers.insert(wire::TRACE, trace.clone());
    }
    let buried = read(message);
    let topic = wire::home(buried.topic)?;
    match link.publish(topic, buried.payload, headers).await? {
        Published::Taken => graveyard.delete(id).await,
        Published::Refused => Err(BusError::Unavailable(format!("{topic} is full"))),
    }
}

/// Deletes what was buried; false where it is gone.
pub(super) async fn forget(link: &Link, id: BuriedId) -> Result<bool, BusError> {
    let graveyard = Graveyard::open(link).await?;
    match graveyard.get(id).await? {
        Some(_buried) => graveyard.delete(id).await,
        None => Ok(false),
    }
}

/// The stream of `mail.dead`.
struct Graveyard<'l> {
    link: &'l Link,
    name: String,
    subject: String,
    stream: Stream<()>,
}

impl<'l> Graveyard<'l> {
    async fn open(link: &'l Link) -> Result<Self, BusError> {
        link.connected()?;
        let names = link.names(Topic::Dead);
        let opening = link.jetstream.get_stream_no_info(&names.stream).await;
        Ok(Self {
            link,
            stream: opening.map_err(unavailable("open mail.dead"))?,
            name: names.stream,
            subject: names.subject,
        })
    }

    /// The first at this place or after it.
    async fn next(&self, from: u64) -> Result<Option<StreamMessage>, BusError> {
        let asking = self
            .stream
            .get_first_raw_message_by_subject(&self.subject, from);
        self.look(asking).await
    }

    async fn get(&self, id: BuriedId) -> Result<Option<StreamMessage>, BusError> {
        self.look(self.stream.get_raw_message(id.0)).await
    }

    async fn look(
        &self,
        asking: impl Future<Output = Result<StreamMessage, RawMessageError>>,
    ) -> Result<Option<StreamMessage>, BusError> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", self.name);
        match self.link.denials.or(&subject, asking).await? {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unavailable("read mail.dead")(error)),
        }
    }

    /// Deletes one; false if somebody else was faster.
    async fn delete(&self, id: BuriedId) -> Result<bool, BusError> {
        let subject = format!("$JS.API.STREAM.MSG.DELETE.{}", self.name);
        let deleting = self.stream.delete_message(id.0);
        match self.link.denials.or(&subject, deleting).await? {
            Ok(deleted) => Ok(deleted),
            Err(error) => match self.get(id).await? {
                Some(_still_there) => Err(unavailable("delete from mail.dead")(error)),
                None => Ok(false),
            },
        }
    }
}

fn read(message: StreamMessage) -> Buried {
    let header = |name| message.headers.get(name).map(|value| value.as_str());
    Buried {
        id: BuriedId(message.sequence),
        topic: wire::found_on(header(wire::FOUND_ON)),
        reason: wire::reason(header(wire::REASON)),
        payload: message.payload,
    }
}
