//! What must hold of every broker whatever dies: scenarios for a real server.

pub(crate) mod load;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, Delivery, Outgoing, Published, Subscription};
use message::{Job, JobKey, MessageId, Topic, TraceContext};
use servers::Broker;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{sleep, timeout};

/// How long anything may take; a broker may be starting, on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// How the test tells its other process where the broker is.
const VICTIMS_URL: &str = "ROHRPOST_TEST_VICTIMS_BUS";

/// Jobs survive the broker's death between any two steps.
pub(crate) async fn the_broker_dies_between_steps(broker: &mut impl Broker, options: &str) {
    let url = format!("{}?{options}", broker.url());
    let bus = fresh(&url).await;
    let topic = Topic::Accepted;
    let mut consumer = Consumer::new(&bus, topic, 8);

    publish(&*bus, topic, 1).await;
    restart(broker).await;
    let first = consumer.next().await;
    assert_eq!(number(&first), 1, "what was published is still there");
    restart(broker).await;
    // Its connection is gone; either way the job comes to an end or again.
    let _ = first.complete().await;
    publish(&*bus, topic, 2).await;
    consumer.complete_until(2).await;
    restart(broker).await;
    publish(&*bus, topic, 3).await;
    consumer.complete_until(3).await;
    empties(&*bus, topic).await;

    broker.kill();
    let away = timeout(Duration::from_secs(30), bus.publish(topic, outgoing(4))).await;
    let away = away.expect("publishing ends without a broker");
    assert!(matches!(away, Err(BusError::Unavailable(_))), "{away:?}");
    broker.start_again().await.expect("it starts again");
    publish(&*bus, topic, 5).await;
    consumer.complete_until(5).await;
}

/// Jobs survive a broker that dies again and again while many are under way.
pub(crate) async fn the_broker_dies_under_load(
    broker: &mut impl Broker,
    options: &str,
    kills: u32,
) {
    const JOBS: u32 = 4_000;
    let url = format!("{}?{options}", broker.url());
    let bus = fresh(&url).await;
    let topic = Topic::Local;
    let (done, mut completed) = tokio::sync::mpsc::channel(64);
    let mut consumers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (bus, done) = (Arc::clone(&bus), done.clone());
        consumers.spawn(async move {
            let mut consumer = Consumer::new(&bus, topic, 32);
            loop {
                let delivery = consumer.next().await;
                let number = number(&delivery);
                let _ = delivery.complete().await;
                if done.send(number).await.is_err() {
                    return;
                }
            }
        });
    }
    let publishing = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { load::publish_many(&bus, topic, JOBS).await }
    });
    let mut seen = BTreeSet::new();
    for kill in 1..=kills + 1 {
        // The next kill comes when a share of the jobs has been through.
        while (seen.len() as u32) < JOBS * kill / (kills + 1) {
            let number = timeout(DEADLINE, completed.recv()).await;
            seen.insert(number.expect("the jobs go on").expect("a consumer lives"));
        }
        if kill <= kills {
            restart(broker).await;
        }
    }
    timeout(DEADLINE, publishing)
        .await
        .expect("in time")
        .expect("all is published");
    // The consumers go on until nothing is left to come again.
    tokio::spawn(async move { while completed.recv().await.is_some() {} });
    empties(&*bus, topic).await;
}

/// What one consumer had when it left comes to the other at once.
pub(crate) async fn a_consumer_leaves_while_working(bus: &Arc<dyn Bus>) {
    let topic = Topic::Remote;
    for job in 0..10 {
        publish(&**bus, topic, job).await;
    }
    let mut leaving = bus.subscribe(topic, 5).await.expect("a subscription");
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(leaving.next().await.expect("a delivery"));
    }
    drop((leaving, held));
    let mut other = Consumer::new(bus, topic, 16);
    other.complete_all((0..10).collect()).await;
    empties(&**bus, topic).await;
}

/// What one consumer had when it was killed comes to the other.
pub(crate) async fn a_consumer_is_killed_while_working(bus: &Arc<dyn Bus>, url: &str) {
    publish(&**bus, Topic::Local, 7).await;
    let mut victim = victim(url);
    let output = victim.stdout.take().expect("its output");
    let mut lines = BufReader::new(output).lines();
    let taken = async {
        while let Some(line) = lines.next_line().await.expect("its output") {
            if line.contains("the victim has a job") {
                return;
            }
        }
        panic!("the victim ended by itself");
    };
    timeout(DEADLINE, taken).await.expect("it takes the job");
    victim.kill().await.expect("it is killed");
    let mut other = Consumer::new(bus, Topic::Local, 1);
    let again = other.next().await;
    assert_eq!(number(&again), 7);
    again.complete().await.expect("it is completed");
    empties(&**bus, Topic::Local).await;
}

/// The other process: this program again, running the test `victim` alone.
fn victim(url: &str) -> tokio::process::Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(VICTIMS_URL, url)
        .stdout(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).spawn().expect("it starts")
}

/// Takes a job and keeps it until killed.
pub(crate) async fn be_the_victim() {
    let Ok(url) = std::env::var(VICTIMS_URL) else {
        return;
    };
    let bus = bus::connect(&url).await.expect("the bus");
    let mut consumer = bus.subscribe(Topic::Local, 1).await.expect("a place");
    let _delivery = consumer.next().await.expect("a job");
    println!("the victim has a job");
    std::future::pending::<()>().await;
}

/// A topic with room for `room` jobs refuses, and takes more when there is room.
pub(crate) async fn a_full_topic_refuses(url: &str, room: u32) {
    let bus = fresh(&format!("{url}&max_jobs={room}")).await;
    let topic = Topic::Outcome;
    let mut taken = BTreeSet::new();
    let refused = async {
        for job in 0.. {
            match bus.publish(topic, outgoing(job)).await.expect("the bus") {
                Published::Taken => taken.insert(job),
                Published::Refused => return,
            };
        }
    };
    timeout(DEADLINE, refused)
        .await
        .expect("it is full in the end");
    // Brokers may take a few more than they are to.
    let count = taken.len() as u32;
    assert!((room..=room + 200).contains(&count), "{count} of {room}");
    let other = bus.publish(Topic::Local, outgoing(1)).await;
    assert_eq!(
        other.expect("the bus"),
        Published::Taken,
        "other topics have room"
    );
    Consumer::new(&bus, topic, 8).complete_all(taken).await;
    publish(&*bus, topic, 100_000).await;
}

/// Leaves a job on the first topic.
pub(crate) async fn leave_a_job(bus: &dyn Bus) {
    publish(bus, Topic::Accepted, 1).await;
}

/// Topics made and connected to; the broker may be about to be ready.
pub(crate) async fn fresh(url: &str) -> Arc<dyn Bus> {
    let ready = async {
        loop {
            let made = bus::init(url).await;
            match made {
                Ok(()) => return bus::connect(url).await.expect("the topics are right"),
                Err(BusError::Unavailable(_)) => sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    timeout(DEADLINE, ready)
        .await
        .expect("the broker becomes ready")
}

async fn restart(broker: &mut impl Broker) {
    broker.kill();
    broker.start_again().await.expect("it starts again");
}

/// A place at a topic that is taken again whenever the broker was away.
struct Consumer<'b> {
    bus: &'b Arc<dyn Bus>,
    topic: Topic,
    prefetch: usize,
    subscription: Option<Box<dyn Subscription>>,
}

impl<'b> Consumer<'b> {
    fn new(bus: &'b Arc<dyn Bus>, topic: Topic, prefetch: usize) -> Self {
        Self {
            bus,
            topic,
            prefetch,
            subscription: None,
        }
    }

    async fn next(&mut self) -> Delivery {
        let next = async {
            loop {
                let subscription = match &mut self.subscription {
                    Some(subscription) => subscription,
                    None => match self.bus.subscribe(self.topic, self.prefetch).await {
                        Ok(subscription) => self.subscription.insert(subscription),
                        Err(_away) => {
                            sleep(Duration::from_millis(20)).await;
                            continue;
                        }
                    },
                };
                match subscription.next().await {
                    Ok(delivery) => return delivery,
                    Err(_away) => self.subscription = None,
                }
            }
        };
        timeout(DEADLINE, next).await.expect("a job arrives")
    }

    /// Completes jobs up to the first whose number is `last`.
    async fn complete_until(&mut self, last: u32) {
        loop {
            let delivery = self.next().await;
            let number = number(&delivery);
            // If it fails the job comes again, here or in `empties`.
            let _ = delivery.complete().await;
            if number == last {
                return;
            }
        }
    }

    async fn complete_all(&mut self, mut jobs: BTreeSet<u32>) {
        while !jobs.is_empty() {
            let delivery = self.next().await;
            jobs.remove(&number(&delivery));
            delivery.complete().await.expect("it is completed");
        }
    }
}

/// Publishes until the broker has it.
async fn publish(bus: &dyn Bus, topic: Topic, job: u32) {
    let published = async {
        while !matches!(
            bus.publish(topic, outgoing(job)).await,
            Ok(Published::Taken)
        ) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, published)
        .await
        .expect("the broker takes it");
}

/// Waits until nothing waits.
async fn empties(bus: &dyn Bus, topic: Topic) {
    let empty = async {
        while !matches!(bus.depth(topic).await, Ok(Some(0))) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, empty).await.expect("the topic empties");
}

fn outgoing(number: u32) -> Outgoing {
    let message = MessageId::from_bits(0x0193_5a7b_0000_7000_8000_0000_0000_0000);
    Outgoing {
        job: Job {
            key: JobKey::work(message, number),
            generation: 1,
        },
        publication: 0,
        trace: TraceContext {
            trace: message,
            span: 1,
            sampled: true,
        },
    }
}

fn number(delivery: &Delivery) -> u32 {
    match Job::decode(&delivery.payload).expect("a job").key.part {
        message::Part::Work(number) => number,
        other => panic!("{other:?} is none of ours"),
    }
}
