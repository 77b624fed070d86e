//! The embedded bus keeps the port's contract, and its own limits.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, EmbeddedBus, Outgoing, Published};
use message::{Job, JobKey, MessageId, Topic, TraceContext};

fn outgoing(number: u32) -> Outgoing {
    let message = MessageId::from_bits(u128::from(number));
    Outgoing {
        job: Job {
            key: JobKey::route(message),
            generation: 0,
        },
        publication: 0,
        trace: TraceContext {
            trace: message,
            span: 0,
            sampled: false,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_the_contract() {
    bus::conformance::check_all(|| async { Arc::new(EmbeddedBus::new(1000)) as Arc<dyn Bus> })
        .await;
}

#[tokio::test]
async fn a_full_topic_refuses_until_there_is_room() {
    let bus = EmbeddedBus::new(2);
    for (number, expected) in [
        (1, Published::Taken),
        (2, Published::Taken),
        (3, Published::Refused),
    ] {
        assert_eq!(
            bus.publish(Topic::Local, outgoing(number)).await.unwrap(),
            expected
        );
    }
    assert_eq!(
        bus.publish(Topic::Remote, outgoing(4)).await.unwrap(),
        Published::Taken
    );
    let mut consumer = bus.subscribe(Topic::Local, 1).await.unwrap();
    let delivery = consumer.next().await.unwrap();
    assert_eq!(
        bus.publish(Topic::Local, outgoing(5)).await.unwrap(),
        Published::Taken
    );
    // What was let in before has its place even now.
    delivery.give_back().await.unwrap();
    assert_eq!(bus.depth(Topic::Local).await.unwrap(), Some(3));
    assert_eq!(
        bus.publish(Topic::Local, outgoing(6)).await.unwrap(),
        Published::Refused
    );
}

#[tokio::test]
async fn of_what_is_buried_the_newest_is_kept() {
    let bus = EmbeddedBus::new(10);
    let mut consumer = bus.subscribe(Topic::Accepted, 1).await.unwrap();
    for number in 0..1_010 {
        bus.publish(Topic::Accepted, outgoing(number))
            .await
            .unwrap();
        let delivery = consumer.next().await.unwrap();
        delivery.bury(&format!("reason {number}")).await.unwrap();
    }
    let buried = bus.dead(2_000).await.unwrap();
    assert_eq!(buried.len(), 1_000);
    assert_eq!(bus.depth(Topic::Dead).await.unwrap(), Some(1_000));
    let newest = buried.last().unwrap();
    assert_eq!(newest.reason, "reason 1009");
    assert_eq!(newest.topic, Topic::Accepted);
    assert_eq!(Job::decode(&newest.payload).unwrap(), outgoing(1009).job);
}

/// Two jobs that arrive in one breath wake two waiting consumers, even while
/// neither job is completed.
#[tokio::test]
async fn no_arrival_is_overlooked() {
    let bus = EmbeddedBus::new(10);
    for _ in 0..200 {
        let mut one = bus.subscribe(Topic::Local, 1).await.unwrap();
        let mut two = bus.subscribe(Topic::Local, 1).await.unwrap();
        let both = async { tokio::join!(one.next(), two.next()) };
        let publish = async {
            bus.publish(Topic::Local, outgoing(1)).await.unwrap();
            bus.publish(Topic::Local, outgoing(2)).await.unwrap();
        };
        let arrived = async { tokio::join!(publish, both).1 };
        let (first, second) = tokio::time::timeout(Duration::from_secs(10), arrived)
            .await
            .unwrap();
        first.unwrap().complete().await.unwrap();
        second.unwrap().complete().await.unwrap();
    }
}

#[tokio::test]
async fn only_known_engines_are_connected_to() {
    assert!(bus::connect("embedded").await.is_ok());
    let Err(error) = bus::connect("kafka://localhost").await else {
        panic!("there is no such engine");
    };
    assert!(error.to_string().contains("kafka://localhost"), "{error}");
}
