//! What holds for every request.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;
use station::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Bench, TOKEN};

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let bench = Bench::furnished().await;
    for path in [
        "domains",
        "accounts",
        "queue",
        "counts",
        "check",
        "messages/1",
    ] {
        let request = Request::get(format!("/api/v1/{path}"));
        let answer = bench.send(request.body(Body::empty()).unwrap()).await;
        answer.problem(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let wrong = Request::get("/api/v1/domains").header(header::AUTHORIZATION, "Bearer wrong");
    let answer = bench.send(wrong.body(Body::empty()).unwrap()).await;
    answer.problem(StatusCode::UNAUTHORIZED, "unauthorized");
}

#[tokio::test]
async fn health_metrics_and_the_description_are_open() {
    let bench = Bench::furnished().await;
    for path in ["/healthz", "/readyz", "/metrics", "/api/openapi.json"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        bench.send(request).await.with(StatusCode::OK);
    }
    bench.accept(&["carl@example.net"]).await;
    let metrics = bench.get("/metrics").await;
    assert!(
        metrics
            .media_type
            .starts_with("application/openmetrics-text")
    );
    let text = String::from_utf8(metrics.octets).unwrap();
    assert!(text.contains("rohrpost_messages_in_flight 1"), "{text}");
}

#[tokio::test]
async fn readiness_says_what_is_not_ready() {
    let bench = Bench::new().await;
    let relay = bench.ports.health.register("remote-relay");
    relay.set(State::Waiting("the store is away".to_owned()));
    let answer = bench.get("/readyz").await;
    let detail = answer.problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert_eq!(detail, "remote-relay waits: the store is away");
    relay.set(State::Ready);
    bench.get("/readyz").await.with(StatusCode::OK);
}

#[tokio::test]
async fn the_description_names_every_resource() {
    let bench = Bench::new().await;
    let description = bench.get("/api/openapi.json").await.json();
    let paths = description["paths"].as_object().unwrap();
    for path in [
        "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages/{uid}/raw",
        "/api/v1/queue/{id}/bounce",
        "/api/v1/messages/{message}",
        "/api/v1/check",
    ] {
        assert!(paths.contains_key(path), "{path} in {:?}", paths.keys());
    }
    assert_eq!(
        description["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_plainly() {
    let bench = Bench::new().await;
    let nowhere = bench.get("/api/v1/nothing").await;
    assert_eq!(
        nowhere.problem(StatusCode::NOT_FOUND, "missing"),
        "/api/v1/nothing does not exist"
    );
    bench
        .delete("/api/v1/domains")
        .await
        .problem(StatusCode::METHOD_NOT_ALLOWED, "invalid");
    let typo = json!({"name": "a.example", "postmaster": "p@a.example", "catchall": "x@a.example"});
    let detail = bench
        .post("/api/v1/domains", typo)
        .await
        .problem(StatusCode::BAD_REQUEST, "invalid");
    assert!(detail.contains("unknown field `catchall`"), "{detail}");
    let detail = bench
        .get("/api/v1/domains?limit=0")
        .await
        .problem(StatusCode::BAD_REQUEST, "invalid");
    assert_eq!(detail, "limit is 0, but must be 1 to 1000");
    let detail = bench
        .get("/api/v1/accounts/nobody")
        .await
        .problem(StatusCode::BAD_REQUEST, "invalid");
    assert!(
        detail.contains("an address needs a local part, an @ and a domain"),
        "{detail}"
    );
    let huge = json!({"address": "a@a.example", "targets": vec!["x@a.example"; 100_000]});
    let answer = bench.post("/api/v1/aliases", huge).await;
    answer.problem(StatusCode::PAYLOAD_TOO_LARGE, "invalid");
}

#[tokio::test]
async fn a_shutdown_closes_idle_connections_and_the_listener() {
    let bench = Bench::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let (ports, token) = (bench.ports.clone(), TOKEN.parse().unwrap());
    let stop = shutdown.clone();
    let served = tokio::spawn(async move {
        crate::serve(listener, &super::config(), ports, token, stop).await;
    });

    let mut connection = TcpStream::connect(address).await.unwrap();
    connection
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 15];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK");

    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), served)
        .await
        .unwrap()
        .unwrap();
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
