//! What only the adapter itself can try: octets that are no job, and queues
//! that are gone. The node takes seconds to start, so all share one.

use std::time::Duration;

use lapin::options::{BasicGetOptions, QueueDeleteOptions};
use message::{Job, JobKey, MessageId, TraceContext};
use servers::{Broker as _, RabbitMq};
use tokio::time::timeout;

use super::*;
use crate::url::Engine;

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_the_contract_does_not_show() {
    let server = RabbitMq::start("max_message_size = 4000\n")
        .await
        .expect("rabbitmq-server starts");
    let Ok(Engine::Amqp(broker)) = Engine::parse(&server.url()) else {
        panic!("not a URL of AMQP");
    };
    init(&broker).await.expect("the topics are made");
    let bus = AmqpBus::connect(&broker).await.expect("they are there");
    what_is_no_job_ends_in_mail_dead(&bus).await;
    what_is_too_large_is_refused_with_the_limit(&bus).await;
    what_is_the_same_is_one_letter(&bus).await;
    two_who_look_take_turns(&bus).await;
    a_queue_that_is_gone_is_told(&bus).await;
}

async fn publish_raw(bus: &AmqpBus, topic: Topic, octets: &[u8]) -> Result<Published, BusError> {
    let publishing = bus
        .publisher
        .publish(topic, octets, String::new(), FieldTable::default());
    timeout(DEADLINE, publishing).await.expect("an answer")
}

async fn what_is_no_job_ends_in_mail_dead(bus: &AmqpBus) {
    let garbage = b"{\"v\":1,";
    let published = publish_raw(bus, Topic::Local, garbage).await;
    assert_eq!(published.unwrap(), Published::Taken);
    let mut consumer = bus.subscribe(Topic::Local, 1).await.unwrap();
    let delivery = timeout(DEADLINE, consumer.next()).await.unwrap().unwrap();
    let error = Job::decode(&delivery.payload).unwrap_err().to_string();
    delivery.bury(&error).await.unwrap();
    assert_eq!(bus.depth(Topic::Dead).await.unwrap(), Some(1));
    let channel = bus.consuming.channel().await.unwrap();
    let dead = channel.basic_get("mail.dead".into(), BasicGetOptions::default());
    let dead = dead.await.unwrap().expect("one is there");
    let ack = dead.acker.ack(Default::default());
    assert!(ack.await.unwrap());
    assert_eq!(dead.delivery.data, garbage);
    let headers = dead.delivery.properties.headers().clone().unwrap();
    let header = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(header(wire::REASON), error);
    assert_eq!(header(wire::FOUND_ON), "mail.local");
}

async fn what_is_too_large_is_refused_with_the_limit(bus: &AmqpBus) {
    let refused = publish_raw(bus, Topic::Local, &[b' '; 5000]).await;
    assert!(
        matches!(
            refused,
            Err(BusError::TooLarge {
                size: 5000,
                limit: wire::MAX_JOB
            })
        ),
        "{refused:?}"
    );
    // Of what the broker itself refuses it closes the channel, and works on.
    let refused = publish_raw(bus, Topic::Dead, &[b' '; 5000]).await;
    assert!(
        matches!(
            refused,
            Err(BusError::TooLarge {
                size: 5000,
                limit: 4000
            })
        ),
        "{refused:?}"
    );
}

/// Equal octets of a topic are one letter, and end together; strangers' octets
/// have nowhere to go back to.
async fn what_is_the_same_is_one_letter(bus: &AmqpBus) {
    for _ in 0..2 {
        bury(bus, b"twice").await;
    }
    publish_raw(bus, Topic::Dead, b"a stranger's")
        .await
        .unwrap();
    let dead = bus.dead(10).await.unwrap();
    let payloads: Vec<_> = dead.iter().map(|letter| &letter.payload[..]).collect();
    assert_eq!(payloads, [&b"twice"[..], b"a stranger's"]);
    assert_eq!(dead[1].topic, Topic::Dead);
    let homeless = bus.revive(dead[1].id).await;
    assert!(
        matches!(homeless, Err(BusError::Unsupported(_))),
        "{homeless:?}"
    );
    assert!(bus.forget(dead[0].id).await.unwrap());
    assert_eq!(bus.dead(10).await.unwrap(), dead[1..]);
    assert!(bus.forget(dead[1].id).await.unwrap());
}

/// Each sees all of a thousand letters, in their order.
async fn two_who_look_take_turns(bus: &AmqpBus) {
    for number in 0..1000 {
        let octets = format!("letter {number}");
        publish_raw(bus, Topic::Dead, octets.as_bytes())
            .await
            .unwrap();
    }
    let (one, other) = tokio::join!(bus.dead(1000), bus.dead(1000));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.len(), 1000);
    assert!(one == other, "in the same order");
    assert_eq!(one[999].payload, "letter 999");
}

async fn bury(bus: &AmqpBus, octets: &[u8]) {
    publish_raw(bus, Topic::Local, octets).await.unwrap();
    let mut consumer = bus.subscribe(Topic::Local, 1).await.unwrap();
    let delivery = timeout(DEADLINE, consumer.next()).await.unwrap().unwrap();
    delivery.bury("a test").await.unwrap();
}

/// A missing queue is told, and so is a missing exchange, which ends the
/// channel; what exists works on.
async fn a_queue_that_is_gone_is_told(bus: &AmqpBus) {
    let channel = bus.consuming.channel().await.unwrap();
    let delete = channel.queue_delete("mail.remote".into(), QueueDeleteOptions::default());
    delete.await.unwrap();
    let lost = publish_raw(bus, Topic::Remote, b"{}").await;
    assert!(
        lost.unwrap_err()
            .to_string()
            .contains("no queue takes jobs of mail.remote")
    );
    let delete = channel.exchange_delete("mail.remote".into(), Default::default());
    delete.await.unwrap();
    let lost = publish_raw(bus, Topic::Remote, b"{}").await;
    assert!(lost.is_err(), "{lost:?}");

    let message = MessageId::from_bits(1);
    let outgoing = Outgoing {
        job: Job {
            key: JobKey::route(message),
            generation: 0,
        },
        publication: 0,
        trace: TraceContext {
            trace: message,
            span: 1,
            sampled: false,
        },
    };
    let published = timeout(DEADLINE, async {
        loop {
            if let Ok(published) = bus.publish(Topic::Accepted, outgoing).await {
                return published;
            }
        }
    });
    assert_eq!(published.await.unwrap(), Published::Taken);
}
