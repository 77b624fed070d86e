//! Sessions of IMAP beyond their dialogues: what they must not do, what they
//! survive, and that every octet comes back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use config::Span;
use house::{Client, Engine, House};
use message::Randomness;
use message::time::SeededRandomness;

/// Appends a message to the inbox.
async fn append(client: &mut Client, octets: &[u8]) -> String {
    let command = format!("a1 APPEND INBOX {{{}+}}\r\n", octets.len());
    client.send(&command).await;
    client.write(octets).await;
    client.write(b"\r\n").await;
    client.answer().await.pop().unwrap()
}

/// The octets that one item of a message is.
async fn fetch(client: &mut Client, number: usize, item: &str) -> Vec<u8> {
    client.send(&format!("a1 FETCH {number} {item}\r\n")).await;
    let line = client.line().await;
    let size = line
        .rsplit_once('{')
        .map(|(_, size)| size.trim_end_matches('}'));
    let size = size.and_then(|size| size.parse().ok());
    let octets = client
        .octets(size.unwrap_or_else(|| panic!("{line}")))
        .await;
    client.answer().await;
    octets
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

/// A message put together of what makes MIME hard.
fn hard(random: &dyn Randomness) -> Vec<u8> {
    const PIECES: [&[u8]; 24] = [
        b"Subject: x\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=\"",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"--b\r\n",
        b"--b--\r\n",
        b"--",
        b"=?utf-8?b?4p?= <a@b>, ,;:\r\n",
        b"From: \"unended <a@b\r\n",
        b"To: group: a, b;, c\r\n",
        b" folded\r\n",
        b"=C3=",
        b"=\r\n",
        b"\xff\xfe\x80",
        b"aGVsbG8",
        b"* 1 FETCH {9}\r\n",
        b")\r\na1 OK\r\n",
        b"\t\x01",
        b"Date: never\r\n",
    ];
    let mut octets = Vec::new();
    let count = 1 + (random.fraction() * 40.0) as usize;
    for _ in 0..count {
        let piece = (random.fraction() * PIECES.len() as f64) as usize;
        octets.extend_from_slice(PIECES[piece]);
    }
    octets
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hard_messages_come_back() {
    for engine in Engine::ALL {
        hard_messages_come_back(&House::over(engine).await).await;
    }
}

async fn hard_messages_come_back(house: &House) {
    let mut client = house.client("alice").await;
    let random = SeededRandomness::new(7);
    let messages: Vec<Vec<u8>> = (0..1_000).map(|_| hard(&random)).collect();
    for some in messages.chunks(100) {
        let mut command = b"a1 APPEND INBOX".to_vec();
        for message in some {
            command.extend_from_slice(format!(" () {{{}+}}\r\n", message.len()).as_bytes());
            command.extend_from_slice(message);
        }
        command.extend_from_slice(b"\r\n");
        client.send("a1 NOOP\r\n").await;
        client.answer().await;
        client.write(&command).await;
        let answer = client.answer().await.pop().unwrap();
        assert!(answer.starts_with("a1 OK"), "{answer}");
    }
    client.ask("SELECT INBOX").await;
    for (at, message) in messages.iter().enumerate() {
        let whole = fetch(&mut client, at + 1, "BODY.PEEK[]").await;
        assert!(whole == *message, "message {at}");
        let header = fetch(&mut client, at + 1, "BODY.PEEK[HEADER]").await;
        let text = fetch(&mut client, at + 1, "BODY.PEEK[TEXT]").await;
        assert!(
            [header, text].concat() == *message,
            "halves of message {at}"
        );
    }
    client
        .send("a1 FETCH 1:* (UID ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[1.1.1])\r\n")
        .await;
    let mut told = 0;
    loop {
        let line = client.line().await;
        told += usize::from(line.starts_with("* ") && line.contains("(UID "));
        if line.starts_with("a1 OK That") {
            break;
        }
    }
    assert_eq!(told, messages.len());
    let found = client.ask("SEARCH OR TEXT x BODY hello").await;
    assert!(found.last().unwrap().starts_with("a1 OK"), "{found:?}");
    let found = client.ask("THREAD REFERENCES UTF-8 ALL").await;
    assert!(found.last().unwrap().starts_with("a1 OK"), "{found:?}");
}
