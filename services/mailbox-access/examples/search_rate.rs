//! How long searches and sorts of a mailbox of 10,000 messages take: `cargo run
//! --release -p mailbox-access --example search_rate -- [redis]`.

#![allow(clippy::unwrap_used, reason = "a measurement that fails is to end")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

#[path = "../tests/house/mod.rs"]
mod house;

use std::fmt::Write;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use content::Trailer;
use futures_util::{StreamExt, stream};
use house::{ALICE, Engine, House};
use message::{MessageId, Timestamp};
use store::Time;
use store::mailbox::{MAX_TOGETHER, MailboxName, NewEntry, Quota};

const MESSAGES: u64 = 10_000;

const WORDS: [&str; 16] = [
    "letter",
    "house",
    "river",
    "window",
    "silver",
    "quarter",
    "meeting",
    "invoice",
    "garden",
    "station",
    "pneumatic",
    "carrier",
    "postmaster",
    "delivery",
    "evening",
    "question",
];

#[tokio::main]
async fn main() {
    let engine = match std::env::args().nth(1).as_deref() {
        Some("redis") => Engine::Redis(Time::Server),
        _ => Engine::Embedded,
    };
    let house = House::over(engine).await;
    let begun = Instant::now();
    fill(&house).await;
    println!("{MESSAGES} messages in {:?}", begun.elapsed());
    let mut client = house.client("alice").await;
    client.ask("SELECT INBOX").await;
    for command in [
        "SEARCH SUBJECT \"letter 77\"",
        "SEARCH SUBJECT \"letter 77\"",
        "SEARCH FROM \"sender-12@\"",
        "SEARCH TO \"nobody\"",
        "SORT (SUBJECT) UTF-8 ALL",
        "SORT (REVERSE DATE) UTF-8 ALL",
        "SEARCH HEADER X-Number 77",
        "SEARCH BODY \"needle-4242\"",
        "SEARCH BODY \"needle-4242\"",
        "SEARCH TEXT \"nowhere to be found\"",
        "SEARCH BODY postmaster",
        "SEARCH CHARSET UTF-8 BODY \"größe 512\"",
    ] {
        let begun = Instant::now();
        let heard = client.ask(command).await;
        let took = begun.elapsed();
        let found = heard.first().map_or(0, |line| line.split(' ').count() - 2);
        println!("{took:>12.1?}  {command}: {found} found");
        assert!(heard.last().unwrap().starts_with("a1 OK"), "{heard:?}");
    }
    house.shutdown.cancel();
    house.serving.await.unwrap();
}

async fn fill(house: &House) {
    let inbox = MailboxName::inbox();
    let entries = stream::iter(0..MESSAGES).map(|number| put(house, number));
    let mut chunks = entries.buffered(64).chunks(MAX_TOGETHER);
    while let Some(chunk) = chunks.next().await {
        let appended = house
            .stores
            .mailbox
            .append_all(ALICE, &inbox, chunk, Quota::NONE);
        appended.await.unwrap();
    }
}

async fn put(house: &House, number: u64) -> NewEntry {
    let text = message(number);
    let mut writer = house.content.create().await.unwrap();
    writer.write(text.as_bytes()).await.unwrap();
    let trailer = Trailer {
        message: MessageId::from_bits(number.into()),
        prefix: Default::default(),
        envelope: None,
    };
    let stored = writer.finish(trailer).await.unwrap();
    NewEntry {
        delivery: None,
        content: stored.id,
        prefix: String::new(),
        size: stored.octets,
        internal_date: Timestamp::UNIX_EPOCH,
        flags: Vec::new(),
    }
}

/// Every fourth each: plain text, HTML as quoted-printable, text of another charset
/// as Base64, text with an attachment.
fn message(number: u64) -> String {
    let mut text = format!(
        "From: Sender {number} <sender-{number}@example.net>\r\nTo: alice@example.org\r\n\
         Subject: Re: letter {number}\r\nDate: {} Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <{number}@example.net>\r\nX-Number: {number}\r\nMIME-Version: 1.0\r\n",
        number % 28 + 1
    );
    let body = body(number);
    let encoded = |octets: &[u8]| {
        let encoded = STANDARD.encode(octets).into_bytes();
        let lines = encoded.chunks(76).map(String::from_utf8_lossy);
        lines.fold(String::new(), |text, line| text + &line + "\r\n")
    };
    let _ = match number % 4 {
        0 => write!(text, "\r\n{body}"),
        1 => write!(
            text,
            "Content-Type: text/html; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n<html><body><p class=3D\"x\">{}\
             </p></body></html>\r\n",
            body.replace("\r\n", "=20<br>\r\n")
        ),
        2 => write!(
            text,
            "Content-Type: text/plain; charset=iso-8859-1\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}",
            encoded(
                &[
                    body.as_bytes(),
                    b"Gr\xf6\xdfe ",
                    number.to_string().as_bytes()
                ]
                .concat()
            )
        ),
        _ => write!(
            text,
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{body}\r\n--b\r\n\
             Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n\
             {}--b--\r\n",
            encoded(&[number as u8; 30_000])
        ),
    };
    text
}

/// Some 4 KiB.
fn body(number: u64) -> String {
    let mut text = format!("This is needle-{number}.\r\n");
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for line in 0..60 {
        for _ in 0..9 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            // One word is rare.
            let word = match state >> 60 {
                12 if line != 7 || !number.is_multiple_of(100) => "letterbox",
                word => WORDS[word as usize],
            };
            text.push_str(word);
            text.push(' ');
        }
        text.push_str("\r\n");
    }
    text
}
