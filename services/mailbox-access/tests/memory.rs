//! What a session costs that waits for mail: `cargo test -p mailbox-access --test
//! memory -- --nocapture` prints it. tests/bench measures ten thousand.
//!
//! Alone in its file, since it reads the memory of the whole process; what the
//! clients take, who live here too, counts against the server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// As in `rohrpost`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SESSIONS: usize = 400;

/// The most a waiting session may cost.
const LIMIT: usize = 20 << 10;

#[tokio::test]
async fn a_session_that_waits_costs_little() {
    let house = House::open_with(|config| {
        config.imap.max_connections_per_address = 2 * SESSIONS;
    })
    .await;
    // What the first sessions cost, all share.
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(idle(&house).await);
    }
    let before = resident();
    for _ in 0..SESSIONS {
        waiting.push(idle(&house).await);
    }
    let each = resident().saturating_sub(before) / SESSIONS;
    println!("{each} octets for each session");
    assert!(each < LIMIT, "{each} octets");
}

/// A client under IDLE.
async fn idle(house: &House) -> TcpStream {
    let mut socket = TcpStream::connect(house.imap).await.unwrap();
    hear(&mut socket, "ready").await;
    for (command, end) in [
        ("a1 LOGIN alice@example.org secret\r\n", "a1 OK"),
        ("a2 SELECT INBOX\r\n", "a2 OK"),
        ("a3 IDLE\r\n", "+ Idling"),
    ] {
        socket.write_all(command.as_bytes()).await.unwrap();
        hear(&mut socket, end).await;
    }
    socket
}

async fn hear(socket: &mut TcpStream, end: &str) {
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(end) {
        let mut octets = [0; 512];
        let count = socket.read(&mut octets).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&octets[..count]);
    }
}

/// The octets of the process that stand in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<usize>().unwrap() << 10
}
