//! Many jobs over much time: retries, delay and end, slots, backoff, claims.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::time::Duration;

use message::NoticeKind;
use store::ledger::JobState;
use world::{Say, Sink, World, eventually};

const OK: &str = "Relayed { dsn: false } 2.0.0";
const HOUR: Duration = Duration::from_secs(3600);

/// A port of loopback on which nobody listens.
async fn dead_port() -> u16 {
    Sink::start().await.address().port()
}

async fn world_without_host() -> World {
    let mut world = World::new().await;
    world.config.relay.port = dead_port().await;
    world.zone = "example.org MX 10 mx.example.org\nmx.example.org A 127.0.0.1\n".into();
    world
}

#[tokio::test]
async fn a_dead_host_means_retries_a_notice_of_delay_and_the_end_after_five_days() {
    let mut world = world_without_host().await;
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.deferred(key).await, ["Deferred 4.4.1"]);
    let job = world.job(key).await;
    let accepted = world
        .ledger
        .entry(key.message)
        .await
        .unwrap()
        .unwrap()
        .accepted_at;
    assert_eq!(job.warn_at, Some(accepted + 4 * HOUR));
    assert_eq!(job.retry_until, Some(accepted + 120 * HOUR));
    let passed = world.settled_within(key, 121 * HOUR).await;
    assert!(passed >= 120 * HOUR, "given up after {passed:?}");
    assert_eq!(world.outcomes(key).await, ["Failed 5.4.1"]);
    let attempts = world.job(key).await.attempts;
    assert!((33..38).contains(&attempts), "{attempts} attempts");
    let reserve = message::MessageId::from_bits(1);
    let claim = world
        .ledger
        .claim_notice(key.message, NoticeKind::Failure, reserve)
        .await
        .unwrap();
    assert_eq!(claim.unwrap().recipients.len(), 1);
}

#[tokio::test]
async fn the_null_sender_is_given_up_after_a_day() {
    let mut world = world_without_host().await;
    world.start();
    let null = |envelope: &mut message::Envelope| {
        envelope.return_path = message::ReversePath::Null;
    };
    let key = world
        .send_to("example.org", &["bob@example.org"], null)
        .await;
    let passed = world.settled_within(key, 25 * HOUR).await;
    assert!(passed >= 24 * HOUR, "given up after {passed:?}");
}

#[tokio::test]
async fn a_set_number_of_attempts_is_kept() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.max_attempts = Some(3);
    sink.say("RCPT", Say::Reply("450 4.2.1 later"));
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    world.settled_within(key, HOUR).await;
    assert_eq!(world.outcomes(key).await, ["Failed 5.2.1"]);
    let commands = sink.commands();
    let tried = commands.iter().filter(|said| said.starts_with("RCPT"));
    assert_eq!(tried.count(), 3);
}

#[tokio::test]
async fn when_a_destination_answers_again_its_whole_queue_drains() {
    let mut world = world_without_host().await;
    world.start();
    let first = world.send(&["bob@example.org"]).await;
    world.deferred(first).await;
    let mut keys = vec![first];
    for _ in 0..20 {
        keys.push(world.send(&["bob@example.org"]).await);
    }
    for key in &keys {
        assert_eq!(world.deferred(*key).await, ["Deferred 4.4.1"]);
    }
    let attempts = |job: &store::ledger::JobRecord| {
        job.log
            .iter()
            .filter(|attempt| attempt.host.is_some())
            .count()
    };
    let mut tried = 0;
    for key in &keys {
        tried += attempts(&world.job(*key).await);
    }
    assert_eq!(tried, 1, "the others sleep without an attempt");
    // Two failed probes later every job sleeps for longer than the next one takes.
    for _ in 0..25 {
        world.pass(Duration::from_secs(60)).await;
    }
    let address = ([127, 0, 0, 1], world.config.relay.port).into();
    let sink = Sink::start_at(address).await;
    for key in &keys {
        world.settled_within(*key, HOUR).await;
        assert_eq!(world.outcomes(*key).await, [OK]);
    }
    assert_eq!(sink.mails().len(), keys.len());
    assert!(world.ledger.troubled(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_attempt_at_a_time_probes() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.greeting_timeout = world::seconds(1000);
    sink.say_times("greeting", Say::Reply("421 4.3.2 busy"), 1);
    world.start();
    let first = world.send(&["bob@example.org"]).await;
    world.deferred(first).await;
    for _ in 0..10 {
        let key = world.send(&["bob@example.org"]).await;
        world.deferred(key).await;
    }
    assert_eq!(sink.connections(), 1);
    sink.say("greeting", Say::Silence);
    for _ in 0..8 {
        world.pass(Duration::from_secs(60)).await;
    }
    eventually("the probe", async || sink.connections() == 2).await;
    for _ in 0..5 {
        world.pass(Duration::from_secs(20)).await;
    }
    assert_eq!(sink.connections(), 2, "one probe and no other attempt");
}

#[tokio::test]
async fn a_destination_has_its_limit_and_what_exceeds_it_waits_in_the_ledger() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.per_destination = 3;
    world.start();
    let mut keys = Vec::new();
    for _ in 0..60 {
        keys.push(world.send(&["bob@example.org"]).await);
    }
    for key in keys {
        assert_eq!(world.settled(key).await, [OK]);
    }
    assert_eq!(sink.mails().len(), 60);
    assert!(
        sink.most_open() <= 3,
        "{} connections at a time",
        sink.most_open()
    );
}

#[tokio::test]
async fn a_slow_destination_holds_back_nobody_else() {
    let (mut world, sink) = World::with_sink().await;
    let slow = Sink::start_at(([127, 0, 0, 2], sink.address().port()).into()).await;
    slow.say("greeting", Say::Silence);
    world.zone.push_str("slow.example A 127.0.0.2\n");
    world.start();
    for _ in 0..50 {
        world
            .send_to("slow.example", &["bob@slow.example"], |_| {})
            .await;
    }
    eventually("the slow host to be busy", async || slow.open() == 5).await;
    for _ in 0..20 {
        let key = world.send(&["bob@example.org"]).await;
        assert_eq!(world.settled(key).await, [OK]);
    }
    assert_eq!(slow.most_open(), 5, "a few find out whether it talks");
}

#[tokio::test]
async fn an_attempt_whose_claim_is_lost_drops_its_connection_before_the_dot() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.lease = world::seconds(60);
    sink.say("DATA", Say::Silence);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    eventually("DATA", async || sink.commands().iter().any(|c| c == "DATA")).await;
    let working = |state| matches!(state, JobState::Working { .. });
    world.reaches(key, working).await;
    // Time jumps: the lease has expired before anyone could renew it.
    world.clock.advance(2 * *world.config.relay.lease);
    eventually("the connection to be dropped", async || sink.open() == 0).await;
    assert!(sink.mails().is_empty());
    sink.say_yes();
    let again = world.ledger.overdue(10, &[]).await.unwrap();
    assert_eq!(again.len(), 1);
    world.publish(key).await;
    assert_eq!(world.settled(key).await, [OK]);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn a_job_whose_claim_is_lost_here_only_is_given_back() {
    let (mut world, sink) = World::with_sink().await;
    // However long a lease it asks for, the process finds that it has ended.
    world.hesitation.set(48 * HOUR);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    eventually("the job to be given back", async || {
        world.job(key).await.tries == 1
    })
    .await;
    assert_eq!(world.job(key).await.state, JobState::Pending);
    assert!(sink.mails().is_empty());
    world.hesitation.set(Duration::ZERO);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.ledger.overdue(10, &[]).await.unwrap().len(), 1);
    world.publish(key).await;
    assert_eq!(world.settled(key).await, [OK]);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn a_claim_is_renewed_for_as_long_as_the_transfer_takes() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.lease = world::seconds(60);
    sink.say("RCPT", Say::Silence);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    eventually("RCPT", async || {
        sink.commands().iter().any(|c| c.starts_with("RCPT"))
    })
    .await;
    for _ in 0..60 {
        world.pass(Duration::from_secs(10)).await;
    }
    let JobState::Working { until } = world.job(key).await.state else {
        panic!("the claim was lost");
    };
    let now = message::Clock::now(&world.clock);
    assert!(until > now);
    assert_eq!(sink.open(), 1);
}

#[tokio::test]
async fn what_was_left_undone_is_done_after_the_next_start() {
    let (mut world, sink) = World::with_sink().await;
    sink.say_times("RCPT", Say::Reply("450 4.2.1 later"), 1);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    world.deferred(key).await;
    world.stop().await;
    world.clock.advance(HOUR);
    world.start();
    assert_eq!(world.settled(key).await, [OK]);
    world.stop().await;
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn an_operators_retry_is_made_though_the_destination_is_backed_off() {
    let (mut world, sink) = World::with_sink().await;
    sink.say("greeting", Say::Reply("421 4.3.2 busy"));
    world.start();
    let first = world.send(&["bob@example.org"]).await;
    world.deferred(first).await;
    let second = world.send(&["bob@example.org"]).await;
    world.deferred(second).await;
    sink.say_yes();
    let retry = store::ledger::Intervention::Retry;
    assert!(world.ledger.intervene(first, retry).await.unwrap());
    world.publish(first).await;
    assert_eq!(world.settled(first).await, [OK]);
    assert_eq!(world.settled(second).await, [OK], "the queue drains");
}
