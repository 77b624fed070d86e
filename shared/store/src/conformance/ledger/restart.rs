//! Closing and opening again, cleanly or by a crash.

use message::time::ManualClock;
use message::{JobKey, NoticeKind, Notify};

use super::fixture::*;
use crate::Ledger;
use crate::conformance::Subject;
use crate::ledger::{Accepted, Holder, JobState, Trouble};

async fn open<S: Subject<dyn Ledger>>(subject: &S, clock: &ManualClock) -> Setting {
    Setting {
        ledger: subject.open().await,
        clock: clock.clone(),
    }
}

pub(super) async fn everything_outlives_a_restart<S: Subject<dyn Ledger>>(
    subject: &S,
    clock: &ManualClock,
) {
    let s = open(subject, clock).await;
    s.accept(acceptance(1, &[("a@x.example", ALL), ("b@x.example", ALL)]))
        .await;
    s.route(
        1,
        vec![remote("x.example", &[0]), remote("y.example", &[1])],
    )
    .await;
    s.finish(key(1, 0), DEFERRED).await;
    s.finish(key(1, 1), FAILED).await;
    s.one(2, "z.example").await;
    s.finish(key(2, 0), RELAYED).await;
    let x = destination("x.example");
    let trouble = Trouble {
        status: message::EnhancedStatus::new(4, 4, 1),
        diagnostic: message::Diagnostic::ours("no answer"),
        at: s.now(),
        probe_at: s.now(),
    };
    s.ledger.destination_failed(&x, trouble).await.unwrap();
    assert!(s.ledger.claim_probe(&x, LEASE).await.unwrap());
    assert!(s.ledger.lease("feeder", "before", MINUTE).await.unwrap());
    let seen = async |s: &Setting| {
        let histories = [message(1), message(2)].map(|id| s.ledger.history(id));
        let [first, second] = histories;
        let references = s.ledger.references(None, 100).await.unwrap();
        let condemned = s.ledger.condemned(s.now() + MINUTE, 100).await.unwrap();
        let counts = s.ledger.counts().await.unwrap();
        (
            first.await.unwrap(),
            second.await.unwrap(),
            references,
            condemned,
            counts,
        )
    };
    let before = seen(&s).await;
    drop(s);

    let s = open(subject, clock).await;
    assert_eq!(seen(&s).await, before);
    assert_eq!(s.ledger.next_due().await.unwrap(), Some(s.now() + HOUR));
    assert_eq!(s.ledger.destination(&x).await.unwrap().unwrap().failures, 1);
    assert_eq!(s.ledger.accept(plain(2)).await.unwrap(), Accepted::Known);
    s.clock.advance(HOUR);
    assert!(s.ledger.claim_probe(&x, LEASE).await.unwrap());
    assert!(s.ledger.lease("feeder", "after", MINUTE).await.unwrap());
    s.claim(key(1, 0)).await;
    s.finish(key(1, 0), RELAYED).await;
    for (kind, id) in [(NoticeKind::Failure, 1), (NoticeKind::Success, 2)] {
        let claim = s
            .ledger
            .claim_notice(message(1), kind, notice_id(id))
            .await
            .unwrap();
        assert_eq!(claim.unwrap().recipients.len(), 1);
        s.ledger
            .notice_accepted(message(1), kind, notice_id(id))
            .await
            .unwrap();
    }
    assert!(s.is_closed(1).await);
    s.balances().await;
}

/// Engines that other processes may share know of their work by leases; for
/// them the case lets these run out.
pub(super) async fn work_of_an_earlier_run_is_overdue_at_once<S: Subject<dyn Ledger>>(
    subject: &S,
    clock: &ManualClock,
) {
    let s = open(subject, clock).await;
    s.accept(plain(1)).await;
    s.one(2, "x.example").await;
    s.one(3, "x.example").await;
    s.claim(key(3, 0)).await;
    s.deferred(4, "x.example").await;
    let parked = s.one(5, "x.example").await;
    assert!(s.ledger.park(parked, 0).await.unwrap());
    s.accept(acceptance(6, &[("a@x.example", Notify::Unspecified)]))
        .await;
    s.route(6, vec![remote("y.example", &[0])]).await;
    s.finish(key(6, 0), FAILED).await;
    assert!(s.ledger.overdue(10, &[]).await.unwrap().is_empty());
    drop(s);

    let s = open(subject, clock).await;
    s.one(7, "x.example").await;
    if s.ledger.overdue(10, &[]).await.unwrap().is_empty() {
        s.clock.advance(MINUTE);
    }
    let two = s.ledger.overdue(2, &[]).await.unwrap();
    assert_eq!(two.len(), 2, "within the limit");
    s.ledger.fed(&two).await.unwrap();
    let rest = s.ledger.overdue(10, &[]).await.unwrap();
    s.ledger.fed(&rest).await.unwrap();
    let mut keys: Vec<_> = two.iter().chain(&rest).map(|p| p.job.key).collect();
    keys.retain(|fed| *fed != key(7, 0));
    keys.sort();
    let notice = JobKey::notice(message(6));
    assert_eq!(
        keys,
        [JobKey::route(message(1)), key(2, 0), key(3, 0), notice]
    );
    assert!(s.ledger.overdue(10, &[]).await.unwrap().is_empty(), "once");
    let job = s.job(key(3, 0)).await;
    assert_eq!((job.state, job.tries), (JobState::Pending, 1));
    assert_eq!(s.state(parked).await, JobState::Waiting);
    assert!(matches!(
        s.state(key(4, 0)).await,
        JobState::Deferred { .. }
    ));
}

pub(super) async fn a_crash_repeats_the_same_notice<S: Subject<dyn Ledger>>(
    subject: &S,
    clock: &ManualClock,
) {
    let s = open(subject, clock).await;
    s.one(1, "x.example").await;
    s.finish(key(1, 0), FAILED).await;
    let kind = NoticeKind::Failure;
    let first = s
        .ledger
        .claim_notice(message(1), kind, notice_id(1))
        .await
        .unwrap();
    assert!(first.is_some());
    drop(s);

    let s = open(subject, clock).await;
    s.clock.advance(MINUTE);
    let again = s
        .ledger
        .claim_notice(message(1), kind, notice_id(2))
        .await
        .unwrap();
    assert_eq!(again, first, "under the id that was reserved first");
    let mut notice = plain(2);
    notice.message = notice_id(1);
    s.accept(notice.clone()).await;
    drop(s);

    let s = open(subject, clock).await;
    let again = s
        .ledger
        .claim_notice(message(1), kind, notice_id(3))
        .await
        .unwrap();
    assert_eq!(again, first);
    assert_eq!(s.ledger.accept(notice).await.unwrap(), Accepted::Known);
    s.ledger
        .notice_accepted(message(1), kind, notice_id(1))
        .await
        .unwrap();
    assert!(s.is_closed(1).await);
    let holders = s.ledger.holders(&content(2)).await.unwrap();
    assert_eq!(
        holders,
        [Holder::Entry(notice_id(1))],
        "one notice is on its way"
    );
}
