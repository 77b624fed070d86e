//! The integrity check: silent about a sound house, and about nothing else.

use axum::http::StatusCode;
use message::MessageId;
use serde_json::Value;
use store::ledger::Holder;

use super::Bench;

/// The kinds of all findings, and the summary.
pub(super) async fn check(bench: &Bench, query: &str) -> (Vec<String>, Value) {
    let answer = bench
        .get(&format!("/api/v1/check{query}"))
        .await
        .with(StatusCode::OK);
    assert_eq!(answer.media_type, "application/x-ndjson");
    let text = String::from_utf8(answer.octets).unwrap();
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = lines.pop().unwrap();
    assert_eq!(summary["line"], "summary", "{summary}");
    let standing = lines.remove(0);
    assert_eq!(standing["line"], "standing", "{standing}");
    let kind = |line: &Value| line["kind"].as_str().unwrap().to_owned();
    (lines.iter().map(kind).collect(), summary)
}

#[tokio::test]
async fn a_sound_house_has_no_findings() {
    let bench = Bench::furnished().await;
    bench.delivered().await;
    bench.deferred("carl@example.net").await;
    bench.accept(&["dora@example.net"]).await;
    bench
        .put_content(bench.draw(), b"put, but not accepted")
        .await;
    let (findings, summary) = check(&bench, "").await;
    assert_eq!(findings, [""; 0]);
    assert_eq!(summary["open_messages"], 2);
    assert_eq!(summary["contents"], 4);
    assert_eq!(summary["unreferenced"], 1);
    assert_eq!(summary["entries"], 1);
    assert_eq!(summary["counts"]["accepted"], 3);
}

#[tokio::test]
async fn lost_content_is_found_wherever_it_is_missed() {
    let bench = Bench::furnished().await;
    let (_, delivered) = bench.delivered().await;
    let (_, open) = bench.accept(&["dora@example.net"]).await;
    bench.ports.content.remove(&delivered).await.unwrap();
    bench.ports.content.remove(&open).await.unwrap();
    let (mut findings, summary) = check(&bench, "").await;
    findings.sort();
    assert_eq!(
        findings,
        [
            "entry-without-content",
            "message-without-content",
            "reference-without-content",
            "reference-without-content",
        ]
    );
    assert_eq!(summary["findings"], 4);
}

#[tokio::test]
async fn a_reference_that_nobody_needs_is_found() {
    let bench = Bench::furnished().await;
    let (_, content) = bench.delivered().await;
    let stranger = Holder::Entry(MessageId::from_bits(7));
    bench.ports.ledger.refer(&content, stranger).await.unwrap();
    let alice = Holder::Account(bench.account("alice@example.org").await);
    bench.ports.ledger.refer(&content, alice).await.unwrap();
    let (findings, summary) = check(&bench, "").await;
    assert_eq!(findings, ["reference-without-holder"]);
    assert_eq!(summary["unclaimed"], 1, "an append may be under way");
    let (findings, summary) = check(&bench, "?grace=0").await;
    assert_eq!(findings, ["reference-without-holder"; 2]);
    assert_eq!(summary["unclaimed"], 0);
}

#[tokio::test]
async fn an_entry_that_does_not_refer_is_found() {
    let bench = Bench::furnished().await;
    let (_, content) = bench.delivered().await;
    let bob = Holder::Account(bench.account("bob@example.org").await);
    bench.ports.ledger.release(&content, bob).await.unwrap();
    let (findings, _) = check(&bench, "").await;
    assert_eq!(findings, ["entry-without-reference"]);
}

#[tokio::test]
async fn orphaned_content_is_found_after_the_grace() {
    let bench = Bench::furnished().await;
    bench.put_content(bench.draw(), b"orphan").await;
    let (findings, _) = check(&bench, "?grace=0").await;
    assert_eq!(findings, ["content-without-reference"]);
    let (findings, _) = check(&bench, "").await;
    assert_eq!(findings, [""; 0]);
}

#[tokio::test]
async fn mail_of_a_removed_account_is_found_and_its_removal_repeated() {
    let bench = Bench::furnished().await;
    bench.delivered().await;
    let bob = "bob@example.org".parse().unwrap();
    // As a crash between the two steps of a removal leaves it.
    let removed = bench.ports.directory.remove_account(&bob).await.unwrap();
    let (findings, _) = check(&bench, "").await;
    assert_eq!(findings, ["mailbox"]);
    for _ in 0..2 {
        let path = format!("/api/v1/accounts/{}", removed.id);
        bench.delete(&path).await.with(StatusCode::NO_CONTENT);
    }
    let (findings, _) = check(&bench, "").await;
    assert_eq!(findings, [""; 0]);
}
