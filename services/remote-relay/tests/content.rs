//! Content on its way: streamed whole, or refused in the middle.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use world::{Say, World};

const OK: &str = "Relayed { dsn: false } 2.0.0";

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
