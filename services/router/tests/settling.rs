//! The sweep and a store that may have lost mail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, EmbeddedBus};
use house::House;
use house::running::{Running, eventually};
use message::{ContentId, MessageId};
use store::ledger::{Feed, Holder, References};
use store::mailbox::{Cause, Epochs};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Longer than the sweep leaves content alone.
const AGE: Duration = DAY.saturating_mul(8);

async fn condemned(house: &House) -> Vec<ContentId> {
    let later = house.now() + DAY;
    house.store.condemned(later, 10).await.unwrap()
}

fn start(house: &House) -> Running {
    let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(10));
    Running::start(house, &bus)
}

/// What the router tells of the store.
fn unsettled(router: &Running) -> Option<bool> {
    let text = router.metrics.encode();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix("rohrpost_store_unsettled "));
    value.map(|value| value == "1")
}

/// Lets a round of looking pass.
async fn a_round(house: &House, router: &Running) {
    house.clock.advance(Duration::from_secs(10));
    eventually("a look", async || unsettled(router).is_some()).await;
}

#[tokio::test]
async fn the_sweep_waits_until_an_operator_has_confirmed_the_epoch() {
    let house = House::open("").await;
    house.store.standing().await.unwrap();
    house.clock.advance(Duration::from_secs(300));
    let left = house.put("left by a crash").await;
    house.clock.advance(AGE);
    let raised = house.store.raise_epoch(Cause::Declared).await.unwrap();
    let router = start(&house);
    eventually("the metric", async || unsettled(&router) == Some(true)).await;
    for _ in 0..5 {
        a_round(&house, &router).await;
    }
    assert_eq!(condemned(&house).await, []);

    house.store.confirm_epoch(raised.epoch).await.unwrap();
    eventually("the sweep", async || {
        a_round(&house, &router).await;
        condemned(&house).await == [left.clone()]
    })
    .await;
    assert_eq!(unsettled(&router), Some(false));
    router.stop().await;
}

#[tokio::test]
async fn contents_older_than_the_store_are_kept_for_the_operator() {
    let house = House::open("").await;
    let lost = house.put("accepted by a store that is lost").await;
    house.clock.advance(AGE);
    // As a backup may hold it.
    let lease = house.store.lease("sweeper", "a router of before", DAY);
    assert!(lease.await.unwrap());
    let router = start(&house);
    eventually("the metric", async || unsettled(&router) == Some(true)).await;
    let standing = house.store.standing().await.unwrap();
    assert_eq!(standing.cause, Some(Cause::Restored));
    assert_eq!(standing.known_until, None);
    assert_eq!(condemned(&house).await, []);

    // Whether it was recovered or not: what was confirmed is swept up in its time.
    house.clock.advance(DAY);
    house.store.confirm_epoch(standing.epoch).await.unwrap();
    eventually("the sweep", async || {
        a_round(&house, &router).await;
        condemned(&house).await == [lost.clone()]
    })
    .await;
    assert!(house.store.standing().await.unwrap().is_settled());
    router.stop().await;
}

#[tokio::test]
async fn contents_that_somebody_referred_to_raise_nothing() {
    let house = House::open("").await;
    let held = house.put("in flight").await;
    let gone = house.put("in flight, then settled").await;
    let holder = Holder::Entry(MessageId::from_bits(1));
    for content in [&held, &gone] {
        house.store.refer(content, holder).await.unwrap();
    }
    house.clock.advance(Duration::from_secs(600));
    house.store.standing().await.unwrap();
    let left = house.put("left by a crash").await;
    house.clock.advance(AGE);
    house.store.release(&gone, holder).await.unwrap();
    let router = start(&house);
    eventually("the sweep", async || {
        condemned(&house).await.contains(&left)
    })
    .await;
    assert_eq!(house.store.standing().await.unwrap().epoch, 0);
    router.stop().await;
}
