//! A thousand messages put together of what makes MIME hard: every octet comes back,
//! over IMAP and over POP3, and no command fails for them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{Client, Engine, House, PASSWORD};
use message::Randomness;
use message::time::SeededRandomness;

const COUNT: usize = 1_000;

/// As many as come in one APPEND.
const BATCH: usize = 100;

const PIECES: [&[u8]; 30] = [
    b"Subject: x\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: multipart/alternative; boundary=\"b b\"\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html; charset=\"",
    b"Content-Disposition: attachment; filename*0*=utf-8''%e2; filename*1=\"x\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"--b\r\n",
    b"--b--\r\n",
    b"--",
    b".\r\n",
    b"..\r\n",
    b".",
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
    &[b'l'; 1_200],
];

/// The messages, always the same.
fn messages() -> Vec<Vec<u8>> {
    let random = SeededRandomness::new(7);
    let draw = |count: usize| (random.fraction() * count as f64) as usize;
    let message = |_| {
        let pieces = (0..1 + draw(40)).map(|_| PIECES[draw(PIECES.len())]);
        pieces.flatten().copied().collect()
    };
    (0..COUNT).map(message).collect()
}

async fn append_all(client: &mut Client, messages: &[Vec<u8>]) {
    for some in messages.chunks(BATCH) {
        let mut command = b"APPEND INBOX".to_vec();
        for message in some {
            command.extend_from_slice(format!(" () {{{}+}}\r\n", message.len()).as_bytes());
            command.extend_from_slice(message);
        }
        command.extend_from_slice(b"\r\n");
        client.send("a1 ").await;
        client.write(&command).await;
        let answer = client.answer().await.pop().unwrap();
        assert!(answer.starts_with("a1 OK"), "{answer}");
    }
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
async fn a_thousand_hard_messages_come_back_over_imap() {
    for engine in Engine::ALL {
        come_back_over_imap(&House::over(engine).await).await;
    }
}

async fn come_back_over_imap(house: &House) {
    let mut client = house.client("alice").await;
    let messages = messages();
    append_all(&mut client, &messages).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hard_messages_come_back_over_pop3() {
    for engine in Engine::ALL {
        come_back_over_pop3(&House::over(engine).await).await;
    }
}

async fn come_back_over_pop3(house: &House) {
    let messages = messages();
    append_all(&mut house.client("alice").await, &messages).await;
    let mut client = house.pop3_client().await;
    client.say("USER alice@example.org").await;
    let answer = client.say(&format!("PASS {PASSWORD}")).await;
    assert!(answer.starts_with("+OK"), "{answer}");
    for (at, message) in messages.iter().enumerate() {
        // A response is made of whole lines (RFC 1939 §3).
        let mut expected = message.clone();
        if !message.ends_with(b"\r\n") {
            expected.extend_from_slice(b"\r\n");
        }
        let whole = lines(&mut client, &format!("RETR {}", at + 1)).await;
        let (found, sent) = (whole.escape_ascii(), message.escape_ascii());
        assert!(whole == expected, "message {at}: {found} for {sent}");
        let top = lines(&mut client, &format!("TOP {} 2", at + 1)).await;
        let top = top.strip_suffix(b"\r\n").unwrap();
        assert!(whole.starts_with(top), "the top of message {at}");
    }
}

/// A response of many lines as most clients read it: a line ends by a line feed, and
/// one of a dot alone is the end. Others look for the end behind CR LF only.
async fn lines(client: &mut Client, command: &str) -> Vec<u8> {
    let answer = client.say(command).await;
    assert!(answer.starts_with("+OK"), "{command}: {answer}");
    let mut octets = Vec::new();
    loop {
        let line = client.raw_line().await;
        assert!(!line.is_empty(), "the session ended");
        match line.strip_prefix(b".") {
            Some(b"\r\n") => break,
            Some(rest) => octets.extend_from_slice(rest),
            None => octets.extend_from_slice(&line),
        }
    }
    assert!(octets.ends_with(b"\r\n"), "{}", octets.escape_ascii());
    octets
}
