//! The bus on AMQP 0-9-1, for RabbitMQ 3.10 and newer.
//!
//! Each topic is a quorum queue behind a fanout exchange of the same name, so
//! that permissions to publish and to consume are two things; [`topology`]
//! makes and verifies them. A publication counts when the broker has confirmed
//! it, which it does after its fsync.
//!
//! Publishing and consuming have a connection each, for RabbitMQ stops reading
//! from those that publish when it is short of memory, and acknowledgements
//! must go on. While the broker is away publishing fails at once, for the
//! ledger knows the job, and subscriptions end with an error; [`link`]
//! connects again for as long as the bus lives.

mod consume;
mod dead;
mod link;
mod publish;
#[cfg(test)]
mod tests;
mod topology;

use std::time::Duration;

use async_trait::async_trait;
use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, LongString};
use message::Topic;
use tokio::sync::Mutex;

use crate::url::{Broker, Shape};
use crate::{Buried, BuriedId, Bus, BusError, Outgoing, Published, Subscription, wire};
use link::Link;
use publish::Publisher;

/// How long the broker may take over an answer, or a new connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Topics on RabbitMQ.
pub(crate) struct AmqpBus {
    publisher: Publisher,
    consuming: Link,
    shape: Shape,
    /// Whose turn it is to look at what is buried.
    looking: Mutex<()>,
}

impl AmqpBus {
    /// Connects, and verifies that the topics are there.
    pub(crate) async fn connect(broker: &Broker) -> Result<Self, BusError> {
        let publishing = Link::open(broker, "publishes").await?;
        topology::verify(&publishing, &broker.shape).await?;
        Ok(Self {
            publisher: Publisher::new(publishing, broker.shape.clone()),
            consuming: Link::open(broker, "consumes").await?,
            shape: broker.shape.clone(),
            looking: Mutex::default(),
        })
    }
}

/// Makes the topics as `broker` says; again and again, if need be.
pub(crate) async fn init(broker: &Broker) -> Result<(), BusError> {
    let link = Link::open(broker, "init").await?;
    topology::make(&link, &broker.shape).await
}

#[async_trait]
impl Bus for AmqpBus {
    async fn publish(&self, topic: Topic, outgoing: Outgoing) -> Result<Published, BusError> {
        let mut headers = FieldTable::default();
        insert(&mut headers, wire::TRACE, &outgoing.trace.to_string());
        let id = wire::publication_id(&outgoing);
        let payload = outgoing.job.encode();
        self.publisher.publish(topic, &payload, id, headers).await
    }

    async fn subscribe(
        &self,
        topic: Topic,
        prefetch: usize,
    ) -> Result<Box<dyn Subscription>, BusError> {
        let queue = self.shape.name(topic);
        let dead = self.publisher.clone();
        let consumer =
            consume::Consumer::start(&self.consuming, dead, topic, queue, prefetch).await?;
        Ok(Box::new(consumer))
    }

    async fn depth(&self, topic: Topic) -> Result<Option<u64>, BusError> {
        let queue = self.shape.name(topic);
        topology::depth(&self.consuming, &queue).await.map(Some)
    }

    async fn dead(&self, limit: usize) -> Result<Vec<Buried>, BusError> {
        dead::list(self, limit).await
    }

    async fn revive(&self, id: BuriedId) -> Result<bool, BusError> {
        dead::revive(self, id).await
    }

    async fn forget(&self, id: BuriedId) -> Result<bool, BusError> {
        dead::forget(self, id).await
    }
}

fn insert(headers: &mut FieldTable, name: &'static str, value: &str) {
    let value = AMQPValue::LongString(LongString::from(value));
    headers.insert(name.into(), value);
}

/// A header that is text.
fn header<'t>(headers: &'t FieldTable, name: &str) -> Option<&'t str> {
    match headers.inner().get(name)? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// Whether the broker ended a channel, not the connection, for this reason.
fn is_soft(error: &lapin::Error, kind: &AMQPSoftError) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(error) => *error.kind() == AMQPErrorKind::Soft(kind.clone()),
        _ => false,
    }
}

/// What an error of the client means.
fn failed(what: &'static str) -> impl Fn(lapin::Error) -> BusError {
    move |error| match is_soft(&error, &AMQPSoftError::ACCESSREFUSED) {
        true => BusError::Denied(format!("cannot {what}: {error}")),
        false => unavailable(what)(error),
    }
}

fn unavailable<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> BusError {
    move |error| BusError::Unavailable(format!("cannot {what}: {error}"))
}

/// Bounds what the broker may not answer.
async fn answered<T>(
    what: &'static str,
    asking: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BusError> {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(failed(what)),
        Err(elapsed) => Err(unavailable(what)(elapsed)),
    }
}
