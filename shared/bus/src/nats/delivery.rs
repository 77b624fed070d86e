//! A job that is out, and how it ends.

use async_nats::Subject;
use async_nats::jetstream::{AckKind, Message};
use async_nats::{HeaderMap, header};
use async_trait::async_trait;
use message::Topic;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;
use tokio::time;

use super::{Link, insert, unavailable};
use crate::{BusError, Delivery, Published, Settle, wire};

/// A job from the server that has not ended.
pub(super) struct Out {
    link: Link,
    topic: Topic,
    message: Message,
    /// Its share of what may be out at a time.
    _slot: OwnedSemaphorePermit,
    keeper: Option<Keeper>,
}

impl Out {
    pub(super) fn new(
        link: Link,
        topic: Topic,
        message: async_nats::Message,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let message = Message {
            message,
            context: link.jetstream.clone(),
        };
        Self {
            link,
            topic,
            message,
            _slot: slot,
            keeper: None,
        }
    }

    /// Hands it to a consumer, and keeps it there however long that takes.
    pub(super) fn hand_out(mut self) -> Delivery {
        if let Some(reply) = &self.message.reply {
            self.keeper = Some(Keeper::start(&self.link, reply.clone()));
        }
        let headers = self.message.headers.as_ref();
        let trace = headers.and_then(|headers| headers.get(wire::TRACE)?.as_str().parse().ok());
        let redelivered = self.message.info().is_ok_and(|info| info.delivered > 1);
        let payload = self.message.payload.clone();
        Delivery::new(payload, trace, redelivered, Box::new(self))
    }

    async fn answer(&self, kind: AckKind) -> Result<(), BusError> {
        self.link.connected()?;
        let answered = self.message.ack_with(kind).await;
        answered.map_err(unavailable("end a delivery"))
    }

    /// Has the octets stored on `mail.dead`.
    async fn store_dead(&self, reason: &str) -> Result<(), BusError> {
        let mut headers = HeaderMap::new();
        let info = self.message.info();
        let sequence = info.map_err(unavailable("bury"))?.stream_sequence;
        // Buried again after a crash, it is the same.
        let id = format!("{}/{sequence}", self.topic);
        insert(&mut headers, header::NATS_MESSAGE_ID, &id)?;
        let carried = self.message.headers.as_ref();
        if let Some(trace) = carried.and_then(|headers| headers.get(wire::TRACE)) {
            headers.insert(wire::TRACE, trace.clone());
        }
        insert(&mut headers, wire::FOUND_ON, self.topic.name())?;
        insert(&mut headers, wire::REASON, &wire::reason_line(reason))?;
        let payload = self.message.payload.clone();
        match self.link.publish(Topic::Dead, payload, headers).await? {
            Published::Taken => Ok(()),
            Published::Refused => {
                let problem = "mail.dead takes no more".to_owned();
                Err(BusError::Unavailable(problem))
            }
        }
    }
}

#[async_trait]
impl Settle for Out {
    async fn complete(&mut self) -> Result<(), BusError> {
        self.answer(AckKind::Ack).await
    }

    async fn give_back(&mut self) -> Result<(), BusError> {
        self.answer(AckKind::Nak(None)).await
    }

    async fn bury(&mut self, reason: &str) -> Result<(), BusError> {
        let payload = self.message.payload.escape_ascii();
        tracing::error!(topic = %self.topic, reason, %payload, "buried");
        self.store_dead(reason).await?;
        self.answer(AckKind::Ack).await
    }

    fn dropped(&mut self) {
        // Without a runtime the server takes it back when the wait ends.
        let (Ok(runtime), Some(reply)) = (Handle::try_current(), self.message.reply.clone()) else {
            return;
        };
        let client = self.link.client.clone();
        runtime.spawn(async move { give_back(&client, reply).await });
    }
}

/// Gives a job back that may be forgotten: if this fails the server takes it
/// back when the wait ends.
pub(super) async fn give_back(client: &async_nats::Client, reply: Subject) {
    let _ = client.publish(reply, AckKind::Nak(None).into()).await;
}

/// Tells the server now and then that a job is being worked on.
struct Keeper(AbortHandle);

impl Keeper {
    fn start(link: &Link, reply: Subject) -> Self {
        let client = link.client.clone();
        let pause = link.shape.ack_wait / 3;
        let keeping = tokio::spawn(async move {
            loop {
                time::sleep(pause).await;
                let progress = AckKind::Progress.into();
                if client.publish(reply.clone(), progress).await.is_err() {
                    return;
                }
            }
        });
        Self(keeping.abort_handle())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
