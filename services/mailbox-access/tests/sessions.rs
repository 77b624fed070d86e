//! Sessions of IMAP beyond their dialogues: what they must not do, and what they
//! survive.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use config::Span;
use house::{Client, Engine, House};

/// Appends a message to the inbox.
async fn append(client: &mut Client, octets: &[u8]) -> String {
    let command = format!("a1 APPEND INBOX {{{}+}}\r\n", octets.len());
    client.send(&command).await;
    client.write(octets).await;
    client.write(b"\r\n").await;
    client.answer().await.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_mail_of_another() {
    for engine in Engine::ALL {
        alice_and_bob_are_apart(&House::over(engine).await).await;
    }
}

async fn alice_and_bob_are_apart(house: &House) {
    let mut alice = house.client("alice").await;
    alice.ask("CREATE private").await;
    append(&mut alice, b"Subject: secret\r\n\r\nsecret\r\n").await;
    let mut bob = house.client("bob").await;
    let listed = bob.ask("LIST \"\" *").await.join("\n");
    assert!(!listed.contains("private"), "{listed}");
    for name in [
        "private",
        "alice/INBOX",
        "#user/alice",
        "../INBOX",
        "~alice/INBOX",
    ] {
        let answer = bob.ask(&format!("SELECT {name}")).await.pop().unwrap();
        assert!(answer.starts_with("a1 NO"), "{name}: {answer}");
    }
    let opened = bob.ask("SELECT INBOX").await.join("\n");
    assert!(opened.contains("* 0 EXISTS"), "{opened}");
    for command in [
        "UID FETCH 1:* BODY[]",
        "UID SEARCH TEXT secret",
        "UID COPY 1:* Sent",
        "UID STORE 1:* +FLAGS (\\Deleted)",
    ] {
        let heard = bob.ask(command).await.join("\n");
        assert!(!heard.contains("FETCH ("), "{heard}");
        assert!(!heard.contains("SEARCH 1"), "{heard}");
    }
    let opened = alice.ask("SELECT INBOX").await.join("\n");
    assert!(opened.contains("* 1 EXISTS"), "{opened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_taken_in_clear() {
    let house = House::open_with(|config| config.imap.plain_login = false).await;
    let mut client = Client::connect(house.imap).await;
    let greeting = client.line().await;
    assert!(greeting.contains("LOGINDISABLED STARTTLS") || greeting.contains("LOGINDISABLED"));
    assert!(!greeting.contains("AUTH="), "{greeting}");
    for command in ["LOGIN alice@example.org secret", "AUTHENTICATE PLAIN AA=="] {
        let answer = client.ask(command).await.pop().unwrap();
        assert!(answer.starts_with("a1 NO [PRIVACYREQUIRED]"), "{answer}");
    }
    // What comes in clear behind STARTTLS is no command.
    client.write(b"a2 STARTTLS\r\na3 NOOP\r\n").await;
    assert!(client.line().await.starts_with("a2 OK"));
    client
        .write(b"no handshake, and long enough for an error\r\n")
        .await;
    let mut octets = vec![0; 7];
    let heard = client.octets(7).await;
    octets.copy_from_slice(&heard);
    // An alert of TLS, and nothing in clear.
    assert_eq!(octets[0], 21, "{octets:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_sent_away() {
    let house = House::open_with(|config| config.imap.login_timeout = Span::millis(50)).await;
    let mut client = Client::connect(house.imap).await;
    client.line().await;
    let farewell = client.line().await;
    assert!(farewell.starts_with("* BYE"), "{farewell}");
    assert_eq!(client.line().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_hear_that_the_server_stops() {
    for engine in Engine::ALL {
        stopping_is_heard(House::over(engine).await).await;
    }
}

async fn stopping_is_heard(house: House) {
    let mut client = house.client("alice").await;
    client.send("a1 IDLE\r\n").await;
    client.answer().await;
    house.shutdown.cancel();
    let farewell = client.line().await;
    assert!(farewell.starts_with("* BYE"), "{farewell}");
    assert_eq!(client.line().await, "");
    house.serving.await.unwrap();
}
