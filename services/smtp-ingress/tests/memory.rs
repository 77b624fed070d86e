//! What a session costs, however large its message: promise 7 in figures.
//! `cargo test -p smtp-ingress --test memory -- --nocapture` prints them.
//!
//! Alone in its file, since it reads the memory of the whole process; what the
//! clients take, who live here too, counts against the server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{Client, House};

/// As in `rohrpost`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SESSIONS: usize = 200;

/// What each client sends of its message before it pauses.
const SENT: usize = 512 << 10;

/// The most a session may cost.
const LIMIT: usize = 300 << 10;

#[tokio::test]
async fn a_session_costs_little_however_large_its_message() {
    let house = House::open_with(|config| {
        config.smtp.max_connections_per_address = 4 * SESSIONS;
    })
    .await;
    // What the first session costs, all share.
    let mut warm = house.client().await;
    warm.expect("220").await;
    let _warm = begin(warm, "", "DATA").await;

    let before = resident();
    let mut idle = Vec::new();
    for _ in 0..SESSIONS {
        let mut client = house.client().await;
        client.expect("220").await;
        idle.push(client);
    }
    check("idle", before);

    let before_content = resident();
    let mut busy = Vec::new();
    for (number, client) in idle.into_iter().enumerate() {
        let command = ["DATA", "BDAT 40000000 LAST"][number % 2];
        busy.push(begin(client, "", command).await);
    }
    check("within content, more", before_content);
    check("within content, in all", before);

    let before = resident();
    for _ in 0..SESSIONS {
        busy.push(begin(house.alice().await, "alice@example.org", "DATA").await);
    }
    check("submitting under TLS, with its client", before);
}

/// A client in the midst of a message.
async fn begin(mut client: Client, from: &str, command: &str) -> Client {
    client.say("EHLO client.example", "250").await;
    client.say(&format!("MAIL FROM:<{from}>"), "250").await;
    client.say("RCPT TO:<alice@example.org>", "250").await;
    client.send(format!("{command}\r\n")).await;
    if command == "DATA" {
        client.expect("354").await;
    }
    client.send("From: alice@example.org\r\n\r\n").await;
    let line = "x".repeat(1022) + "\r\n";
    let piece = line.repeat(64);
    for _ in 0..SENT / piece.len() {
        client.send(&piece).await;
    }
    client
}

#[track_caller]
fn check(state: &str, before: usize) {
    let each = resident().saturating_sub(before) / SESSIONS;
    println!("{state}: {} KiB for each session", each >> 10);
    assert!(each < LIMIT, "{state}: {each} octets");
}

/// The octets of the process that stand in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<usize>().unwrap() << 10
}
