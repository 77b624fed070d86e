//! What the feeder reads, and leases by name.

use std::time::Duration;

use message::{Destination, JobKey, NoticeKind, Topic};

use super::fixture::*;
use super::{FEED_INTERVAL, MAX_TRIES};
use crate::ledger::{Intervention, JobState, Publication};

async fn overdue(s: &Setting) -> Vec<Publication> {
    s.ledger.overdue(100, &[]).await.unwrap()
}

async fn overdue_keys(s: &Setting) -> Vec<JobKey> {
    overdue(s)
        .await
        .iter()
        .map(|publication| publication.job.key)
        .collect()
}

pub(super) async fn a_pending_job_is_overdue_at_doubling_intervals(s: &Setting) {
    s.accept(plain(1)).await;
    assert!(
        overdue(s).await.is_empty(),
        "whoever accepted it publishes it first"
    );
    let mut wait = FEED_INTERVAL;
    for number in 1..=12 {
        s.clock.advance(wait - Duration::from_millis(1));
        assert!(
            overdue(s).await.is_empty(),
            "publication {number} comes too early"
        );
        s.clock.advance(Duration::from_millis(1));
        let first = overdue(s).await;
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].publication, number);
        assert_eq!(overdue(s).await, first, "overdue until it is published");
        s.ledger.fed(&first).await.unwrap();
        s.ledger.fed(&first).await.unwrap();
        wait = (wait * 2).min(HOUR);
    }
    let late = s.ledger.overdue(10, &[]).await.unwrap();
    assert!(late.is_empty());
    s.route(1, vec![remote("x.example", &[0])]).await;
    s.clock.advance(10 * HOUR);
    assert_eq!(
        overdue_keys(s).await,
        [key(1, 0)],
        "a settled routing job rests"
    );
    s.claim(key(1, 0)).await;
    let stale = overdue(s).await;
    assert!(stale.is_empty());
    s.finish(key(1, 0), RELAYED).await;
    s.clock.advance(10 * HOUR);
    assert!(overdue(s).await.is_empty());
}

pub(super) async fn an_expired_lease_is_a_try_without_a_result(s: &Setting) {
    let key = s.one(1, "x.example").await;
    for tries in 1..=MAX_TRIES {
        s.claim(key).await;
        s.clock.advance(LEASE.0 - Duration::from_millis(1));
        assert!(overdue(s).await.is_empty());
        s.clock.advance(Duration::from_millis(1));
        let publications = overdue(s).await;
        assert_eq!(publications.len(), 1);
        let publication = &publications[0];
        assert_eq!(
            (publication.job.key, publication.job.generation),
            (key, tries)
        );
        assert_eq!(publication.publication, 0, "the first of its generation");
        assert_eq!(s.job(key).await.tries, tries);
    }
    s.claim(key).await;
    s.clock.advance(LEASE.0);
    assert!(overdue(s).await.is_empty());
    assert_eq!(s.state(key).await, JobState::Dead);
    assert_eq!(s.ledger.counts().await.unwrap().dead, 1);
}

pub(super) async fn published_jobs_carry_their_topic_and_number(s: &Setting) {
    s.accept(plain(1)).await;
    s.accept(plain(2)).await;
    s.accept(plain(3)).await;
    s.accept(plain(4)).await;
    s.route(2, vec![local(&[5])]).await;
    s.route(3, vec![remote("x.example", &[0])]).await;
    s.route(4, vec![remote("smarthost:relay.example:587", &[0])])
        .await;
    s.finish(key(3, 0), FAILED).await;
    s.clock.advance(FEED_INTERVAL);
    let publications = overdue(s).await;
    let mut found: Vec<_> = publications
        .iter()
        .map(|p| (p.job.key, p.topic, p.destination.clone(), p.publication))
        .collect();
    found.sort_by_key(|(key, ..)| *key);
    let smarthost = destination("smarthost:relay.example:587");
    let expected = [
        (JobKey::route(message(1)), Topic::Accepted, None, 1),
        (key(2, 0), Topic::Local, Some(Destination::Local), 1),
        (JobKey::notice(message(3)), Topic::Outcome, None, 1),
        (key(4, 0), Topic::Remote, Some(smarthost), 1),
    ];
    assert_eq!(found, expected);
    for publication in &publications {
        let entry = s
            .ledger
            .entry(publication.job.key.message)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(publication.trace, entry.acceptance.trace);
        assert_eq!(publication.job.generation, 0);
    }
    let kind = NoticeKind::Failure;
    s.ledger
        .claim_notice(message(3), kind, notice_id(1))
        .await
        .unwrap()
        .unwrap();
    s.ledger
        .notice_accepted(message(3), kind, notice_id(1))
        .await
        .unwrap();
    s.clock.advance(10 * HOUR);
    assert_eq!(overdue(s).await.len(), 3, "a notice that was told rests");
}

pub(super) async fn overdue_work_comes_oldest_first_within_the_limit(s: &Setting) {
    for number in 1..=4 {
        s.one(number, "x.example").await;
        s.clock.advance(Duration::from_secs(1));
    }
    for held in [1, 2] {
        assert!(
            s.ledger
                .intervene(key(held, 0), Intervention::Hold)
                .await
                .unwrap()
        );
    }
    assert!(
        s.ledger
            .intervene(key(1, 0), Intervention::Release)
            .await
            .unwrap()
    );
    assert_eq!(
        overdue_keys(s).await,
        [key(1, 0)],
        "what is released is to be published"
    );
    s.clock.advance(FEED_INTERVAL);
    assert_eq!(overdue_keys(s).await, [key(1, 0), key(3, 0), key(4, 0)]);
    let two = s.ledger.overdue(2, &[]).await.unwrap();
    assert_eq!(two.len(), 2);
    assert!(s.ledger.overdue(0, &[]).await.unwrap().is_empty());
    s.ledger.fed(&two).await.unwrap();
    assert_eq!(overdue_keys(s).await.len(), 1);
}

pub(super) async fn topics_that_take_nothing_hide_no_others(s: &Setting) {
    for number in 1..=3 {
        s.one(number, "x.example").await;
    }
    s.clock.advance(Duration::from_secs(1));
    s.accept(plain(4)).await;
    s.accept(plain(5)).await;
    s.route(5, vec![local(&[5])]).await;
    s.clock.advance(FEED_INTERVAL);
    let overdue = async |limit, skip: &[Topic]| {
        let publications = s.ledger.overdue(limit, skip).await.unwrap();
        let mut keys: Vec<_> = publications.iter().map(|p| p.job.key).collect();
        keys.sort();
        keys
    };
    let route = JobKey::route(message(4));
    assert_eq!(overdue(2, &[Topic::Remote]).await, [route, key(5, 0)]);
    assert_eq!(overdue(2, &[Topic::Remote, Topic::Local]).await, [route]);
    let all = [Topic::Remote, Topic::Local, Topic::Accepted];
    assert_eq!(overdue(2, &all).await, []);
    assert_eq!(overdue(10, &[]).await.len(), 5, "none was forgotten");
}

pub(super) async fn a_lease_has_one_owner(s: &Setting) {
    let lease = async |name, owner| s.ledger.lease(name, owner, MINUTE).await.unwrap();
    assert!(lease("feeder", "a").await);
    assert!(!lease("feeder", "b").await);
    assert!(
        lease("reclaimer", "b").await,
        "another name is another lease"
    );
    s.clock.advance(MINUTE / 2);
    assert!(lease("feeder", "a").await, "its owner renews it");
    s.clock.advance(MINUTE / 2);
    assert!(!lease("feeder", "b").await);
    s.clock.advance(MINUTE / 2);
    assert!(lease("feeder", "b").await, "it ends by the clock");
    assert!(!lease("feeder", "a").await);
}
