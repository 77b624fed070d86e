//! Publishing with confirms, many at a time on one channel.

use std::sync::Arc;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation};
use message::Topic;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time;

use super::link::Link;
use super::{PATIENCE, answered, failed, is_soft, unavailable};
use crate::url::Shape;
use crate::{BusError, Published, wire};

/// How many publications may be unconfirmed; more wait.
const IN_FLIGHT: usize = 1024;

/// AMQP's mark of messages that survive a restart.
const PERSISTENT: u8 = 2;

/// Publishes on a channel of its own. Clones share it.
#[derive(Clone)]
pub(super) struct Publisher {
    link: Link,
    shape: Arc<Shape>,
    channel: Arc<Mutex<Option<Channel>>>,
    unconfirmed: Arc<Semaphore>,
}

impl Publisher {
    pub(super) fn new(link: Link, shape: Shape) -> Self {
        Self {
            link,
            shape: Arc::new(shape),
            channel: Arc::default(),
            unconfirmed: Arc::new(Semaphore::new(IN_FLIGHT)),
        }
    }

    /// Has octets stored on a topic, and waits for the broker's confirmation.
    pub(super) async fn publish(
        &self,
        topic: Topic,
        payload: &[u8],
        id: String,
        headers: FieldTable,
    ) -> Result<Published, BusError> {
        fits(topic, payload)?;
        self.link.not_blocked()?;
        let _place = self.place().await?;
        let channel = self.channel().await?;
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/json".into())
            .with_message_id(id.into())
            .with_headers(headers);
        let confirmed = confirmed(&channel, self.shape.name(topic), payload, properties);
        match time::timeout(PATIENCE, confirmed).await {
            Ok(Ok(confirmation)) => meaning(confirmation, topic),
            Ok(Err(error)) => Err(refusal(error, &self.shape.name(topic), payload.len())),
            Err(elapsed) => {
                self.discard(&channel).await;
                Err(unavailable("publish")(elapsed))
            }
        }
    }

    /// A place among the publications in flight.
    async fn place(&self) -> Result<SemaphorePermit<'_>, BusError> {
        let waiting = time::timeout(PATIENCE, self.unconfirmed.acquire()).await;
        let place = waiting.map_err(unavailable("publish"))?;
        place.map_err(unavailable("publish"))
    }

    /// The channel that all publications share; a new one after a failure.
    async fn channel(&self) -> Result<Channel, BusError> {
        let mut current = self.channel.lock().await;
        if let Some(channel) = current.as_ref().filter(|c| c.status().connected()) {
            return Ok(channel.clone());
        }
        let fresh = self.link.channel().await?;
        let select = fresh.confirm_select(ConfirmSelectOptions::default());
        answered("have publications confirmed", select).await?;
        *current = Some(fresh.clone());
        Ok(fresh)
    }

    /// Gives up a channel that does not confirm, so that nothing gathers on it.
    async fn discard(&self, channel: &Channel) {
        let mut current = self.channel.lock().await;
        if current.as_ref().is_some_and(|c| c.id() == channel.id()) {
            *current = None;
        }
    }
}

/// RabbitMQ closes the channel over what is too large, and with it fails
/// whatever else is in flight.
fn fits(topic: Topic, payload: &[u8]) -> Result<(), BusError> {
    let (size, limit) = (payload.len(), wire::MAX_JOB);
    match topic != Topic::Dead && size > limit {
        true => Err(BusError::TooLarge { size, limit }),
        false => Ok(()),
    }
}

/// What it means that the channel ended instead of a confirmation. All that were
/// in flight on it get the same error, whosever fault it is.
fn refusal(error: lapin::Error, exchange: &str, size: usize) -> BusError {
    let text = error.to_string();
    if is_soft(&error, &AMQPSoftError::PRECONDITIONFAILED)
        && let Some(limit) = size_limit(&text).filter(|limit| size > *limit)
    {
        return BusError::TooLarge { size, limit };
    }
    match text.contains(&format!("'{exchange}'")) {
        true => failed("publish")(error),
        false => unavailable("publish")(error),
    }
}

/// `message size 5000 is larger than configured max size 4000`
fn size_limit(text: &str) -> Option<usize> {
    let (_, limit) = text.rsplit_once("max size ")?;
    limit
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Publishes, and waits for what the broker says.
async fn confirmed(
    channel: &Channel,
    exchange: String,
    payload: &[u8],
    properties: BasicProperties,
) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let key = exchange.as_str().into();
    let sent = channel.basic_publish(exchange.as_str().into(), key, options, payload, properties);
    sent.await?.await
}

fn meaning(confirmation: Confirmation, topic: Topic) -> Result<Published, BusError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(Published::Taken),
        Confirmation::Nack(_) => Ok(Published::Refused),
        Confirmation::Ack(Some(_returned)) => Err(BusError::Unavailable(format!(
            "no queue takes jobs of {topic}: `rohrpost init` makes it"
        ))),
        Confirmation::NotRequested => Err(BusError::Unavailable(
            "RabbitMQ does not confirm publications".to_owned(),
        )),
    }
}
