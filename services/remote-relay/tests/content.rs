//! Content on its way: streamed whole, or refused in the middle.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::time::Duration;

use content::Away;
use store::ledger::JobState;
use world::{Say, World, eventually};

const OK: &str = "Relayed { dsn: false } 2.0.0";

/// What a host offers that takes content by BDAT.
const CHUNKS: [&str; 2] = ["PIPELINING", "CHUNKING"];

/// Lines of all kinds, so many octets of them and a few more.
fn lines(octets: usize) -> String {
    let mut content = String::from("Subject: large\r\n\r\n");
    for number in 0.. {
        if content.len() >= octets {
            break;
        }
        let dots = ".".repeat(number % 4);
        content.push_str(&format!("{dots}line {number}{dots}\r\n"));
    }
    content
}

#[tokio::test]
async fn large_content_is_streamed_octet_by_octet() {
    let (mut world, sink) = World::with_sink().await;
    world.start();
    for octets in [100, 32 * 1024, 64 * 1024, 3 * 1024 * 1024] {
        let content = lines(octets);
        let key = world.send_octets(content.as_bytes()).await;
        assert_eq!(world.settled(key).await, [OK], "{octets}");
        let received = sink.mails().pop().unwrap().content;
        let expected = format!("Received: from test\r\n{content}");
        assert!(received == expected, "content of {octets} octets changed");
    }
}

#[tokio::test]
async fn a_missing_last_line_end_is_added() {
    let (mut world, sink) = World::with_sink().await;
    world.start();
    let key = world.send_octets(b"Subject: hi\r\n\r\nno end").await;
    assert_eq!(world.settled(key).await, [OK]);
    assert!(sink.mails()[0].content.ends_with("\r\nno end\r\n"));
}

#[tokio::test]
async fn a_host_that_refuses_in_the_middle_of_the_content_is_believed() {
    let (mut world, sink) = World::with_sink().await;
    sink.say("content", Say::Reply("552 5.3.4 too large, stop it"));
    world.start();
    let key = world.send_octets(lines(20 * 1024 * 1024).as_bytes()).await;
    let outcomes = world.settled(key).await;
    assert_eq!(outcomes, ["Failed 5.3.4"]);
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn chunks_carry_what_data_carries() {
    let (mut world, sink) = World::with_sink().await;
    world.start();
    let no_end = "Subject: hi\r\n\r\n.\r\n..two\r\nno end".to_owned();
    let lone = "Subject: hi\r\n\r\nlone\n.\rends\r".to_owned();
    let large = [100, 32 * 1024, 64 * 1024, 64 * 1024 + 1, 3 * 1024 * 1024];
    for content in large.map(lines).into_iter().chain([no_end, lone]) {
        // Without PIPELINING it is DATA, whatever else is offered.
        for offers in [&["CHUNKING"], CHUNKS.as_slice()] {
            sink.offer(offers);
            let key = world.send_octets(content.as_bytes()).await;
            assert_eq!(world.settled(key).await, [OK]);
            // The next message is to see what is offered then.
            sink.hang_up();
            world::eventually("the end of the connection", async || sink.open() == 0).await;
        }
        let mails = sink.mails();
        let [.., data, chunks] = mails.as_slice() else {
            panic!("{} messages", mails.len());
        };
        assert!(data.content == chunks.content, "{} octets", content.len());
        let bdat = |command: &&String| command.starts_with("BDAT ");
        let commands = sink.commands();
        let last = commands.iter().rfind(bdat).unwrap();
        assert!(last.ends_with(" LAST"), "{last}");
        if content.len() < 32 * 1024 {
            assert_eq!(*last, format!("BDAT {} LAST", chunks.content.len()));
        }
    }
    let commands = sink.commands();
    let count = |verb| commands.iter().filter(|c| c.starts_with(verb)).count();
    assert_eq!(count("DATA"), 7);
    assert!(count("BDAT") > 7 + 3 * 1024 / 128, "{}", count("BDAT"));
}

#[tokio::test]
async fn a_refused_chunk_is_a_refusal_of_the_message() {
    for (command, reply, expected) in [
        (".", "552 5.3.4 too large", "Failed 5.3.4"),
        ("BDAT", "552 5.3.4 too large", "Failed 5.3.4"),
        ("content", "552 5.3.4 too large", "Failed 5.3.4"),
    ] {
        let (mut world, sink) = World::with_sink().await;
        sink.offer(&CHUNKS);
        sink.say_times(command, Say::Reply(reply), 1);
        world.start();
        let key = world.send_octets(lines(20 * 1024 * 1024).as_bytes()).await;
        assert_eq!(world.settled(key).await, [expected], "{command}");
        assert!(sink.mails().is_empty(), "{command}");
        // The next message is not taken for a part of this one.
        let key = world.send(&["bob@example.org"]).await;
        assert_eq!(world.settled(key).await, [OK], "{command}");
        assert_eq!(sink.mails().len(), 1, "{command}");
    }
}

#[tokio::test]
async fn chunks_are_for_the_recipients_that_were_accepted() {
    let (mut world, sink) = World::with_sink().await;
    sink.offer(&CHUNKS);
    sink.say("RCPT TO:<nobody@", Say::Reply("550 5.1.1 no such user"));
    sink.say_times("RCPT TO:<late@", Say::Reply("452 4.5.3 too many"), 1);
    world.start();
    let recipients = ["bob@example.org", "nobody@example.org", "late@example.org"];
    let key = world.send(&recipients).await;
    assert_eq!(world.settled(key).await, [OK, "Failed 5.1.1", OK]);
    let to: Vec<_> = sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [["bob@example.org"], ["late@example.org"]]);
    assert_eq!(sink.connections(), 1);
    let key = world.send(&["nobody@example.org"]).await;
    assert_eq!(world.settled(key).await, ["Failed 5.1.1"]);
    let chunks = sink
        .commands()
        .iter()
        .filter(|c| c.starts_with("BDAT"))
        .count();
    assert_eq!(chunks, 2);
}

#[tokio::test]
async fn while_contents_are_away_jobs_are_deferred_and_then_relayed() {
    let (mut world, sink) = World::with_sink().await;
    let away = Away::new(world.content.clone());
    let key = world.send(&["bob@example.org"]).await;
    world.content = away.clone();
    world.start();
    assert_eq!(world.deferred(key).await, ["Deferred 4.3.0"]);
    let job = world.job(key).await;
    assert_eq!((job.tries, job.attempts), (0, 1));
    let said = &job.log[0].result;
    assert!(said.contains("the object store does not answer"), "{said}");
    let state = world.ledger.destination(&job.destination).await.unwrap();
    assert_eq!(state, None, "the destination answered");
    away.come_back();
    world.settled_within(key, Duration::from_secs(3600)).await;
    assert_eq!(world.outcomes(key).await, [OK]);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn a_message_without_its_content_is_dead_before_long() {
    let (mut world, sink) = World::with_sink().await;
    let key = world.send(&["bob@example.org"]).await;
    let entry = world.ledger.entry(key.message).await.unwrap().unwrap();
    let content = &entry.acceptance.content;
    world.content.remove(content).await.unwrap();
    world.start();
    eventually("a dead job", async || {
        world.pass(Duration::from_secs(60)).await;
        world.publish(key).await;
        world.job(key).await.state == JobState::Dead
    })
    .await;
    assert!(sink.mails().is_empty());
}
