//! Interventions in many jobs, redirections, and what is published at once.

use std::time::Duration;

use axum::http::StatusCode;
use message::{Job, JobKey, MessageId, Topic};
use serde_json::json;

use super::Bench;

/// Longer than anything here takes on a machine under load.
const DEADLINE: Duration = Duration::from_secs(20);

impl Bench {
    /// The only job on a topic.
    async fn published(&self, topic: Topic) -> Job {
        let bus = &self.ports.bus;
        assert_eq!(bus.depth(topic).await.unwrap(), Some(1), "on {topic}");
        let mut consumer = bus.subscribe(topic, 1).await.unwrap();
        let delivery = tokio::time::timeout(DEADLINE, consumer.next()).await;
        let delivery = delivery.unwrap().unwrap();
        let job = Job::decode(&delivery.payload).unwrap();
        delivery.complete().await.unwrap();
        job
    }

    /// The states of a message's open jobs.
    async fn states(&self, message: MessageId) -> Vec<String> {
        let item = self.get(&format!("/api/v1/queue/{message}")).await;
        let jobs = item.with(StatusCode::OK).json()["jobs"].clone();
        let state = |job: &serde_json::Value| job["state"].as_str().unwrap().to_owned();
        jobs.as_array().unwrap().iter().map(state).collect()
    }
}

#[tokio::test]
async fn what_is_retried_is_published_at_once() {
    let bench = Bench::furnished().await;
    let message = bench.deferred("carl@example.net").await;
    let path = format!("/api/v1/queue/{message}");
    bench
        .post(&format!("{path}/retry"), json!({}))
        .await
        .with(StatusCode::OK);
    let job = bench.published(Topic::Remote).await;
    assert_eq!((job.key, job.generation), (JobKey::work(message, 0), 1));
    let overdue = bench.ports.ledger.overdue(10, &[]).await.unwrap();
    assert_eq!(overdue, [], "the feeder need not publish it again");
    bench
        .post(&format!("{path}/bounce"), json!({}))
        .await
        .with(StatusCode::OK);
    let job = bench.published(Topic::Outcome).await;
    assert_eq!(job.key, JobKey::notice(message));
}

#[tokio::test]
async fn a_message_that_is_not_routed_is_held_and_released() {
    let bench = Bench::furnished().await;
    let (message, _) = bench.accept(&["carl@example.net"]).await;
    let path = format!("/api/v1/queue/{message}");
    bench
        .post(&format!("{path}/hold"), json!({}))
        .await
        .with(StatusCode::OK);
    assert_eq!(bench.states(message).await, ["held"]);
    let life = bench
        .get(&format!("/api/v1/messages/{message}"))
        .await
        .json();
    assert_eq!(life["chores"][0]["state"], "held");
    assert_eq!(life["chores"][0]["key"], format!("{message}.route"));
    bench
        .post(&format!("{path}/release"), json!({}))
        .await
        .with(StatusCode::OK);
    let job = bench.published(Topic::Accepted).await;
    assert_eq!(job.key, JobKey::route(message));
}

#[tokio::test]
async fn a_job_is_redirected() {
    let bench = Bench::furnished().await;
    let message = bench.deferred("carl@example.net").await;
    let path = format!("/api/v1/queue/{message}");
    let to = |to: &str| json!({ "to": to });
    bench
        .post(&format!("{path}/redirect"), to("local"))
        .await
        .problem(StatusCode::BAD_REQUEST, "invalid");
    bench
        .post(&format!("{path}/redirect"), to("smarthost:[192.0.2.9]:25"))
        .await
        .with(StatusCode::OK);
    let item = bench.get(&path).await.json();
    assert_eq!(item["jobs"][0]["destination"], "smarthost:[192.0.2.9]:25");
    assert_eq!(item["jobs"][0]["state"], "pending");
    let log = item["jobs"][0]["log"].as_array().unwrap().last().unwrap();
    let line = log["result"].as_str().unwrap();
    assert!(line.starts_with("redirected by the operator"), "{line}");
    let job = bench.published(Topic::Remote).await;
    assert_eq!((job.key, job.generation), (JobKey::work(message, 0), 2));

    let (message, _) = bench.accept(&["bob@example.org"]).await;
    let bob = bench.account("bob@example.org").await;
    let here = message::Destination::Local;
    bench
        .route(message, "bob@example.org", here, Some(bob))
        .await;
    let path = format!("/api/v1/queue/{message}.0/redirect");
    let refused = bench.post(&path, to("example.com")).await;
    let detail = refused.problem(StatusCode::CONFLICT, "conflict");
    assert!(detail.ends_with("is pending here"), "{detail}");
}

#[tokio::test]
async fn an_intervention_sweeps_the_jobs_that_fit() {
    let bench = Bench::furnished().await;
    let first = bench.deferred("carl@example.net").await;
    let second = bench.deferred("dora@example.net").await;
    let (unrouted, _) = bench.accept(&["erik@example.com"]).await;
    let sweep = async |action, selection| {
        let order = json!({"action": action, "selection": selection});
        let answer = bench.post("/api/v1/queue/interventions", order).await;
        let swept = answer.with(StatusCode::OK).json();
        let number = |name: &str| swept[name].as_u64().unwrap();
        (number("messages"), number("done"), number("unchanged"))
    };
    let deferred = json!({"state": "deferred", "destination": "example.net"});
    assert_eq!(sweep(json!("release"), deferred.clone()).await, (2, 0, 2));
    assert_eq!(sweep(json!("hold"), deferred.clone()).await, (2, 2, 0));
    assert_eq!(sweep(json!("hold"), deferred).await, (0, 0, 0));
    assert_eq!(bench.states(first).await, ["held"]);
    assert_eq!(bench.states(unrouted).await, ["pending"]);
    let dora = json!({"recipient": "dora@example.net"});
    assert_eq!(sweep(json!("release"), dora.clone()).await, (1, 1, 0));
    assert_eq!(bench.published(Topic::Remote).await.key.message, second);
    let redirect = json!({"redirect": {"to": "example.com"}});
    let all = json!({"older_than": "0s"});
    assert_eq!(sweep(redirect, all.clone()).await, (2, 2, 0));
    let delete = json!({"delete": {"reason": "spam"}});
    assert_eq!(sweep(delete, all).await, (3, 3, 0));
    let counts = bench.get("/api/v1/counts").await.json();
    assert_eq!(counts["in_flight"], 0, "{counts}");

    let order = json!({"action": "retry", "selection": {}});
    let answer = bench.post("/api/v1/queue/interventions", order).await;
    answer.problem(StatusCode::BAD_REQUEST, "invalid");
}

#[tokio::test]
async fn dead_letters_are_shown_given_back_and_settled() {
    let bench = Bench::furnished().await;
    let (message, _) = bench.accept(&["carl@example.net"]).await;
    let bus = &bench.ports.bus;
    for number in 0..2 {
        let job = Job {
            key: JobKey::work(message, number),
            generation: 0,
        };
        let trace = message::TraceContext {
            trace: message,
            span: 1,
            sampled: false,
        };
        let outgoing = bus::Outgoing {
            job,
            publication: 0,
            trace,
        };
        bus.publish(Topic::Remote, outgoing).await.unwrap();
        let mut consumer = bus.subscribe(Topic::Remote, 1).await.unwrap();
        let delivery = consumer.next().await.unwrap();
        delivery.bury("of version 2").await.unwrap();
    }
    let list = bench.get("/api/v1/dead").await.with(StatusCode::OK).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let letter = bench
        .get("/api/v1/dead/1")
        .await
        .with(StatusCode::OK)
        .json();
    assert_eq!(letter["topic"], "mail.remote");
    assert_eq!(letter["reason"], "of version 2");
    assert_eq!(letter, list["items"][0]);
    bench
        .post("/api/v1/dead/1/give-back", json!({}))
        .await
        .with(StatusCode::NO_CONTENT);
    let job = bench.published(Topic::Remote).await;
    assert_eq!(job.key, JobKey::work(message, 0));
    bench
        .delete("/api/v1/dead/2")
        .await
        .with(StatusCode::NO_CONTENT);
    for gone in ["/api/v1/dead/1", "/api/v1/dead/2"] {
        let answer = bench.get(gone).await;
        answer.problem(StatusCode::NOT_FOUND, "missing");
    }
}
