//! One slow destination holds back nobody else (promise 5), nor do five hundred.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::fmt::Write as _;
use std::time::Duration;

use world::{Say, Sink, World, eventually};

const OK: &str = "Relayed { dsn: false } 2.0.0";
const DOMAINS: usize = 500;

/// A world with bad domains: half of them dead, the others hang.
async fn world_of_the_bad() -> (World, Sink, Sink) {
    let (mut world, sink) = World::with_sink().await;
    let silent = Sink::start_at(([127, 0, 0, 2], sink.address().port()).into()).await;
    silent.say("greeting", Say::Silence);
    for number in 0..DOMAINS {
        let host = 2 + number % 2;
        writeln!(world.zone, "bad{number}.example A 127.0.0.{host}").unwrap();
    }
    (world, sink, silent)
}

async fn send_to_the_bad(world: &World, domains: usize) {
    for number in 0..domains {
        let (domain, to) = (
            format!("bad{number}.example"),
            format!("bob@bad{number}.example"),
        );
        world.send_to(&domain, &[&to], |_| {}).await;
    }
}

async fn flows(world: &World, messages: usize) {
    for _ in 0..messages {
        let key = world.send(&["bob@example.org"]).await;
        assert_eq!(world.settled(key).await, [OK]);
    }
}

#[tokio::test]
async fn five_hundred_dead_or_hanging_domains_hold_back_nobody() {
    let (mut world, sink, silent) = world_of_the_bad().await;
    world.start();
    send_to_the_bad(&world, DOMAINS).await;
    eventually("the silent to be busy", async || {
        silent.open() == DOMAINS / 2
    })
    .await;
    flows(&world, 50).await;
    assert_eq!(silent.open(), DOMAINS / 2, "they hang still");
    assert_eq!(sink.mails().len(), 50);
}

#[tokio::test]
async fn even_where_those_that_hang_have_every_slot_that_newcomers_may_have() {
    let (mut world, sink, silent) = world_of_the_bad().await;
    world.config.relay.unproven = 40;
    world.start();
    flows(&world, 1).await;
    send_to_the_bad(&world, DOMAINS).await;
    eventually("the silent to be busy", async || silent.open() == 40).await;
    flows(&world, 50).await;
    assert_eq!(silent.most_open(), 40);
    assert_eq!(sink.mails().len(), 51);
}

#[tokio::test]
async fn a_newcomer_gets_its_turn_when_those_that_hang_run_out_of_time() {
    let (mut world, _sink, silent) = world_of_the_bad().await;
    world.config.relay.unproven = 40;
    world.config.relay.greeting_timeout = world::seconds(1);
    world.start();
    send_to_the_bad(&world, 100).await;
    eventually("the silent to be busy", async || silent.open() >= 30).await;
    let key = world.send(&["bob@example.org"]).await;
    world.settled_within(key, Duration::from_secs(3600)).await;
    assert_eq!(world.outcomes(key).await, [OK]);
}
