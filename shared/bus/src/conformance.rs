//! The contract of the port, as a suite that every adapter passes: give
//! [`check_all`] a way to make an empty bus.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use message::{Job, JobKey, MessageId, Topic, TraceContext};
use tokio::time::timeout;

use crate::{BuriedId, Bus, Delivery, Outgoing, Published, Subscription};

/// How long anything may take before the bus counts as stuck.
const DEADLINE: Duration = Duration::from_secs(20);

/// Runs the suite, each part on a bus of its own.
///
/// # Panics
/// Where the bus breaks the contract.
pub async fn check_all<F>(make: impl Fn() -> F)
where
    F: Future<Output = Arc<dyn Bus>>,
{
    what_is_published_arrives(&*make().await).await;
    topics_are_separate(&*make().await).await;
    each_job_goes_to_one_consumer(make().await).await;
    a_job_given_back_comes_again(&*make().await).await;
    a_dropped_delivery_comes_again(&*make().await).await;
    deliveries_outlive_their_subscription(&*make().await).await;
    no_more_than_the_prefetch_is_out(&*make().await).await;
    a_cancelled_wait_loses_nothing(&*make().await).await;
    what_is_buried_stays_buried(&*make().await).await;
    what_is_buried_is_given_back_or_forgotten(&*make().await).await;
}

async fn what_is_published_arrives(bus: &dyn Bus) {
    let mut consumer = subscribe(bus, Topic::Accepted, 1).await;
    let sent = outgoing(1);
    assert_eq!(publish(bus, Topic::Accepted, sent).await, Published::Taken);
    let delivery = next(&mut *consumer).await;
    assert_eq!(job(&delivery), sent.job);
    assert_eq!(delivery.trace, Some(sent.trace));
    assert!(!delivery.redelivered, "the first delivery is no repetition");
    delivery.complete().await.expect("it is completed");
    // A subscription that begins later finds what was published before.
    publish(bus, Topic::Accepted, outgoing(2)).await;
    drop(consumer);
    let mut later = subscribe(bus, Topic::Accepted, 1).await;
    assert_eq!(job(&next(&mut *later).await), outgoing(2).job);
}

async fn topics_are_separate(bus: &dyn Bus) {
    let topics = [Topic::Outcome, Topic::Remote, Topic::Local, Topic::Accepted];
    for (number, topic) in (0..).zip(topics) {
        publish(bus, topic, outgoing(number)).await;
    }
    for (number, topic) in (0..).zip(topics) {
        if let Some(depth) = bus.depth(topic).await.expect("a depth") {
            assert_eq!(depth, 1, "on {topic}");
        }
        let mut consumer = subscribe(bus, topic, 5).await;
        let delivery = next(&mut *consumer).await;
        assert_eq!(job(&delivery), outgoing(number).job, "on {topic}");
        delivery.complete().await.expect("it is completed");
    }
}

async fn each_job_goes_to_one_consumer(bus: Arc<dyn Bus>) {
    const JOBS: u32 = 200;
    let (taken, mut arrivals) = tokio::sync::mpsc::channel(JOBS as usize);
    for _ in 0..4 {
        let (bus, taken) = (Arc::clone(&bus), taken.clone());
        let mut consumer = subscribe(&*bus, Topic::Local, 3).await;
        tokio::spawn(async move {
            while let Ok(delivery) = consumer.next().await {
                let job = job(&delivery);
                delivery.complete().await.expect("it is completed");
                if taken.send(job).await.is_err() {
                    return;
                }
            }
        });
    }
    for number in 0..JOBS {
        publish(&*bus, Topic::Local, outgoing(number)).await;
    }
    let mut seen = BTreeSet::new();
    for _ in 0..JOBS {
        let arrival = timeout(DEADLINE, arrivals.recv()).await;
        let job = arrival
            .expect("every job arrives")
            .expect("a consumer lives");
        assert!(seen.insert(job.key), "{} came twice", job.key);
    }
}

async fn a_job_given_back_comes_again(bus: &dyn Bus) {
    let mut consumer = subscribe(bus, Topic::Remote, 1).await;
    publish(bus, Topic::Remote, outgoing(1)).await;
    let delivery = next(&mut *consumer).await;
    delivery.give_back().await.expect("it is given back");
    let again = next(&mut *consumer).await;
    assert_eq!(job(&again), outgoing(1).job);
    assert_eq!(again.trace, Some(outgoing(1).trace));
    assert!(again.redelivered, "a repetition says so");
    again.complete().await.expect("it is completed");
}

async fn a_dropped_delivery_comes_again(bus: &dyn Bus) {
    publish(bus, Topic::Remote, outgoing(1)).await;
    let mut first = subscribe(bus, Topic::Remote, 1).await;
    let delivery = next(&mut *first).await;
    drop(first);
    drop(delivery);
    let mut second = subscribe(bus, Topic::Remote, 1).await;
    let again = next(&mut *second).await;
    assert_eq!(job(&again), outgoing(1).job);
    assert!(again.redelivered, "a repetition says so");
}

async fn deliveries_outlive_their_subscription(bus: &dyn Bus) {
    for number in 1..=2 {
        publish(bus, Topic::Outcome, outgoing(number)).await;
    }
    let mut consumer = subscribe(bus, Topic::Outcome, 1).await;
    let delivery = next(&mut *consumer).await;
    drop(consumer);
    let completed = job(&delivery);
    delivery.complete().await.expect("it is completed");
    let mut other = subscribe(bus, Topic::Outcome, 2).await;
    assert_ne!(job(&next(&mut *other).await), completed);
}

async fn no_more_than_the_prefetch_is_out(bus: &dyn Bus) {
    let mut narrow = subscribe(bus, Topic::Local, 2).await;
    for number in 1..=3 {
        publish(bus, Topic::Local, outgoing(number)).await;
    }
    let out = [next(&mut *narrow).await, next(&mut *narrow).await];
    assert!(is_pending(narrow.next()), "only two are out at a time");
    let mut other = subscribe(bus, Topic::Local, 1).await;
    let third = next(&mut *other).await;
    assert!(out.iter().all(|delivery| job(delivery) != job(&third)));
    third.give_back().await.expect("it is given back");
    drop(other);
    for delivery in out {
        delivery.complete().await.expect("it is completed");
    }
    next(&mut *narrow).await;
}

async fn a_cancelled_wait_loses_nothing(bus: &dyn Bus) {
    let mut impatient = subscribe(bus, Topic::Accepted, 1).await;
    let mut patient = subscribe(bus, Topic::Accepted, 1).await;
    for number in 0..20 {
        assert!(is_pending(impatient.next()), "nothing is there yet");
        publish(bus, Topic::Accepted, outgoing(number)).await;
        // Whether it takes the job or not, one of the two has it.
        let polled = timeout(Duration::ZERO, impatient.next()).await;
        let delivery = match polled {
            Ok(delivery) => delivery.expect("a delivery"),
            Err(_elapsed) => {
                let both = async {
                    tokio::select! {
                        taken = impatient.next() => taken,
                        taken = patient.next() => taken,
                    }
                };
                let taken = timeout(DEADLINE, both).await;
                taken.expect("the job is not lost").expect("a delivery")
            }
        };
        assert_eq!(job(&delivery), outgoing(number).job);
        delivery.complete().await.expect("it is completed");
    }
}

async fn what_is_buried_stays_buried(bus: &dyn Bus) {
    let mut consumer = subscribe(bus, Topic::Accepted, 1).await;
    publish(bus, Topic::Accepted, outgoing(1)).await;
    let delivery = next(&mut *consumer).await;
    delivery.bury("for a test").await.expect("it is buried");
    publish(bus, Topic::Accepted, outgoing(2)).await;
    assert_eq!(job(&next(&mut *consumer).await), outgoing(2).job);
    if let Some(dead) = bus.depth(Topic::Dead).await.expect("a depth") {
        assert_eq!(dead, 1);
    }
}

/// A job of its own for each number.
fn outgoing(number: u32) -> Outgoing {
    let message =
        MessageId::from_bits(0x0193_5a7b_0000_7000_8000_0000_0000_0000 + u128::from(number));
    Outgoing {
        job: Job {
            key: JobKey::work(message, number),
            generation: number,
        },
        publication: 0,
        trace: TraceContext {
            trace: message,
            span: u64::from(number) + 1,
            sampled: true,
        },
    }
}

fn job(delivery: &Delivery) -> Job {
    Job::decode(&delivery.payload).expect("what was published is a job")
}

async fn publish(bus: &dyn Bus, topic: Topic, outgoing: Outgoing) -> Published {
    let published = timeout(DEADLINE, bus.publish(topic, outgoing)).await;
    published
        .expect("publishing ends")
        .expect("the bus is there")
}

async fn subscribe(bus: &dyn Bus, topic: Topic, prefetch: usize) -> Box<dyn Subscription> {
    let subscription = timeout(DEADLINE, bus.subscribe(topic, prefetch)).await;
    subscription
        .expect("subscribing ends")
        .expect("the bus is there")
}

async fn next(consumer: &mut dyn Subscription) -> Delivery {
    let delivery = timeout(DEADLINE, consumer.next()).await;
    delivery.expect("a job arrives").expect("the bus is there")
}

async fn what_is_buried_is_given_back_or_forgotten(bus: &dyn Bus) {
    let buried = bus.dead(10).await.expect("a list");
    assert_eq!(buried, [], "nothing is buried yet");
    let none = BuriedId(7);
    assert!(!bus.revive(none).await.expect("an answer"), "nobody");
    assert!(!bus.forget(none).await.expect("an answer"), "nobody");
    let mut consumer = subscribe(bus, Topic::Remote, 1).await;
    for number in 1..=3 {
        publish(bus, Topic::Remote, outgoing(number)).await;
        let delivery = next(&mut *consumer).await;
        delivery.bury("an example").await.expect("it is buried");
    }
    let dead = bus.dead(10).await.expect("a list");
    let reasons: Vec<_> = dead.iter().map(|b| (b.topic, b.reason.as_str())).collect();
    assert_eq!(reasons, [(Topic::Remote, "an example"); 3]);
    assert_eq!(bus.dead(2).await.expect("a list"), dead[..2]);
    let (first, second) = (dead[0].id, dead[1].id);
    assert!(bus.revive(first).await.expect("it is given back"));
    assert!(!bus.revive(first).await.expect("it is gone"), "once");
    let again = next(&mut *consumer).await;
    assert_eq!(job(&again), outgoing(1).job);
    assert_eq!(again.trace, Some(outgoing(1).trace), "the trace goes on");
    again.complete().await.expect("it is completed");
    assert!(bus.forget(second).await.expect("it is forgotten"));
    assert!(!bus.forget(second).await.expect("it is gone"), "once");
    assert_eq!(bus.dead(10).await.expect("a list"), dead[2..]);
}

/// Polls once and gives up.
fn is_pending<T>(future: impl Future<Output = T>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(pin!(future).poll(&mut context), Poll::Pending)
}
