//! Two instances over one store and one bus.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use store::ledger::JobState;
use world::{Say, World, eventually};

const OK: &str = "Relayed { dsn: false } 2.0.0";

#[tokio::test]
async fn another_instance_takes_over_when_one_dies_in_the_dialogue() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.lease = world::seconds(60);
    sink.say("DATA", Say::Silence);
    let first = world.start_apart();
    let key = world.send(&["bob@example.org"]).await;
    eventually("DATA", async || sink.commands().iter().any(|c| c == "DATA")).await;
    world.start();
    first.shutdown_background();
    eventually("the first to be gone", async || sink.open() == 0).await;
    sink.say_yes();

    // Until its lease expires the job is the dead one's, whoever hears of it.
    world.publish(key).await;
    world.send(&["carol@example.org"]).await;
    eventually("the other message", async || sink.mails().len() == 1).await;
    let state = world.job(key).await.state;
    assert!(matches!(state, JobState::Working { .. }), "{state:?}");

    world.clock.advance(2 * *world.config.relay.lease);
    assert_eq!(world.ledger.overdue(10, &[]).await.unwrap().len(), 1);
    world.publish(key).await;
    assert_eq!(world.settled(key).await, [OK]);
    assert_eq!(sink.mails().len(), 2);
}

#[tokio::test]
async fn a_job_published_three_times_over_is_done_once() {
    let (mut world, sink) = World::with_sink().await;
    let key = world.send(&["bob@example.org"]).await;
    world.publish(key).await;
    world.publish(key).await;
    let second = world.start_apart();
    world.start();
    let settled = world.settled(key).await;
    let last = world.send(&["carol@example.org"]).await;
    assert_eq!(world.settled(last).await, settled);
    assert_eq!(sink.mails().len(), 2);
    second.shutdown_background();
}
