//! The submission ports (RFC 6409): AUTH, senders, and header completion.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{ALICE, Client, House, PASSWORD, login};

#[tokio::test]
async fn a_submission_is_completed_and_taken() {
    let house = House::open().await;
    let mut client = house.alice().await;
    let content =
        "From: Alice <alice@example.org>\r\nBcc: secret@b.example\r\nSubject: x\r\n\r\nhi\r\n";
    client
        .submit("alice@example.org", "bob@elsewhere.example", content)
        .await;
    client.expect("250 2.0.0").await;
    let acceptance = house.ledger.accepted().remove(0);
    assert_eq!(acceptance.envelope.transaction.account, Some(ALICE));
    let (prefix, octets) = house.message().await;
    assert!(prefix.contains("with ESMTPSA"), "{prefix}");
    let (header, body) = octets.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "hi\r\n");
    assert!(
        header.starts_with("From: Alice <alice@example.org>\r\nSubject: x\r\nDate: "),
        "{header}"
    );
    let id = format!("Message-ID: <{}@mx.example.org>", acceptance.message);
    assert!(header.ends_with(&id), "{header}");
}

#[tokio::test]
async fn a_header_section_alone_is_a_message() {
    let house = House::open().await;
    let mut client = house.alice().await;
    client
        .submit(
            "",
            "alice@example.org",
            "From: info@example.org\r\nDate: x\r\n",
        )
        .await;
    client.expect("250 2.0.0").await;
    let (_, octets) = house.message().await;
    assert!(
        octets.starts_with("From: info@example.org\r\nDate: x\r\nMessage-ID: <"),
        "{octets}"
    );
}

#[tokio::test]
async fn nobody_sends_as_somebody_else() {
    let house = House::open().await;
    let mut client = house.alice().await;
    client
        .say("MAIL FROM:<fred@example.org>", "553 5.7.1")
        .await;
    client
        .say("MAIL FROM:<bob@elsewhere.example>", "553 5.7.1")
        .await;
    for (from, reply) in [
        ("From: fred@example.org\r\n", "550 5.7.1"),
        (
            "From: alice@example.org, fred@example.org\r\n\r\nbody\r\n",
            "550 5.7.1",
        ),
        (
            "From: alice@example.org\r\nFrom: fred@example.org\r\n\r\n",
            "550 5.6.0",
        ),
        ("Subject: no author\r\n\r\nbody\r\n", "550 5.6.0"),
    ] {
        client
            .submit("alice@example.org", "bob@elsewhere.example", from)
            .await;
        client.expect(reply).await;
    }
    let mut client = house.alice().await;
    let long = format!(
        "From: alice@example.org\r\nX: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    client
        .submit("info@example.org", "bob@elsewhere.example", &long)
        .await;
    client.expect("552 5.3.4").await;
    assert!(house.ledger.accepted().is_empty());
}

#[tokio::test]
async fn an_account_submits_no_more_than_its_allowance() {
    let house = House::open_with(|config| {
        config.submission.messages_per_hour = Some(2);
        config.submission.recipients_per_hour = Some(3);
    })
    .await;
    let mut client = house.alice().await;
    let mail = "MAIL FROM:<alice@example.org>";
    client.say(mail, "250 2.1.0").await;
    for (recipient, reply) in [
        ("one@elsewhere.example", "250 2.1.5"),
        ("nobody@example.org", "550 5.1.1"),
        ("two@elsewhere.example", "250 2.1.5"),
        ("info@example.org", "250 2.1.5"),
        ("four@elsewhere.example", "450 4.7.1 Your account"),
    ] {
        client.say(&format!("RCPT TO:<{recipient}>"), reply).await;
    }
    client.say("DATA", "354").await;
    client
        .say("From: alice@example.org\r\n\r\nhi\r\n.", "250 2.0.0")
        .await;
    client.say(mail, "250 2.1.0").await;
    client.say("RSET", "250").await;
    // Another session is the same account.
    let mut client = house.alice().await;
    client.say(mail, "452 4.7.1 Your account").await;
    let recipients = house.ledger.accepted().remove(0).envelope.recipients;
    assert_eq!(recipients.len(), 3);
}

#[tokio::test]
async fn login_is_demanded_and_only_under_tls() {
    let house = House::open().await;
    let mut client = Client::connect(house.submission).await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    client
        .say(&login("alice@example.org", PASSWORD), "538 5.7.11")
        .await;
    client
        .say("MAIL FROM:<alice@example.org>", "530 5.7.0")
        .await;
    client.say("STARTTLS", "220 2.0.0").await;
    let mut client = client.secure(&house.certificate).await;
    client.say("EHLO client.example", "250").await;
    client
        .say("MAIL FROM:<alice@example.org>", "530 5.7.0")
        .await;
    client
        .say(&login("nobody@example.org", PASSWORD), "535 5.7.8")
        .await;
    client
        .say(&login("Alice@Example.org", PASSWORD), "235 2.7.0")
        .await;
    client
        .say("MAIL FROM:<alice@example.org>", "250 2.1.0")
        .await;
}

#[tokio::test]
async fn guessing_passwords_ends_the_session() {
    let house = House::open().await;
    let mut client = Client::connect_tls(house.submissions, &house.certificate).await;
    client.expect("220").await;
    client.say("EHLO client.example", "250").await;
    for _ in 0..3 {
        client
            .say(&login("alice@example.org", "wrong"), "535 5.7.8")
            .await;
    }
    client.expect("421 4.7.0").await;
    assert!(client.ended().await);
}
