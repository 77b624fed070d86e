//! Exchanges and queues: what they are to be, making them, and telling whether
//! they are there.

use lapin::options::{
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{ExchangeKind, Queue};
use message::Topic;

use super::link::Link;
use super::{answered, failed, is_soft};
use crate::url::Shape;
use crate::{BusError, wire};

/// How many octets of payload a topic holds for each job that it may.
const JOB_OCTETS: i64 = 256;

/// How much `mail.dead` keeps before the oldest makes room.
const DEAD_OCTETS: i64 = 64 << 20;
pub(super) const DEAD_MESSAGES: usize = 10_000;

/// RabbitMQ 4 drops what came back too often; the ledger counts tries, and a
/// delivery given back is none.
const DELIVERY_LIMIT: i32 = i32::MAX;

/// Makes all exchanges and queues.
pub(super) async fn make(link: &Link, shape: &Shape) -> Result<(), BusError> {
    for topic in Topic::ALL {
        let name = shape.name(topic);
        let arguments = arguments(shape, topic);
        match declare(link, &name, &arguments).await {
            Ok(()) => {}
            Err(Declaring::Differs(reason)) => replace(link, &name, &arguments, &reason).await?,
            Err(Declaring::Failed(error)) => return Err(error),
        }
        bind(link, &name).await?;
    }
    Ok(())
}

/// Makes the exchange that publications go to, in front of the queue.
async fn bind(link: &Link, name: &str) -> Result<(), BusError> {
    let channel = link.channel().await?;
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let (kind, none) = (ExchangeKind::Fanout, FieldTable::default());
    let exchange = channel.exchange_declare(name.into(), kind, durable, none.clone());
    answered("declare an exchange", exchange).await?;
    let options = QueueBindOptions::default();
    let binding = channel.queue_bind(name.into(), name.into(), "".into(), options, none);
    answered("bind a queue", binding).await
}

/// Why a queue could not be declared.
enum Declaring {
    /// It is there, but otherwise.
    Differs(String),
    Failed(BusError),
}

async fn declare(link: &Link, name: &str, arguments: &FieldTable) -> Result<(), Declaring> {
    let channel = link.channel().await.map_err(Declaring::Failed)?;
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(name.into(), options, arguments.clone());
    match declared.await {
        Ok(_queue) => Ok(()),
        Err(error) if is_soft(&error, &AMQPSoftError::PRECONDITIONFAILED) => {
            Err(Declaring::Differs(error.to_string()))
        }
        Err(error) => Err(Declaring::Failed(failed("declare a queue")(error))),
    }
}

/// Makes a queue anew whose arguments cannot be changed, if nobody uses it.
async fn replace(
    link: &Link,
    name: &str,
    arguments: &FieldTable,
    reason: &str,
) -> Result<(), BusError> {
    let queue = look(link, name).await?;
    let in_use = queue.is_some_and(|queue| queue.message_count() > 0 || queue.consumer_count() > 0);
    if in_use {
        return Err(BusError::Drift(format!(
            "queue {name}: {reason}. Its arguments change only by deleting it: stop the services, \
             delete it and run `rohrpost init` again; the ledger publishes its jobs again"
        )));
    }
    let channel = link.channel().await?;
    let deleting = channel.queue_delete(name.into(), QueueDeleteOptions::default());
    answered("delete a queue", deleting).await?;
    match declare(link, name, arguments).await {
        Ok(()) => Ok(()),
        Err(Declaring::Differs(reason)) => Err(BusError::Drift(format!("queue {name}: {reason}"))),
        Err(Declaring::Failed(error)) => Err(error),
    }
}

/// Tells which exchanges and queues are missing, and which queues are otherwise.
pub(super) async fn verify(link: &Link, shape: &Shape) -> Result<(), BusError> {
    let mut drift = Vec::new();
    let mut may_compare = true;
    for topic in Topic::ALL {
        let name = shape.name(topic);
        if look(link, &name).await?.is_none() {
            drift.push(format!("there is no queue {name}"));
        } else if may_compare {
            match compare(link, &name, &arguments(shape, topic)).await? {
                Compared::Same => {}
                Compared::Differs(reason) => drift.push(format!("queue {name}: {reason}")),
                // Each time is a line in the broker's log.
                Compared::NotAllowed => may_compare = false,
            }
        }
        if !has_exchange(link, &name).await? {
            drift.push(format!("there is no exchange {name}"));
        }
    }
    match drift.is_empty() {
        true => Ok(()),
        false => Err(BusError::Drift(drift.join("; "))),
    }
}

/// What a queue is that is there.
enum Compared {
    Same,
    Differs(String),
    /// Only who may configure it learns how it is.
    NotAllowed,
}

/// Declares a queue that is there: only that compares its arguments.
async fn compare(link: &Link, name: &str, arguments: &FieldTable) -> Result<Compared, BusError> {
    match declare(link, name, arguments).await {
        Ok(()) => Ok(Compared::Same),
        Err(Declaring::Differs(reason)) => Ok(Compared::Differs(reason)),
        Err(Declaring::Failed(BusError::Denied(_))) => Ok(Compared::NotAllowed),
        Err(Declaring::Failed(error)) => Err(error),
    }
}

/// How many jobs wait in a queue.
pub(super) async fn depth(link: &Link, name: &str) -> Result<u64, BusError> {
    let queue = look(link, name).await?;
    Ok(queue.map_or(0, |queue| queue.message_count().into()))
}

/// A queue as it is, if it is. The broker ends a channel that asks for one that
/// is not, so each look has its own.
async fn look(link: &Link, name: &str) -> Result<Option<Queue>, BusError> {
    let channel = link.channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let asking = channel.queue_declare(name.into(), options, FieldTable::default());
    found(asking.await)
}

async fn has_exchange(link: &Link, name: &str) -> Result<bool, BusError> {
    let channel = link.channel().await?;
    let options = ExchangeDeclareOptions {
        passive: true,
        ..ExchangeDeclareOptions::default()
    };
    let kind = ExchangeKind::Fanout;
    let asking = channel.exchange_declare(name.into(), kind, options, FieldTable::default());
    found(asking.await).map(|found| found.is_some())
}

fn found<T>(answer: lapin::Result<T>) -> Result<Option<T>, BusError> {
    match answer {
        Ok(there) => Ok(Some(there)),
        Err(error) if is_soft(&error, &AMQPSoftError::NOTFOUND) => Ok(None),
        Err(error) => Err(failed("look at the topics")(error)),
    }
}

fn arguments(shape: &Shape, topic: Topic) -> FieldTable {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let (messages, octets, overflow) = match topic {
        Topic::Dead => (DEAD_MESSAGES as i64, DEAD_OCTETS, "drop-head"),
        Topic::Accepted | Topic::Local | Topic::Remote | Topic::Outcome => {
            let messages = i64::from(shape.max_jobs);
            let octets = messages
                .saturating_mul(JOB_OCTETS)
                .max(wire::MAX_JOB as i64);
            (messages, octets, "reject-publish")
        }
    };
    let arguments = [
        ("x-queue-type", text("quorum")),
        (
            "x-quorum-initial-group-size",
            AMQPValue::LongInt(shape.replicas.into()),
        ),
        ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT)),
        ("x-overflow", text(overflow)),
        ("x-max-length", AMQPValue::LongLongInt(messages)),
        ("x-max-length-bytes", AMQPValue::LongLongInt(octets)),
    ];
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), value);
    }
    table
}
