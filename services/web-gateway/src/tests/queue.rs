//! The queue, interventions, and the life of a message.

use axum::http::StatusCode;
use serde_json::json;

use super::Bench;

#[tokio::test]
async fn the_queue_is_listed_in_pages_and_by_filter() {
    let bench = Bench::furnished().await;
    let first = bench.deferred("carl@example.net").await;
    let second = bench.deferred("dora@example.net").await;
    let (third, _) = bench.accept(&["erik@example.com"]).await;
    let page = bench
        .get("/api/v1/queue?limit=2")
        .await
        .with(StatusCode::OK)
        .json();
    assert_eq!(page["items"][0]["message"], first.to_string());
    assert_eq!(page["items"][0]["jobs"][0]["state"], "deferred");
    assert_eq!(page["items"][1]["message"], second.to_string());
    let next = page["next"].as_str().unwrap();
    let page = bench
        .get(&format!("/api/v1/queue?limit=2&after={next}"))
        .await
        .json();
    assert_eq!(page["items"][0]["message"], third.to_string());
    assert_eq!(page["items"][0]["routed"], false);

    for (filter, found) in [
        ("recipient=dora@example.net", Some(second)),
        ("destination=example.com", None),
        ("sender=nobody@example.org", None),
        ("recipient=dora@example.net&state=deferred", Some(second)),
        ("recipient=dora@example.net&state=held", None),
        (
            "recipient=dora@example.net&last_reply=REFUSED",
            Some(second),
        ),
        ("last_reply=full", None),
        ("older_than=1h", None),
        ("recipient=dora@example.net&younger_than=1h", Some(second)),
        (&format!("message={second}"), Some(second)),
    ] {
        let page = bench
            .get(&format!("/api/v1/queue?{filter}"))
            .await
            .with(StatusCode::OK)
            .json();
        let messages: Vec<_> = page["items"].as_array().unwrap().iter().collect();
        assert_eq!(
            messages.len(),
            usize::from(found.is_some()),
            "{filter}: {page}"
        );
    }
}

#[tokio::test]
async fn an_operator_retries_holds_and_releases() {
    let bench = Bench::furnished().await;
    let message = bench.deferred("carl@example.net").await;
    let path = format!("/api/v1/queue/{message}");
    let done = bench
        .post(&format!("{path}/hold"), json!({}))
        .await
        .with(StatusCode::OK)
        .json();
    assert_eq!(
        done,
        json!({"jobs": [{"key": format!("{message}.0"), "done": true}]})
    );
    assert_eq!(bench.get(&path).await.json()["jobs"][0]["state"], "held");
    let refused = bench.post(&format!("{path}/retry"), json!({})).await;
    let detail = refused.problem(StatusCode::CONFLICT, "conflict");
    assert_eq!(
        detail,
        format!("it cannot be retried in its present state: {message}.0 is held")
    );
    // By job key this time.
    bench
        .post(&format!("{path}.0/release"), json!({}))
        .await
        .with(StatusCode::OK);
    assert_eq!(bench.get(&path).await.json()["jobs"][0]["state"], "pending");
}

#[tokio::test]
async fn a_bounce_owes_the_sender_a_notice() {
    let bench = Bench::furnished().await;
    let message = bench.deferred("carl@example.net").await;
    let path = format!("/api/v1/queue/{message}");
    let reason = json!({"reason": "typo in the domain"});
    bench
        .post(&format!("{path}/bounce"), reason)
        .await
        .with(StatusCode::OK);
    let item = bench.get(&path).await.with(StatusCode::OK).json();
    assert_eq!(item["notice_owed"], true);
    let life = bench
        .get(&format!("/api/v1/messages/{message}"))
        .await
        .json();
    let outcome = &life["jobs"][0]["recipients"][0]["outcome"];
    assert_eq!(outcome["verdict"], "failed");
    assert_eq!(
        outcome["text"],
        "returned by the operator: typo in the domain"
    );
}

#[tokio::test]
async fn a_deleted_message_is_settled_and_told_of_by_trace() {
    let bench = Bench::furnished().await;
    let message = bench.deferred("carl@example.net").await;
    let path = format!("/api/v1/queue/{message}");
    bench
        .delete(&format!("{path}?reason=spam"))
        .await
        .with(StatusCode::OK);
    let detail = bench
        .get(&path)
        .await
        .problem(StatusCode::CONFLICT, "conflict");
    assert_eq!(
        detail,
        format!("message {message} is settled; trace it instead")
    );
    bench
        .delete(&path)
        .await
        .problem(StatusCode::CONFLICT, "conflict");
    let life = bench
        .get(&format!("/api/v1/messages/{message}"))
        .await
        .json();
    assert!(life["closed_at"].is_string(), "{life}");
    assert_eq!(
        life["jobs"][0]["recipients"][0]["outcome"]["text"],
        "deleted by the operator: spam"
    );
    let counts = bench.get("/api/v1/counts").await.json();
    assert_eq!(
        (&counts["accepted"], &counts["settled"]),
        (&json!(1), &json!(1)),
        "{counts}"
    );
}

#[tokio::test]
async fn a_message_that_is_not_routed_can_be_deleted() {
    let bench = Bench::furnished().await;
    let (message, _) = bench.accept(&["carl@example.net"]).await;
    bench
        .delete(&format!("/api/v1/queue/{message}"))
        .await
        .with(StatusCode::OK);
    let counts = bench.get("/api/v1/counts").await.json();
    assert_eq!(counts["in_flight"], 0, "{counts}");
}

#[tokio::test]
async fn the_life_of_a_message_names_its_submitter() {
    let bench = Bench::furnished().await;
    let (message, content) = bench.delivered().await;
    let life = bench
        .get(&format!("/api/v1/messages/{message}"))
        .await
        .with(StatusCode::OK)
        .json();
    assert_eq!(life["transaction"]["account_address"], "alice@example.org");
    assert_eq!(life["transaction"]["protocol"], "ESMTPSA");
    assert_eq!(life["content"], content.to_string());
    assert_eq!(life["decisions"][0]["why"], "account");
    assert_eq!(life["recipients"][0]["notify"], json!(["failure", "delay"]));
}

#[tokio::test]
async fn unknown_and_malformed_ids_are_told_apart() {
    let bench = Bench::furnished().await;
    let unknown = bench.draw();
    for path in [format!("messages/{unknown}"), format!("queue/{unknown}")] {
        let answer = bench.get(&format!("/api/v1/{path}")).await;
        let detail = answer.problem(StatusCode::NOT_FOUND, "missing");
        assert!(detail.starts_with(&format!("the ledger does not know message {unknown}")));
    }
    let detail = bench
        .get("/api/v1/queue/xyz")
        .await
        .problem(StatusCode::BAD_REQUEST, "invalid");
    assert!(detail.contains("\"xyz\" is not a message id"), "{detail}");
    let message = bench.deferred("carl@example.net").await;
    let answer = bench
        .post(&format!("/api/v1/queue/{message}.7/retry"), json!({}))
        .await;
    answer.problem(StatusCode::NOT_FOUND, "missing");
}

#[tokio::test]
async fn what_waits_is_explained() {
    let bench = Bench::furnished().await;
    let message = bench.deferred("carl@example.net").await;
    let why = async |message| {
        let answer = bench.get(&format!("/api/v1/queue/{message}/why")).await;
        answer.with(StatusCode::OK).json()["jobs"][0].clone()
    };
    let first = why(message).await;
    assert_eq!(first["job"]["state"], "deferred");
    assert!(first["trouble"].is_null() && first["publication"].is_null());
    let trouble = store::ledger::Trouble {
        status: "4.4.1".parse().unwrap(),
        diagnostic: message::Diagnostic::ours("nobody answers"),
        at: bench.ports.clock.now(),
        probe_at: bench.ports.clock.now() + std::time::Duration::from_secs(60),
    };
    let destination = "example.net".parse().unwrap();
    let ledger = &bench.ports.ledger;
    ledger
        .destination_failed(&destination, trouble)
        .await
        .unwrap();
    let troubled = why(message).await;
    assert_eq!(troubled["trouble"]["failures"], 1);
    assert_eq!(troubled["trouble"]["text"], "nobody answers");
    let (unrouted, _) = bench.accept(&["carl@example.net"]).await;
    let pending = why(unrouted).await;
    assert_eq!(pending["job"]["key"], format!("{unrouted}.route"));
    assert_eq!(pending["publication"]["topic"], "mail.accepted");
    assert_eq!(pending["publication"]["published"], 1);
    assert_eq!(pending["publication"]["depth"], 0);
    assert!(pending["publication"]["next"].is_string());
    bench
        .delete(&format!("/api/v1/queue/{unrouted}"))
        .await
        .with(StatusCode::OK);
    let answer = bench.get(&format!("/api/v1/queue/{unrouted}/why")).await;
    answer.problem(StatusCode::CONFLICT, "conflict");
}

#[tokio::test]
async fn the_load_is_told_by_state_and_destination() {
    let bench = Bench::furnished().await;
    bench.deferred("carl@example.net").await;
    bench.deferred("dora@example.net").await;
    bench.accept(&["erik@example.com"]).await;
    let load = bench
        .get("/api/v1/queue/load")
        .await
        .with(StatusCode::OK)
        .json();
    assert_eq!(load["messages"], 3);
    assert_eq!(load["states"], json!({"deferred": 2, "pending": 1}));
    let destinations = load["destinations"].as_object().unwrap();
    assert_eq!(destinations.len(), 1);
    let net = &destinations["example.net"];
    assert_eq!(net["jobs"], 2);
    assert_eq!(net["last_reply"]["text"], "Connection refused");
    assert!(net["next_due"].is_string() && load["next"].is_null());
}
