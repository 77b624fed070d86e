//! The time of day is set on or back under the relay.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use jiff::SignedDuration;
use store::ledger::JobState;
use world::{Say, World, eventually};

const OK: &str = "Relayed { dsn: false } 2.0.0";
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn set_on_by_days_nothing_is_given_up_before_it_is_tried() {
    let (mut world, sink) = World::with_sink().await;
    sink.say_times("RCPT", Say::Reply("450 4.2.1 later"), 1);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    world.deferred(key).await;
    world.clock.step(6 * DAY);
    world
        .settled_within(key, std::time::Duration::from_secs(60))
        .await;
    assert_eq!(world.outcomes(key).await, [OK]);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn set_back_by_a_day_new_mail_flows_and_what_sleeps_is_kept() {
    let (mut world, sink) = World::with_sink().await;
    sink.say_times("RCPT", Say::Reply("450 4.2.1 later"), 1);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    world.deferred(key).await;
    world.clock.step(-DAY);
    let new = world.send(&["carol@example.org"]).await;
    assert_eq!(world.settled(new).await, [OK]);
    let state = world.job(key).await.state;
    assert!(matches!(state, JobState::Deferred { .. }), "{state:?}");
    world.clock.step(DAY);
    world
        .settled_within(key, std::time::Duration::from_secs(600))
        .await;
    assert_eq!(sink.mails().len(), 2);
}

#[tokio::test]
async fn set_on_in_a_dialogue_the_message_goes_out_once() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.lease = world::seconds(60);
    sink.say("DATA", Say::Silence);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    eventually("DATA", async || sink.commands().iter().any(|c| c == "DATA")).await;
    world.clock.step(DAY);
    // By the store's clock the lease has expired, whoever still works on it.
    assert_eq!(world.ledger.overdue(10, &[]).await.unwrap().len(), 1);
    sink.say_yes();
    world.publish(key).await;
    assert_eq!(world.settled(key).await, [OK]);
    assert_eq!(sink.mails().len(), 1);
}
