//! Two instances over one Redis: what is done at one is seen at the other, and a
//! maildrop is open at one of them only.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::sync::Arc;
use std::time::Duration;

use house::{ALICE, Client, Engine, House, PASSWORD};
use message::time::ManualClock;
use message::{Clock, MessageId};
use station::{SystemClock, SystemRandomness};
use store::Time;
use store::mailbox::{Appended, MailboxName, NewEntry, Quota};
use tokio::time::Instant;

const APPENDS: usize = 100;

async fn two_houses() -> (House, House) {
    let house = House::over(Engine::Redis(Time::Server)).await;
    let neighbour = house.neighbour().await;
    (house, neighbour)
}

/// A client under IDLE in Alice's inbox.
async fn idle(house: &House) -> Client {
    let mut client = house.client("alice").await;
    client.ask("SELECT INBOX").await;
    client.send("a1 IDLE\r\n").await;
    client.answer().await;
    client
}

/// `cargo test -p mailbox-access --test instances -- --nocapture` prints how long
/// it takes, from the APPEND, with its fsyncs, to the line of the other's IDLE.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hears_what_another_instance_appends() {
    let (here, there) = two_houses().await;
    let mut idling = idle(&there).await;
    let mut appending = here.client("alice").await;
    let mut latencies = Vec::new();
    for number in 1..=APPENDS {
        let start = Instant::now();
        appending.send("a1 APPEND INBOX {5+}\r\nhello\r\n").await;
        idling.hear(&format!("* {number} EXISTS")).await;
        latencies.push(start.elapsed());
        let answer = appending.answer().await.pop().unwrap();
        assert!(answer.starts_with("a1 OK"), "{answer}");
    }
    latencies.sort_unstable();
    let (median, slowest) = (latencies[APPENDS / 2], latencies[APPENDS - 1]);
    println!("heard after {median:?} in the median, {slowest:?} at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hears_what_is_delivered_past_all_instances() {
    let (here, there) = two_houses().await;
    let (mut first, mut second) = (idle(&here).await, idle(&there).await);
    let delivering = here.neighbour().await.stores.mailbox;
    for number in 1..=10 {
        let clock = SystemClock::new();
        let message = MessageId::draw(&clock, &SystemRandomness);
        let content = format!("smtp-ingress.{message}.00000000.00000009");
        let entry = NewEntry {
            delivery: Some(message),
            content: content.parse().unwrap(),
            prefix: String::new(),
            size: 9,
            internal_date: clock.now(),
            flags: Vec::new(),
        };
        let inbox = MailboxName::inbox();
        let appended = delivering.append(ALICE, &inbox, entry, Quota::NONE).await;
        assert!(matches!(appended.unwrap(), Appended::Stored { .. }));
        let exists = format!("* {number} EXISTS");
        first.hear(&exists).await;
        second.hear(&exists).await;
    }
}

/// Logs in as Alice; the answer to the password.
async fn log_in(house: &House) -> (Client, String) {
    let mut client = house.pop3_client().await;
    client.say("USER alice@example.org").await;
    let answer = client.say(&format!("PASS {PASSWORD}")).await;
    (client, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildrop_is_open_at_one_instance_until_quit() {
    let (here, there) = two_houses().await;
    let (mut holder, answer) = log_in(&here).await;
    assert!(answer.starts_with("+OK"), "{answer}");
    let (_, answer) = log_in(&there).await;
    assert!(answer.starts_with("-ERR [IN-USE]"), "{answer}");
    let answer = holder.say("QUIT").await;
    assert!(answer.starts_with("+OK"), "{answer}");
    let (_, answer) = log_in(&there).await;
    assert!(answer.starts_with("+OK"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maildrop_is_free_a_minute_after_its_instance_died() {
    let clock = Arc::new(ManualClock::at("2026-11-23T12:00:00Z"));
    let here = House::over(Engine::Redis(Time::Given(clock.clone()))).await;
    // Ended at once, an instance does nothing more, as after SIGKILL.
    let instance = tokio::runtime::Runtime::new().unwrap();
    let site = Arc::clone(&here.site);
    let there = instance.spawn(async move { site.instance("second").await });
    let there = there.await.unwrap();
    let (mut holder, answer) = log_in(&there).await;
    assert!(answer.starts_with("+OK"), "{answer}");

    instance.shutdown_background();
    holder.end().await;
    clock.advance(Duration::from_secs(59));
    let (_, answer) = log_in(&here).await;
    assert!(answer.starts_with("-ERR [IN-USE]"), "{answer}");
    clock.advance(Duration::from_secs(1));
    let (_, answer) = log_in(&here).await;
    assert!(answer.starts_with("+OK"), "{answer}");
}
