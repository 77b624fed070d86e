//! Clients that no one here wrote: swaks and OpenSSL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::process::{Output, Stdio};

use house::{House, PASSWORD};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// Runs a tool; none if it is not installed (`tests/run` installs it).
async fn run(program: &str, arguments: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped, {program}: {error}");
            return None;
        }
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .await
        .unwrap();
    Some(
        timeout(house::DEADLINE, child.wait_with_output())
            .await
            .unwrap()
            .unwrap(),
    )
}

async fn swaks(house: &House, extra: &[&str], messages: usize) {
    let port = house.submission.port().to_string();
    let tls_port = house.submissions.port().to_string();
    let mut arguments = vec!["--server", "127.0.0.1", "--from", "alice@example.org"];
    arguments.extend([
        "--to",
        "alice@example.org",
        "--au",
        "alice@example.org",
        "--ap",
        PASSWORD,
    ]);
    arguments.extend(extra.iter().map(|&argument| match argument {
        "PORT" => port.as_str(),
        "TLS-PORT" => tls_port.as_str(),
        other => other,
    }));
    if let Some(output) = run("swaks", &arguments, "").await {
        let talk = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaints = String::from_utf8_lossy(&output.stderr);
        if complaints.contains("requires Net::SSLeay") {
            eprintln!("skipped, swaks: {complaints}");
            return;
        }
        assert!(output.status.success(), "{talk}{complaints}");
        assert!(talk.contains("250 2.0.0 Ok: queued as"), "{talk}");
        assert_eq!(house.ledger.accepted().len(), messages);
    }
}

#[tokio::test]
async fn swaks_submits() {
    let house = House::open().await;
    swaks(&house, &["--port", "PORT", "--tls", "--auth", "PLAIN"], 1).await;
    swaks(&house, &["--port", "PORT", "--tls", "--auth", "LOGIN"], 2).await;
    swaks(
        &house,
        &["--port", "TLS-PORT", "--tls-on-connect", "--pipeline"],
        3,
    )
    .await;
}

#[tokio::test]
async fn openssl_shakes_hands() {
    let house = House::open().await;
    let connect = house.submission.to_string();
    let arguments = [
        "s_client",
        "-quiet",
        "-crlf",
        "-starttls",
        "smtp",
        "-connect",
        &connect,
    ];
    let input = "EHLO client.example\nQUIT\n";
    if let Some(output) = run("openssl", &arguments, input).await {
        let talk = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(talk.contains("250-AUTH PLAIN LOGIN"), "{talk}");
    }
}
