//! What is buried on `mail.dead`: looked at, given back and forgotten by an
//! operator.
//!
//! A queue of RabbitMQ is only read by taking from it. So a look takes what is
//! there, at most as much as the queue may hold, and gives it back in its order;
//! should the process die while it looks, the broker does that. Meanwhile others
//! who look see less, and an operator's broker tools see it as unacknowledged.
//!
//! A letter is named by its topic and octets, for nothing else stays with a
//! message that is given back: two that are the same are one letter, and end
//! together. Giving one back publishes it first and ends it afterwards.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use message::Topic;
use tokio::time;

use super::{AmqpBus, answered, header, insert, topology};
use crate::{Buried, BuriedId, BusError, Published, wire};

/// How long the broker may be silent before it counts as having no more.
const SILENCE: Duration = Duration::from_secs(2);

/// How long to wait until what was given back is to be seen again, and how often
/// to look.
const RETURNED: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(10);

/// What is buried, the oldest first, at most `limit`.
pub(super) async fn list(bus: &AmqpBus, limit: usize) -> Result<Vec<Buried>, BusError> {
    let _turn = bus.looking.lock().await;
    let look = Look::take(bus, limit).await?;
    let mut buried: Vec<Buried> = Vec::new();
    for letter in look.deliveries.iter().map(read) {
        if !buried.iter().any(|known| known.id == letter.id) {
            buried.push(letter);
        }
    }
    look.end(&[]).await?;
    Ok(buried)
}

/// Publishes what was buried where it was found; false where it is gone.
pub(super) async fn revive(bus: &AmqpBus, id: BuriedId) -> Result<bool, BusError> {
    let _turn = bus.looking.lock().await;
    let look = Look::take(bus, topology::DEAD_MESSAGES).await?;
    let copies = look.copies(id);
    let published = match copies.first() {
        Some(copy) => publish(bus, copy).await,
        None => Ok(()),
    };
    let (revived, ended) = match published {
        Ok(()) => (Ok(!copies.is_empty()), tags(&copies)),
        Err(error) => (Err(error), Vec::new()),
    };
    look.end(&ended).await?;
    revived
}

/// Deletes what was buried; false where it is gone.
pub(super) async fn forget(bus: &AmqpBus, id: BuriedId) -> Result<bool, BusError> {
    let _turn = bus.looking.lock().await;
    let look = Look::take(bus, topology::DEAD_MESSAGES).await?;
    let copies = tags(&look.copies(id));
    look.end(&copies).await?;
    Ok(!copies.is_empty())
}

/// The name of octets found on a topic; 53 bits, so that every JSON reader keeps
/// it.
pub(super) fn name(topic: Topic, payload: &[u8]) -> BuriedId {
    let mut hash = blake3::Hasher::new();
    hash.update(topic.name().as_bytes());
    hash.update(&[0]);
    hash.update(payload);
    let mut first = [0; 8];
    hash.finalize_xof().fill(&mut first);
    BuriedId(u64::from_le_bytes(first) >> 11)
}

async fn publish(bus: &AmqpBus, letter: &Delivery) -> Result<(), BusError> {
    let buried = read(letter);
    let topic = wire::home(buried.topic)?;
    let mut headers = FieldTable::default();
    let carried = letter.properties.headers().as_ref();
    if let Some(trace) = carried.and_then(|headers| header(headers, wire::TRACE)) {
        insert(&mut headers, wire::TRACE, trace);
    }
    let id = format!("revived/{}", buried.id);
    let published = bus.publisher.publish(topic, &letter.data, id, headers);
    match published.await? {
        Published::Taken => Ok(()),
        Published::Refused => Err(BusError::Unavailable(format!("{topic} is full"))),
    }
}

fn read(letter: &Delivery) -> Buried {
    let carried = letter.properties.headers().as_ref();
    let header = |name| carried.and_then(|headers| header(headers, name));
    let topic = wire::found_on(header(wire::FOUND_ON));
    Buried {
        id: name(topic, &letter.data),
        topic,
        payload: letter.data.clone().into(),
        reason: wire::reason(header(wire::REASON)),
    }
}

fn tags(letters: &[&Delivery]) -> Vec<u64> {
    letters.iter().map(|letter| letter.delivery_tag).collect()
}

/// What was taken from the queue to be looked at.
struct Look<'b> {
    bus: &'b AmqpBus,
    queue: String,
    channel: Channel,
    deliveries: Vec<Delivery>,
}

impl<'b> Look<'b> {
    /// Takes what is there, the oldest first, at most `limit`.
    async fn take(bus: &'b AmqpBus, limit: usize) -> Result<Self, BusError> {
        let queue = bus.shape.name(Topic::Dead);
        let there = topology::depth(&bus.consuming, &queue).await?;
        let wanted = there.min(limit as u64).min(u16::MAX.into()) as u16;
        let mut look = Self {
            bus,
            channel: bus.consuming.channel().await?,
            queue,
            deliveries: Vec::new(),
        };
        if wanted > 0 {
            look.gather(wanted).await?;
        }
        Ok(look)
    }

    async fn gather(&mut self, wanted: u16) -> Result<(), BusError> {
        let qos = self.channel.basic_qos(wanted, BasicQosOptions::default());
        answered("bound what is out", qos).await?;
        let mut consumer = self.consume().await?;
        while self.deliveries.len() < wanted.into() {
            match time::timeout(SILENCE, consumer.next()).await {
                Ok(Some(Ok(delivery))) => self.deliveries.push(delivery),
                Ok(Some(Err(error))) => return Err(super::failed("read mail.dead")(error)),
                // Somebody else has the rest.
                Ok(None) | Err(_) => break,
            }
        }
        let cancel = self
            .channel
            .basic_cancel(consumer.tag(), BasicCancelOptions::default());
        answered("stop reading mail.dead", cancel).await
    }

    async fn consume(&self) -> Result<Consumer, BusError> {
        let consume = self.channel.basic_consume(
            self.queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        answered("read mail.dead", consume).await
    }

    fn copies(&self, id: BuriedId) -> Vec<&Delivery> {
        let copies = self.deliveries.iter();
        copies.filter(|letter| read(letter).id == id).collect()
    }

    /// Ends some of the letters, and gives all others back.
    async fn end(self, ended: &[u64]) -> Result<(), BusError> {
        for tag in ended {
            let ack = self.channel.basic_ack(*tag, BasicAckOptions::default());
            answered("end a dead letter", ack).await?;
        }
        let given_back = self.deliveries.len() - ended.len();
        // What a channel had when it ends is put back in its order; what is given
        // back by a negative acknowledgement of all is not.
        let close = self.channel.close(200, "".into());
        answered("close a channel", close).await?;
        self.returned(given_back as u64).await
    }

    /// Waits until those are there again: RabbitMQ does not say when.
    async fn returned(&self, letters: u64) -> Result<(), BusError> {
        let there = async {
            while topology::depth(&self.bus.consuming, &self.queue).await? < letters {
                time::sleep(LOOK).await;
            }
            Ok(())
        };
        // Somebody else may be looking at them by now.
        time::timeout(RETURNED, there).await.unwrap_or(Ok(()))
    }
}
