//! The router at its topics: a job that comes twice, and topics that are full.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, EmbeddedBus};
use content::Away;
use house::running::{Running, eventually};
use house::{House, Letter, printed};
use message::{JobKey, MessageId, Topic};
use store::Directory;
use store::directory::Alias;
use store::ledger::{Decision, FinalRecipient, NewJob, Route, Why};

const HOUSE: &str = "
    domain example.org root@example.org
    account root@example.org
    account alice@example.org
    alias team@example.org alice@example.org
";

/// What a topic holds here.
const DEPTH: usize = 100;

/// Accepts a message, and gives its id.
async fn accept(house: &House, to: &str) -> MessageId {
    let letter = Letter {
        from: "<sender@elsewhere.example>",
        to: &[to],
        content: "Subject: x\r\n\r\n",
    };
    let entry = house.entry(&letter).await;
    let message = entry.acceptance.message;
    house.ledger().accept(entry.acceptance).await.unwrap();
    message
}

async fn route(house: &House, message: MessageId) -> Option<String> {
    let entry = house.ledger().entry(message).await.unwrap().unwrap();
    let routed = house.ledger().route(message).await.unwrap()?;
    Some(printed(&routed.route, &entry))
}

#[tokio::test]
async fn an_alias_edited_between_two_routings_changes_no_route() {
    let house = House::open(HOUSE).await;
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(DEPTH));
    let first = accept(&house, "team@example.org").await;
    let router = Running::start(&house, &bus);
    router.publish(first).await;
    let is_routed = async |message| route(&house, message).await.is_some();
    eventually("a route", async || is_routed(first).await).await;
    router.stop().await;
    let recorded = route(&house, first).await.unwrap();
    assert!(recorded.contains("to alice@example.org"), "{recorded}");

    let address = "team@example.org".parse().unwrap();
    house.store.remove_alias(&address).await.unwrap();
    let targets = vec!["root@example.org".parse().unwrap()];
    let edited = Alias { address, targets };
    house.store.add_alias(edited).await.unwrap();

    let second = accept(&house, "team@example.org").await;
    let router = Running::start(&house, &bus);
    router.publish(first).await;
    router.publish(second).await;
    eventually("another route", async || is_routed(second).await).await;
    // What it took before the second message is done when it has stopped.
    router.stop().await;
    assert_eq!(route(&house, first).await.unwrap(), recorded);
    let jobs = house.ledger().route(first).await.unwrap().unwrap().jobs;
    assert_eq!(jobs.len(), 1);
    let after = route(&house, second).await.unwrap();
    assert!(after.contains("to root@example.org"), "{after}");
}

/// The route of the only recipient into so many jobs.
fn into_jobs(count: usize, destination: &str, to: &str) -> Route {
    let decision = Decision {
        original: 0,
        why: Why::Dns,
        chain: Vec::new(),
        to: Some(to.parse().unwrap()),
        outcome: None,
    };
    let recipient = FinalRecipient {
        address: to.parse().unwrap(),
        account: None,
        originals: vec![0],
    };
    let job = NewJob {
        destination: destination.parse().unwrap(),
        return_path: "<sender@elsewhere.example>".parse().unwrap(),
        recipients: vec![recipient],
        passed_on_by: Vec::new(),
        expanded: Vec::new(),
    };
    Route {
        decisions: vec![decision],
        jobs: vec![job; count],
    }
}

#[tokio::test]
async fn a_full_topic_keeps_nothing_from_the_others() {
    let house = House::open(HOUSE).await;
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(DEPTH));
    // More than the feeder looks at in one step, and all of it older.
    for (count, destination, to) in [
        (1_500, "remote.example", "bob@remote.example"),
        (1, "local", "alice@example.org"),
    ] {
        let message = accept(&house, to).await;
        let route = into_jobs(count, destination, to);
        house.ledger().record_route(message, route).await.unwrap();
        house.clock.advance(Duration::from_secs(1));
    }
    house.clock.advance(Duration::from_secs(60));
    let router = Running::start(&house, &bus);
    let waiting = async |topic| bus.depth(topic).await.unwrap().unwrap();
    eventually("the local job", async || waiting(Topic::Local).await == 1).await;
    assert_eq!(waiting(Topic::Remote).await, DEPTH as u64);
    router.stop().await;
}

#[tokio::test]
async fn a_content_store_that_is_away_costs_no_try() {
    let mut house = House::open(
        "
        domain example.org root@example.org
        account root@example.org
        alias away@example.org carol@remote.example
    ",
    )
    .await;
    let message = accept(&house, "away@example.org").await;
    let away = Away::new(house.content.clone());
    house.content = away.clone();
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(DEPTH));
    let router = Running::start(&house, &bus);
    router.publish(message).await;
    eventually("the job on its way back", async || {
        house.clock.advance(Duration::from_millis(100));
        away.refused() > 2
    })
    .await;
    let job = house.ledger().job(JobKey::route(message)).await.unwrap();
    assert_eq!(job.unwrap().tries, 0);
    away.come_back();
    eventually("a route", async || route(&house, message).await.is_some()).await;
    router.stop().await;
}
