//! The MX port: mail from other servers for local recipients.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::time::Duration;

use house::{Client, Failure, House};
use message::srs::Rewriter;
use message::{Body, Clock, Job, JobKey, Topic};
use station::SystemClock;

#[tokio::test]
async fn a_message_is_taken_whole_and_the_router_is_told() {
    let house = House::open().await;
    let mut topic = house.bus.subscribe(Topic::Accepted, 1).await.unwrap();
    let mut client = house.client().await;
    client.expect("220 mx.example.org").await;
    client.say("EHLO client.example", "250 HELP").await;
    client
        .submit(
            "bob@remote.example",
            "info@example.org",
            "A: b\r\n\r\n..dot\r\nä\r\n",
        )
        .await;
    let reply = client.expect("250 2.0.0 Ok: queued as ").await;

    let acceptance = house.ledger.accepted().remove(0);
    assert!(reply.contains(&acceptance.message.to_string()), "{reply}");
    assert_eq!(
        acceptance.envelope.return_path.to_string(),
        "<bob@remote.example>"
    );
    assert_eq!(
        acceptance.envelope.recipients[0].address.to_string(),
        "info@example.org"
    );
    assert_eq!(acceptance.envelope.body, Body::EightBit);
    let (prefix, octets) = house.message().await;
    assert_eq!(octets, "A: b\r\n\r\n.dot\r\nä\r\n");
    let trace = format!(
        "with ESMTP\r\n\tid {}\r\n\tfor <info@example.org>;",
        acceptance.message
    );
    assert!(
        prefix.starts_with("Received: from client.example ([127.0.0.1])\r\n"),
        "{prefix}"
    );
    assert!(prefix.contains(&trace), "{prefix}");

    let delivery = topic.next().await.unwrap();
    let job = Job::decode(&delivery.payload).unwrap();
    assert_eq!(job.key, JobKey::route(acceptance.message));
    client.say("QUIT", "221 2.0.0").await;
    assert!(client.ended().await);
}

#[tokio::test]
async fn rewritten_return_paths_are_taken_back_by_hash_and_age() {
    const SECRET: &str = "a secret of the tests";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    std::fs::write(&path, format!("a secret that is newer\n{SECRET}\n")).unwrap();
    let house = House::open_with(|config| {
        config.router.srs.domain = Some("example.org".parse().unwrap());
        config.router.srs.secrets_file = Some(path);
    })
    .await;
    let max_age = Duration::from_secs(21 * 24 * 60 * 60);
    let rewriter = Rewriter::new("example.org".parse().unwrap(), [SECRET], max_age).unwrap();
    let sender = "bob@remote.example".parse().unwrap();
    let now = SystemClock::new().now();
    let ours = rewriter.rewrite(&sender, now).unwrap().to_string();
    let old = rewriter.rewrite(&sender, now - 2 * max_age).unwrap();

    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    client.say("MAIL FROM:<>", "250 2.1.0").await;
    for (recipient, reply) in [
        (ours.clone(), "250 2.1.5"),
        (ours.to_lowercase(), "250 2.1.5"),
        (
            old.to_string(),
            "550 5.1.1 Refused: this return address is too old",
        ),
        (
            ours.replace("bob", "eve"),
            "550 5.7.1 Refused: this return address was not given out here",
        ),
        (
            ours.replace("example.org", "other.example"),
            "550 5.7.1 We do not relay",
        ),
        ("srs0@example.org".to_owned(), "550 5.1.1 No such recipient"),
    ] {
        client.say(&format!("RCPT TO:<{recipient}>"), reply).await;
    }
}

#[tokio::test]
async fn recipients_are_judged_before_the_message() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    client.say("MAIL FROM:<>", "250 2.1.0").await;
    for (recipient, reply) in [
        ("nobody@example.org", "550 5.1.1"),
        ("loop@example.org", "550 5.1.1"),
        ("bob@elsewhere.example", "550 5.7.1"),
        ("fred@example.org", "452 4.2.2"),
        ("gus@example.org", "452 4.2.2"),
        ("stuffed@example.org", "452 4.2.2"),
        ("alice@example.org", "250 2.1.5"),
        ("ALICE+news@Example.Org", "250 2.1.5"),
        ("away@example.org", "250 2.1.5"),
        ("abuse@example.org", "250 2.1.5"),
        ("PostMaster", "250 2.1.5"),
    ] {
        client.say(&format!("RCPT TO:<{recipient}>"), reply).await;
    }
    client.say("DATA", "354").await;
    client.say("Subject: x\r\n\r\n.", "250 2.0.0").await;
    let recipients = house.ledger.accepted().remove(0).envelope.recipients;
    assert_eq!(recipients[4].address.to_string(), "postmaster@example.org");
    let (prefix, _) = house.message().await;
    assert!(!prefix.contains("for <"), "{prefix}");
}

#[tokio::test]
async fn nothing_is_confirmed_that_is_not_recorded() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    for (failure, reply) in [
        (Failure::Unavailable, "451 4.3.0"),
        (Failure::Full, "452 4.3.1"),
    ] {
        house.ledger.fail(failure);
        client
            .submit("bob@remote.example", "alice@example.org", "Subject: x\r\n")
            .await;
        client.expect(reply).await;
    }
    assert!(house.ledger.accepted().is_empty());
    assert_eq!(house.bus.depth(Topic::Accepted).await.unwrap(), Some(0));
    let left = house.content.list(None, 10).await.unwrap().contents;
    assert_eq!(
        left.len(),
        1,
        "what a full ledger refuses must not fill the disk"
    );
    client.say("NOOP", "250").await;
}

#[tokio::test]
async fn a_large_message_streams_and_a_larger_one_is_refused() {
    let house = House::open_with(|config| config.smtp.max_size = config::Size::mib(8)).await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    client.say("MAIL FROM:<> SIZE=8388609", "552 5.3.4").await;
    let line = "x".repeat(1022) + "\r\n";
    client
        .submit("", "alice@example.org", &line.repeat(8 * 1024))
        .await;
    client.expect("250 2.0.0").await;
    client
        .submit("", "alice@example.org", &(line.repeat(8 * 1024) + "\r\n"))
        .await;
    client.expect("552 5.3.4").await;
    let (_, octets) = house.message().await;
    assert_eq!(octets.len(), 8 << 20);
}

#[tokio::test]
async fn smuggled_messages_are_refused_and_the_connection_ends() {
    let house = House::open().await;
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"] {
        let mut client = house.client().await;
        client.expect("220").await;
        client.say("EHLO client.example", "250").await;
        let content = format!("Subject: x\r\n\r\na{end}MAIL FROM:<evil@b.example>\r\n");
        client
            .submit("bob@remote.example", "alice@example.org", &content)
            .await;
        client.expect("554 5.6.0").await;
        assert!(client.ended().await, "{end:?}");
    }
    assert!(house.ledger.accepted().is_empty());
    assert!(
        house
            .content
            .list(None, 10)
            .await
            .unwrap()
            .contents
            .is_empty()
    );
}

#[tokio::test]
async fn commands_injected_behind_starttls_are_never_run() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    client
        .send("STARTTLS\r\nMAIL FROM:<evil@b.example>\r\n")
        .await;
    client.expect("554 5.5.1").await;
    assert!(client.ended().await);
}

#[tokio::test]
async fn mail_comes_under_tls_too() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    client.say("STARTTLS", "220 2.0.0").await;
    let mut client = client.secure(&house.certificate).await;
    client.say("MAIL FROM:<>", "503 5.5.1").await;
    client.say("EHLO client.example", "250").await;
    client
        .say(
            &house::login("alice@example.org", house::PASSWORD),
            "502 5.5.1",
        )
        .await;
    client
        .submit("", "alice@example.org", "Subject: x\r\n")
        .await;
    client.expect("250 2.0.0").await;
    let (prefix, _) = house.message().await;
    assert!(
        prefix.contains("with ESMTPS\r\n\t(TLSv1.3 TLS_AES_"),
        "{prefix}"
    );
}

#[tokio::test]
async fn connections_are_limited() {
    let house = House::open_with(|config| config.smtp.max_connections_per_address = 2).await;
    let (mut one, mut two) = (house.client().await, house.client().await);
    one.expect("220").await;
    two.expect("220").await;
    let mut three = house.client().await;
    three.expect("421 4.7.0").await;
    assert!(three.ended().await);
    one.say("QUIT", "221").await;
    assert!(one.ended().await);
    drop(one);
    // The place is free once the server's side has ended too.
    let again = async {
        while !house.client().await.expect("").await.starts_with("220") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(house::DEADLINE, again)
        .await
        .expect("the place is given back");
}

#[tokio::test]
async fn a_silent_client_is_told_and_left() {
    let house =
        House::open_with(|config| config.smtp.command_timeout = config::Span::millis(50)).await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.expect("421 4.4.2").await;
    assert!(client.ended().await);
}

#[tokio::test]
async fn shutdown_ends_idle_sessions_and_lets_transactions_finish() {
    let house = House::open().await;
    let mut idle = house.client().await;
    idle.expect("220").await;
    let mut busy = house.client().await;
    busy.expect("220").await;
    busy.say("EHLO client.example", "250").await;
    busy.say("MAIL FROM:<>", "250").await;
    house.shutdown.cancel();
    idle.expect("421 4.3.2").await;
    assert!(idle.ended().await);
    busy.say("RCPT TO:<alice@example.org>", "250").await;
    busy.say("DATA", "354").await;
    busy.say("Subject: x\r\n.", "250 2.0.0").await;
    busy.expect("421 4.3.2").await;
    tokio::time::timeout(house::DEADLINE, house.serving)
        .await
        .unwrap()
        .unwrap();
    assert!(
        tokio::net::TcpStream::connect(house.mx).await.is_err(),
        "still listening"
    );
    assert_eq!(house.ledger.accepted().len(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    client
        .say("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA", "250")
        .await;
    client.send("Subject: half").await;
    drop::<Client>(client);
    house.shutdown.cancel();
    tokio::time::timeout(house::DEADLINE, house.serving)
        .await
        .unwrap()
        .unwrap();
    assert!(house.ledger.accepted().is_empty());
    assert!(
        house
            .content
            .list(None, 10)
            .await
            .unwrap()
            .contents
            .is_empty()
    );
}
