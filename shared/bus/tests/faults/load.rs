//! Many jobs: a backlog in bounded memory, and how fast a broker is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bus::Bus;
use message::Topic;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{DEADLINE, empties, number, outgoing, publish};

/// How many jobs are completed at a time.
const AT_A_TIME: usize = 128;

/// A backlog is published and drained in bounded memory.
pub(crate) async fn a_backlog_is_drained(bus: &Arc<dyn Bus>, jobs: u32) {
    let topic = Topic::Remote;
    let before = resident();
    publish_many(bus, topic, jobs).await;
    let mut subscription = bus.subscribe(topic, 2 * AT_A_TIME).await.expect("a place");
    let mut seen = vec![false; jobs as usize];
    let mut left = jobs;
    // As a station does, which works on many at a time.
    let mut completing = JoinSet::new();
    while left > 0 {
        let delivery = timeout(DEADLINE, subscription.next()).await;
        let delivery = delivery.expect("a job arrives").expect("the bus");
        if !std::mem::replace(&mut seen[number(&delivery) as usize], true) {
            left -= 1;
        }
        completing.spawn(delivery.complete());
        if completing.len() >= AT_A_TIME {
            let completed = completing.join_next().await.expect("there are some");
            completed.expect("it ends").expect("it is completed");
        }
    }
    while let Some(completed) = completing.join_next().await {
        completed.expect("it ends").expect("it is completed");
    }
    empties(&**bus, topic).await;
    let grown = resident().saturating_sub(before);
    println!("memory grew by {} KiB over {jobs} jobs", grown / 1024);
    assert!(grown < 48 << 20, "memory grew by {grown} octets");
}

/// Publishes with 64 in flight.
pub(super) async fn publish_many(bus: &Arc<dyn Bus>, topic: Topic, jobs: u32) {
    let next = Arc::new(AtomicU32::new(0));
    let publishers = (0..64).map(|_| {
        let (bus, next) = (Arc::clone(bus), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                if job >= jobs {
                    return;
                }
                publish(&*bus, topic, job).await;
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.expect("it publishes");
    }
}

/// Prints how fast the bus is.
pub(crate) async fn measure(name: &str, bus: &Arc<dyn Bus>) {
    let jobs = 20_000;
    let started = Instant::now();
    publish_many(bus, Topic::Remote, jobs).await;
    let published = started.elapsed();
    let started = Instant::now();
    let mut drain = bus.subscribe(Topic::Remote, 256).await.expect("a place");
    for _ in 0..jobs {
        let delivery = drain.next().await.expect("a job");
        delivery.complete().await.expect("it is completed");
    }
    let drained = started.elapsed();
    let rate = |time: Duration| f64::from(jobs) / time.as_secs_f64();
    println!(
        "{name}: {:.0} acknowledged publications/s with 64 in flight, {:.0} jobs drained/s",
        rate(published),
        rate(drained)
    );
    let mut consumer = bus.subscribe(Topic::Local, 8).await.expect("a place");
    let mut latencies = Vec::new();
    for job in 0..1000 {
        let started = Instant::now();
        let (published, delivery) =
            tokio::join!(bus.publish(Topic::Local, outgoing(job)), consumer.next());
        published.expect("it is published");
        latencies.push(started.elapsed());
        delivery
            .expect("a job")
            .complete()
            .await
            .expect("it is completed");
    }
    latencies.sort();
    println!(
        "{name}: publish to delivery p50 {:?}, p99 {:?}",
        latencies[500], latencies[990]
    );
}

/// Memory of this process, in octets.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("proc");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("a number of pages") * 4096
}
