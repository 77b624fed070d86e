//! The table of states, through the port.

use message::{JobKey, Outcome, Verdict};

use super::MAX_TRIES;
use super::fixture::*;
use crate::ledger::{Intervention, JobState, Recorded};

/// A job in some state, each on a message and destination of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Pending,
    Working,
    Waiting,
    Deferred,
    Held,
    Dead,
    Settled,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Claim,
    ClaimNext { drain: bool },
    Renew,
    Park,
    Defer,
    Settle,
    Tried,
    Retry,
    Hold,
    Release,
    Bounce,
    Delete,
    Redirect,
}

pub(super) async fn every_operation_in_every_state(s: &Setting) {
    use Operation::*;
    const STARTS: [(char, Start); 7] = [
        ('P', Start::Pending),
        ('W', Start::Working),
        ('C', Start::Waiting),
        ('D', Start::Deferred),
        ('H', Start::Held),
        ('X', Start::Dead),
        ('S', Start::Settled),
    ];
    let working = "working";
    let table = [
        (Claim, "PC", working),
        (ClaimNext { drain: false }, "C", working),
        (ClaimNext { drain: true }, "CD", working),
        (Renew, "W", working),
        (Park, "P", "waiting"),
        (Defer, "PW", "deferred"),
        (Settle, "PW", "settled"),
        (Tried, "PW", "pending"),
        (Retry, "CDX", "pending"),
        (Hold, "PCD", "held"),
        (Release, "H", "pending"),
        (Bounce, "PCDHX", "settled"),
        (Delete, "PCDHX", "settled"),
        (Redirect, "PCDHX", "pending"),
    ];
    let mut number = 0;
    for (operation, legal, next) in table {
        for (letter, start) in STARTS {
            number += 1;
            let key = prepare(s, number, start).await;
            let before = s.job(key).await;
            let happened = perform(s, key, before.generation, operation).await;
            let after = s.job(key).await;
            let context = format!("{operation:?} of a job that is {start:?}");
            assert_eq!(happened, legal.contains(letter), "{context}");
            if happened {
                assert_eq!(name(after.state), next, "{context}");
            } else {
                assert_eq!(after, before, "{context} changes nothing");
            }
        }
    }
    s.balances().await;
    s.clock.advance(2 * HOUR);
    let due = prepare(s, 900, Start::Deferred).await;
    s.clock.advance(HOUR);
    assert_eq!(
        name(s.claim(due).await.job.state),
        working,
        "what is due can be claimed"
    );
}

async fn prepare(s: &Setting, number: u32, start: Start) -> JobKey {
    let key = s.one(number, &format!("d{number}.example")).await;
    match start {
        Start::Pending => {}
        Start::Working => drop(s.claim(key).await),
        Start::Waiting => assert!(s.ledger.park(key, 0).await.unwrap()),
        Start::Deferred => drop(s.finish(key, DEFERRED).await),
        Start::Held => assert!(s.ledger.intervene(key, Intervention::Hold).await.unwrap()),
        Start::Dead => {
            for _ in 0..=MAX_TRIES {
                s.ledger.tried(key, 0, "it panics").await.unwrap();
            }
        }
        Start::Settled => drop(s.finish(key, RELAYED).await),
    }
    key
}

async fn perform(s: &Setting, key: JobKey, generation: u32, operation: Operation) -> bool {
    let intervene = async |intervention| s.ledger.intervene(key, intervention).await.unwrap();
    let record = async |verdict| {
        let report = s.report(&[(0, verdict)]);
        s.ledger.record(key, generation, report).await.unwrap() != Recorded::Stale
    };
    let to = s.job(key).await.destination;
    match operation {
        Operation::Claim => s
            .ledger
            .claim(key, generation, LEASE)
            .await
            .unwrap()
            .is_some(),
        Operation::ClaimNext { drain } => s
            .ledger
            .claim_next(&to, LEASE, drain)
            .await
            .unwrap()
            .is_some(),
        Operation::Renew => s.ledger.renew(key, generation, LEASE).await.unwrap(),
        Operation::Park => s.ledger.park(key, generation).await.unwrap(),
        Operation::Defer => record(DEFERRED).await,
        Operation::Settle => record(RELAYED).await,
        Operation::Tried => {
            let tries = s.job(key).await.tries;
            s.ledger.tried(key, generation, "it panics").await.unwrap();
            s.job(key).await.tries > tries
        }
        Operation::Retry => intervene(Intervention::Retry).await,
        Operation::Hold => intervene(Intervention::Hold).await,
        Operation::Release => intervene(Intervention::Release).await,
        Operation::Bounce => intervene(Intervention::Bounce(s.outcome(FAILED))).await,
        Operation::Delete => intervene(Intervention::Delete(deleted(s))).await,
        Operation::Redirect => {
            let elsewhere = destination("elsewhere.example");
            intervene(Intervention::Redirect(elsewhere)).await
        }
    }
}

fn deleted(s: &Setting) -> Outcome {
    s.outcome(Verdict::Deleted)
}

fn name(state: JobState) -> &'static str {
    match state {
        JobState::Pending => "pending",
        JobState::Working { .. } => "working",
        JobState::Waiting => "waiting",
        JobState::Deferred { .. } => "deferred",
        JobState::Held => "held",
        JobState::Dead => "dead",
        JobState::Settled => "settled",
    }
}

pub(super) async fn routing_and_notice_jobs_obey_operators(s: &Setting) {
    let intervene = async |key, intervention| s.ledger.intervene(key, intervention).await.unwrap();
    s.accept(plain(1)).await;
    let routing = JobKey::route(message(1));
    assert!(intervene(routing, Intervention::Hold).await);
    assert!(!intervene(routing, Intervention::Hold).await);
    assert_eq!(s.state(routing).await, JobState::Held);
    let offered = route(vec![remote("x.example", &[0])]);
    let refused = s
        .ledger
        .record_route(message(1), offered.clone())
        .await
        .unwrap();
    assert_eq!(refused, None, "what is held is not routed");
    assert!(intervene(routing, Intervention::Release).await);
    for _ in 0..=MAX_TRIES {
        s.ledger.tried(routing, 0, "it panics").await.unwrap();
    }
    assert_eq!(s.state(routing).await, JobState::Dead);
    assert_eq!(s.ledger.counts().await.unwrap().dead, 1);
    assert_eq!(s.ledger.claim(routing, 0, LEASE).await.unwrap(), None);
    assert!(intervene(routing, Intervention::Retry).await);
    assert_eq!(s.ledger.counts().await.unwrap().dead, 0);
    s.ledger
        .record_route(message(1), offered)
        .await
        .unwrap()
        .unwrap();

    let notice = JobKey::notice(message(1));
    assert!(
        !intervene(notice, Intervention::Hold).await,
        "nothing is owed yet"
    );
    s.finish(key(1, 0), FAILED).await;
    assert_eq!(s.ledger.notice_job(message(1)).await.unwrap(), Some(notice));
    assert!(intervene(notice, Intervention::Hold).await);
    assert_eq!(s.ledger.notice_job(message(1)).await.unwrap(), None);
    let kind = message::NoticeKind::Failure;
    let claim = s
        .ledger
        .claim_notice(message(1), kind, notice_id(1))
        .await
        .unwrap();
    assert_eq!(claim, None, "what is held is not told");
    assert!(intervene(notice, Intervention::Release).await);
    assert!(!intervene(notice, Intervention::Bounce(s.outcome(FAILED))).await);
    assert!(intervene(notice, Intervention::Delete(deleted(s))).await);
    assert!(s.is_closed(1).await, "nobody is told any more");
    s.balances().await;
}
