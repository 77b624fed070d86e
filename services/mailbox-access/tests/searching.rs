//! Searches that read many messages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{Client, House};

/// More than are read together.
const MESSAGES: usize = 200;

async fn append(client: &mut Client, body: &str) {
    let text = format!("Subject: x\r\n\r\n{body}\r\n");
    let command = format!("a1 APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len());
    client.send(&command).await;
    let heard = client.answer().await;
    assert!(heard.last().unwrap().starts_with("a1 OK"), "{heard:?}");
}

async fn filled(house: &House) -> Client {
    let mut client = house.client("alice").await;
    for number in 1..MESSAGES {
        append(&mut client, &format!("This is needle-{number}.")).await;
    }
    // Of more text than is read together, and with the last words searched.
    let mut long = "These are words.\r\n".repeat(150_000);
    long.push_str("This is needle-7, too.");
    append(&mut client, &long).await;
    client.ask("SELECT INBOX").await;
    client
}

#[tokio::test]
async fn what_stands_in_any_of_many_messages_is_found() {
    let house = House::open().await;
    let mut client = filled(&house).await;
    for (key, found) in [
        ("BODY needle-7.", "7"),
        ("BODY needle-7", "7 70 71 72 73 74 75 76 77 78 79 200"),
        ("TEXT \"IS NEEDLE-99.\"", "99"),
        ("NOT BODY needle", ""),
        ("OR BODY needle-64. BODY needle-65.", "64 65"),
    ] {
        let heard = client.ask(&format!("SEARCH {key}")).await;
        let expected = match found {
            "" => "* SEARCH".to_owned(),
            some => format!("* SEARCH {some}"),
        };
        assert_eq!(heard.first(), Some(&expected), "{key}");
    }
}

#[tokio::test]
async fn what_is_sent_during_a_search_is_done_behind_it() {
    let house = House::open().await;
    let mut client = filled(&house).await;
    client.send("a1 SEARCH BODY needle-7.\r\n").await;
    for number in 2..100 {
        client.send(&format!("a{number} NOOP\r\n")).await;
    }
    let done = (2..100).map(|number| format!("a{number} OK Done"));
    let expected = ["* SEARCH 7", "a1 OK That is all"].map(str::to_owned);
    let expected = expected.into_iter().chain(done);
    assert!(client.answer().await.into_iter().eq(expected));
}
