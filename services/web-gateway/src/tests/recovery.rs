//! What the store has lost: listed, accepted again, confirmed.

use axum::http::StatusCode;
use message::MessageId;
use serde_json::{Value, json};
use store::ledger::Holder;

use super::{Bench, envelope};

const OCTETS: &[u8] = b"From: alice@example.org\r\nSubject: lost\r\n\r\nbody\r\n";

impl Bench {
    /// Content as a store that was lost had accepted it.
    async fn lose(&self, to: &[&str]) -> (MessageId, String) {
        let message = self.draw();
        let alice = self.account("alice@example.org").await;
        let envelope = Some(envelope(alice, to));
        let content = self.put_enveloped(message, OCTETS, envelope).await;
        (message, content.to_string())
    }

    /// The messages that are listed as lost, and the summary.
    async fn lost(&self, query: &str) -> (Vec<Value>, Value) {
        let answer = self.get(&format!("/api/v1/lost{query}")).await;
        let text = String::from_utf8(answer.with(StatusCode::OK).octets).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines: Vec<Value> = lines.collect();
        let summary = lines.pop().unwrap();
        assert_eq!(summary["line"], "summary", "{summary}");
        (lines, summary)
    }

    async fn recover(&self, content: &str, recovery: Value) -> super::Answer {
        self.post(&format!("/api/v1/lost/{content}"), recovery)
            .await
    }
}

#[tokio::test]
async fn only_what_nobody_knows_is_lost() {
    let bench = Bench::furnished().await;
    bench.delivered().await;
    bench.accept(&["dora@example.net"]).await;
    let released = bench.put_content(bench.draw(), b"released").await;
    let holder = Holder::Entry(MessageId::from_bits(7));
    bench.ports.ledger.refer(&released, holder).await.unwrap();
    bench.ports.ledger.release(&released, holder).await.unwrap();
    let to = ["bob@example.org", "dora@example.net"];
    let (message, content) = bench.lose(&to).await;

    let (lost, summary) = bench.lost("?grace=0").await;
    assert_eq!(summary["messages"], 1);
    let expected = json!({
        "line": "message",
        "message": message.to_string(),
        "content": content,
        "stored_at": lost[0]["stored_at"],
        "size": OCTETS.len() + "Received: here\r\n".len(),
        "return_path": "<alice@example.org>",
        "here": ["bob@example.org"],
        "elsewhere": ["dora@example.net"],
        "received": "Received: here",
        "from": "alice@example.org",
        "subject": "lost",
    });
    assert_eq!(lost, [expected]);
    let (lost, summary) = bench.lost("").await;
    assert!(lost.is_empty() && summary["young"] == 1, "{summary}");
}

#[tokio::test]
async fn a_lost_message_is_accepted_once_as_it_was() {
    let bench = Bench::furnished().await;
    let (message, content) = bench.lose(&["bob@example.org"]).await;
    let recovered = bench.recover(&content, json!({})).await;
    let recovered = recovered.with(StatusCode::OK).json();
    assert_eq!(recovered["recipients"], json!(["bob@example.org"]));
    assert_eq!(recovered["accepted"], true);
    let entry = bench.ports.ledger.entry(message).await.unwrap().unwrap();
    assert_eq!(entry.acceptance.content.as_str(), content);
    let alice = bench.account("alice@example.org").await;
    assert_eq!(
        entry.acceptance.envelope,
        envelope(alice, &["bob@example.org"])
    );
    let (lost, _) = bench.lost("?grace=0").await;
    assert!(lost.is_empty(), "{lost:?}");
    let again = bench.recover(&content, json!({})).await;
    again.problem(StatusCode::CONFLICT, "conflict");
    let never = bench.recover("test.none", json!({})).await;
    assert_ne!(never.status, StatusCode::OK);
}

#[tokio::test]
async fn an_operator_says_for_whom() {
    let bench = Bench::furnished().await;
    let (_, content) = bench.lose(&["dora@example.net", "bob@example.org"]).await;
    let recovered = bench.recover(&content, json!({"only_here": true})).await;
    let recovered = recovered.with(StatusCode::OK).json();
    assert_eq!(recovered["recipients"], json!(["bob@example.org"]));

    let (_, content) = bench.lose(&["dora@example.net"]).await;
    let nobody = bench.recover(&content, json!({"only_here": true})).await;
    nobody.problem(StatusCode::CONFLICT, "conflict");

    let draft = bench.put_content(bench.draw(), OCTETS).await.to_string();
    let nobody = bench.recover(&draft, json!({})).await;
    let told = nobody.problem(StatusCode::CONFLICT, "conflict");
    assert!(told.contains("name one"), "{told}");
    let to = json!({"to": ["alice@example.org"]});
    let recovered = bench.recover(&draft, to).await;
    let recovered = recovered.with(StatusCode::OK).json();
    assert_eq!(recovered["recipients"], json!(["alice@example.org"]));
}

#[tokio::test]
async fn a_store_that_may_have_lost_mail_is_a_finding_until_it_is_confirmed() {
    let bench = Bench::furnished().await;
    let raised = bench.post("/api/v1/standing/raise", json!(null)).await;
    let raised = raised.with(StatusCode::OK).json();
    assert_eq!(
        (&raised["settled"], &raised["epoch"]),
        (&json!(false), &json!(1))
    );
    let (findings, _) = super::check::check(&bench, "").await;
    assert_eq!(findings, ["unsettled"]);
    for (epoch, settled) in [(0, false), (1, true)] {
        let confirmation = json!({"epoch": epoch});
        let confirmed = bench.post("/api/v1/standing/confirm", confirmation).await;
        let confirmed = confirmed.with(StatusCode::OK).json();
        assert_eq!(confirmed["settled"], settled);
    }
    let standing = bench.get("/api/v1/standing").await.with(StatusCode::OK);
    assert_eq!(standing.json()["cause"], "declared");
    let (findings, _) = super::check::check(&bench, "").await;
    assert_eq!(findings, [""; 0]);
}
