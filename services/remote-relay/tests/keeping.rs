//! Connections kept for the next message of their destination.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use message::JobKey;
use world::{Say, Sink, World, eventually, seconds};

const OK: &str = "Relayed { dsn: false } 2.0.0";

/// A world in which a message follows when the one before it is through.
async fn one_at_a_time() -> (World, Sink) {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.per_destination = 1;
    (world, sink)
}

async fn relayed(world: &World) -> JobKey {
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.settled(key).await, [OK]);
    key
}

fn count(sink: &Sink, command: &str) -> usize {
    let commands = sink.commands();
    commands
        .iter()
        .filter(|said| said.starts_with(command))
        .count()
}

#[tokio::test]
async fn messages_follow_one_another_over_one_connection_without_rset() {
    let (mut world, sink) = one_at_a_time().await;
    world.start();
    for _ in 0..10 {
        relayed(&world).await;
    }
    assert_eq!((sink.connections(), sink.mails().len()), (1, 10));
    assert_eq!((count(&sink, "EHLO"), count(&sink, "RSET")), (1, 0));
    world.stop().await;
    assert_eq!(count(&sink, "QUIT"), 1);
}

#[tokio::test]
async fn a_connection_is_ended_when_nothing_comes_for_it() {
    let (mut world, sink) = one_at_a_time().await;
    world.start();
    relayed(&world).await;
    assert_eq!(count(&sink, "QUIT"), 0);
    eventually("QUIT", async || {
        world.clock.advance(*seconds(1));
        count(&sink, "QUIT") == 1
    })
    .await;
    relayed(&world).await;
    assert_eq!(sink.connections(), 2);
}

#[tokio::test]
async fn a_connection_carries_so_many_messages_and_no_more() {
    let (mut world, sink) = one_at_a_time().await;
    world.config.relay.per_connection = 3;
    world.start();
    for _ in 0..7 {
        relayed(&world).await;
    }
    assert_eq!(sink.connections(), 3);
    eventually("the worn ones to end", async || count(&sink, "QUIT") == 2).await;
}

#[tokio::test]
async fn without_time_to_rest_each_connection_ends_with_its_message() {
    let (mut world, sink) = one_at_a_time().await;
    world.config.relay.idle = seconds(0);
    world.start();
    for _ in 0..3 {
        relayed(&world).await;
    }
    assert_eq!(sink.connections(), 3);
}

/// What the host does at rest, or at the next MAIL, and how a message fares.
async fn ends_at_rest(how: Say) {
    let (mut world, sink) = one_at_a_time().await;
    world.start();
    relayed(&world).await;
    sink.say_times("MAIL", how.clone(), 1);
    let key = relayed(&world).await;
    let job = world.job(key).await;
    assert_eq!(
        (job.attempts, job.log.len()),
        (1, 1),
        "{how:?}: {:?}",
        job.log
    );
    assert_eq!((sink.connections(), sink.mails().len()), (2, 2), "{how:?}");
}

#[tokio::test]
async fn a_connection_that_ended_at_rest_is_replaced_at_once_and_no_attempt_counted() {
    ends_at_rest(Say::Close).await;
    ends_at_rest(Say::Reply("421 4.4.2 idle for too long")).await;
}

#[tokio::test]
async fn a_host_that_left_is_noticed_before_anything_is_sent() {
    let (mut world, sink) = one_at_a_time().await;
    world.start();
    relayed(&world).await;
    sink.hang_up();
    eventually("the host to leave", async || sink.open() == 0).await;
    relayed(&world).await;
    assert_eq!((sink.connections(), count(&sink, "MAIL")), (2, 2));
}

#[tokio::test]
async fn a_refusal_over_a_kept_connection_is_the_answer_of_the_host() {
    let (mut world, sink) = one_at_a_time().await;
    world.start();
    relayed(&world).await;
    sink.say_times("MAIL", Say::Reply("550 5.7.1 not you"), 1);
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.settled(key).await, ["Failed 5.7.1"]);
    relayed(&world).await;
    assert_eq!((sink.connections(), count(&sink, "RSET")), (1, 1));
}

#[tokio::test]
async fn under_load_a_destination_has_its_number_of_connections_and_keeps_them() {
    let (mut world, sink) = one_at_a_time().await;
    world.config.relay.per_destination = 4;
    world.start();
    let mut keys = Vec::new();
    for _ in 0..200 {
        keys.push(world.send(&["bob@example.org"]).await);
    }
    for key in keys {
        assert_eq!(world.settled(key).await, [OK]);
    }
    assert_eq!(sink.mails().len(), 200);
    assert!(
        sink.connections() <= 4,
        "{} connections",
        sink.connections()
    );
}
