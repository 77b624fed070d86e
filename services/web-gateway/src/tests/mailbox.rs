//! Mailboxes and their messages.

use axum::http::StatusCode;

use super::Bench;

const INBOX: &str = "/api/v1/accounts/bob@example.org/mailboxes/INBOX/messages";

#[tokio::test]
async fn a_delivered_message_is_listed_shown_and_read() {
    let bench = Bench::furnished().await;
    let (message, _) = bench.delivered().await;
    let mailboxes = bench
        .get("/api/v1/accounts/bob@example.org/mailboxes")
        .await
        .json();
    let inbox = mailboxes["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["name"] == "INBOX");
    assert_eq!(inbox.unwrap()["messages"], 1);

    let list = bench.get(INBOX).await.with(StatusCode::OK).json();
    assert_eq!(list["items"][0]["subject"], "hello");
    assert_eq!(list["items"][0]["message"], message.to_string());
    let uid = list["items"][0]["uid"].as_u64().unwrap();

    let shown = bench
        .get(&format!("{INBOX}/{uid}"))
        .await
        .with(StatusCode::OK)
        .json();
    let names: Vec<_> = shown["header"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["name"])
        .collect();
    assert_eq!(names, ["Return-Path", "Received", "Subject"]);

    let raw = bench
        .get(&format!("{INBOX}/{uid}/raw"))
        .await
        .with(StatusCode::OK);
    assert_eq!(raw.media_type, "message/rfc822");
    let expected = "Return-Path: <alice@example.org>\r\nReceived: here\r\n\
        Subject: hello\r\n\r\nbody\r\n";
    assert_eq!(String::from_utf8(raw.octets).unwrap(), expected);
}

#[tokio::test]
async fn a_message_without_content_does_not_hide_the_others() {
    let bench = Bench::furnished().await;
    let (_, content) = bench.delivered().await;
    bench.delivered().await;
    bench.ports.content.remove(&content).await.unwrap();
    let list = bench.get(INBOX).await.with(StatusCode::OK).json();
    assert!(
        list["items"][0]["unreadable"]
            .as_str()
            .unwrap()
            .contains("does not exist")
    );
    assert_eq!(list["items"][1]["subject"], "hello");
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let bench = Bench::furnished().await;
    for (path, what) in [
        ("nobody@example.org/mailboxes", "account nobody@example.org"),
        (
            "bob@example.org/mailboxes/Lists%2Frust/messages",
            "mailbox Lists/rust",
        ),
        (
            "bob@example.org/mailboxes/INBOX/messages/7",
            "message 7 in mailbox INBOX",
        ),
    ] {
        let answer = bench.get(&format!("/api/v1/accounts/{path}")).await;
        let detail = answer.problem(StatusCode::NOT_FOUND, "missing");
        assert_eq!(detail, format!("{what} does not exist"));
    }
}
