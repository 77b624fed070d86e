//! Work on jobs: generations, leases, results, tries.

use message::{Notify, Verdict};

use super::MAX_TRIES;
use super::fixture::*;
use crate::StoreError;
use crate::ledger::{Attempt, Holder, Intervention, JobState, Lease, Recorded, Report};

pub(super) async fn a_stale_generation_is_refused(s: &Setting) {
    let key = s.one(1, "x.example").await;
    let first = s.claim(key).await;
    assert_eq!(first.job.generation, 1);
    assert_eq!(first.entry.accepted_at, s.now());
    let read = s.ledger.job_with_entry(key).await.unwrap();
    assert_eq!(read, Some((first.job, first.entry)));
    s.clock.advance(2 * MINUTE);
    s.ledger.overdue(10, &[]).await.unwrap();
    let second = s.claim(key).await;
    assert_eq!(second.job.generation, 2);

    for stale in [0, 1, 3] {
        let report = s.report(&[(0, RELAYED)]);
        let recorded = s.ledger.record(key, stale, report).await.unwrap();
        assert_eq!(recorded, Recorded::Stale);
        assert!(!s.ledger.renew(key, stale, LEASE).await.unwrap());
        assert!(!s.ledger.park(key, stale).await.unwrap());
        assert_eq!(s.ledger.claim(key, stale, LEASE).await.unwrap(), None);
        s.ledger.tried(key, stale, "late").await.unwrap();
    }
    let job = s.job(key).await;
    assert_eq!(job, second.job, "nothing of that changed the job");
    let until = s.now() + 2 * LEASE.0;
    assert!(s.ledger.renew(key, 2, Lease(2 * LEASE.0)).await.unwrap());
    assert_eq!(s.state(key).await, JobState::Working { until });
    s.finish(key, RELAYED).await;
    let again = s.ledger.record(key, 2, s.report(&[])).await.unwrap();
    assert_eq!(again, Recorded::Stale, "recorded once");
    let missing = s
        .ledger
        .record(super::fixture::key(9, 9), 0, s.report(&[]))
        .await;
    assert_eq!(missing.unwrap(), Recorded::Stale);
    let missing = s.ledger.job_with_entry(super::fixture::key(9, 9)).await;
    assert_eq!(missing.unwrap(), None);
}

pub(super) async fn results_survive_a_lapsed_lease_until_the_next_claim(s: &Setting) {
    for (number, swept) in [(1, false), (2, true)] {
        let key = s.one(number, "x.example").await;
        let claimed = s.claim(key).await;
        s.clock.advance(LEASE.0);
        assert!(
            !s.ledger.renew(key, 1, LEASE).await.unwrap(),
            "a lapsed lease is gone"
        );
        if swept {
            s.ledger.overdue(10, &[]).await.unwrap();
            assert_eq!(s.state(key).await, JobState::Pending);
        }
        let report = s.report(&[(0, RELAYED)]);
        let recorded = s
            .ledger
            .record(key, claimed.job.generation, report)
            .await
            .unwrap();
        assert_eq!(recorded, Recorded::Stored { notice_owed: false });
        assert!(s.is_closed(number).await);
    }
}

pub(super) async fn a_report_names_each_open_recipient_once(s: &Setting) {
    s.accept(acceptance(1, &[("a@x.example", ALL), ("b@x.example", ALL)]))
        .await;
    s.route(1, vec![remote("x.example", &[0, 1])]).await;
    let wrong: [&[(u32, Verdict)]; 5] = [
        &[],
        &[(0, RELAYED)],
        &[(0, RELAYED), (0, FAILED)],
        &[(0, RELAYED), (1, RELAYED), (2, RELAYED)],
        &[(0, RELAYED), (1, RELAYED), (1, RELAYED)],
    ];
    for verdicts in wrong {
        let refused = s.ledger.record(key(1, 0), 0, s.report(verdicts)).await;
        assert!(
            matches!(refused, Err(StoreError::Misused(_))),
            "{verdicts:?}: {refused:?}"
        );
    }
    let endless = Report {
        retry: None,
        ..s.report(&[(0, RELAYED), (1, DEFERRED)])
    };
    let refused = s.ledger.record(key(1, 0), 0, endless).await;
    assert!(
        matches!(refused, Err(StoreError::Misused(_))),
        "{refused:?}"
    );
    assert_eq!(
        s.job(key(1, 0)).await.attempts,
        0,
        "nothing of that was recorded"
    );
    assert_eq!(s.ledger.counts().await.unwrap().relayed, 0);
}

pub(super) async fn recipients_settle_one_by_one(s: &Setting) {
    let recipients =
        ["a@x.example", "b@x.example", "c@x.example"].map(|a| (a, Notify::Unspecified));
    s.accept(acceptance(1, &recipients)).await;
    s.route(1, vec![remote("x.example", &[0, 1, 2])]).await;
    let key = key(1, 0);
    s.claim(key).await;
    assert!(
        !s.record(key, s.report(&[(0, RELAYED), (1, DEFERRED), (2, DEFERRED)]))
            .await
    );
    let job = s.job(key).await;
    assert_eq!(
        job.state,
        JobState::Deferred {
            due: s.now() + HOUR
        }
    );
    let open: Vec<_> = job.open_recipients().map(|(index, _)| index).collect();
    assert_eq!(open, [1, 2]);
    assert_eq!(
        (job.attempts, job.retry_until),
        (1, Some(s.now() + 100 * HOUR))
    );

    s.clock.advance(HOUR);
    s.claim(key).await;
    assert!(s.record(key, s.report(&[(2, FAILED), (1, DEFERRED)])).await);
    assert!(!s.is_closed(1).await);
    s.clock.advance(HOUR);
    s.claim(key).await;
    s.record(key, s.report(&[(1, RELAYED)])).await;
    assert_eq!(s.state(key).await, JobState::Settled);
    let counts = s.ledger.counts().await.unwrap();
    assert_eq!((counts.relayed, counts.failed, counts.untold), (2, 1, 0));
    assert!(!s.is_closed(1).await, "a failure is owed");
    s.balances().await;
}

pub(super) async fn too_many_tries_make_a_job_dead(s: &Setting) {
    let key = s.one(1, "x.example").await;
    for tries in 1..=MAX_TRIES {
        s.ledger
            .tried(key, 0, "the handler\r\npanicked")
            .await
            .unwrap();
        let job = s.job(key).await;
        assert_eq!((job.state, job.tries), (JobState::Pending, tries));
    }
    s.ledger.tried(key, 0, "once more").await.unwrap();
    let job = s.job(key).await;
    assert_eq!(job.state, JobState::Dead);
    assert_eq!(job.log[0].result, "the handler panicked");
    assert_eq!(job.attempts, 0, "a try is no attempt");
    assert_eq!(s.ledger.counts().await.unwrap().dead, 1);
    s.clock.advance(100 * HOUR);
    assert!(
        s.ledger.overdue(10, &[]).await.unwrap().is_empty(),
        "the dead rest"
    );

    let retry = Intervention::Retry;
    assert!(s.ledger.intervene(key, retry).await.unwrap());
    let job = s.job(key).await;
    assert_eq!((job.state, job.tries), (JobState::Pending, 0));
    assert_eq!(s.ledger.counts().await.unwrap().dead, 0);

    s.ledger.tried(key, 0, "again").await.unwrap();
    s.claim(key).await;
    s.ledger.tried(key, 1, "and again").await.unwrap();
    let job = s.job(key).await;
    assert_eq!(
        (job.state, job.tries),
        (JobState::Pending, 2),
        "a claim is no result"
    );
    s.finish(key, DEFERRED).await;
    assert_eq!(s.job(key).await.tries, 0, "a deferral is a result");
}

pub(super) async fn the_log_of_attempts_is_bounded(s: &Setting) {
    let key = s.one(1, "x.example").await;
    let attempts: Vec<_> = (0..30)
        .map(|number| s.attempt(&number.to_string()))
        .collect();
    for three in attempts.chunks(3) {
        s.claim(key).await;
        let mut report = s.report(&[(0, DEFERRED)]);
        report.attempts = three.to_vec();
        s.record(key, report).await;
        s.clock.advance(HOUR);
    }
    let job = s.job(key).await;
    let kept = attempts[..5].iter().chain(&attempts[15..]);
    let expected: Vec<&Attempt> = kept.collect();
    assert_eq!(job.log.iter().collect::<Vec<_>>(), expected);
    assert_eq!(job.attempts, 10);
}

pub(super) async fn an_account_without_the_message_loses_its_reference(s: &Setting) {
    let recipients = ["a@x.example", "b@x.example", "c@x.example"].map(|a| (a, Notify::Never));
    s.accept(acceptance(1, &recipients)).await;
    let mut second = local(&[5]);
    second.recipients[0].originals = vec![2];
    s.route(1, vec![local(&[5, 6]), second]).await;
    let holds = async |number| {
        let holders = s.ledger.holders(&content(1)).await.unwrap();
        holders.contains(&Holder::Account(account(number)))
    };
    s.record(key(1, 0), s.report(&[(0, FAILED), (1, FAILED)]))
        .await;
    assert!(holds(5).await, "its other recipient may yet be delivered");
    assert!(!holds(6).await);
    s.record(key(1, 1), s.report(&[(0, FAILED)])).await;
    assert!(!holds(5).await);
    assert!(s.is_closed(1).await);
    s.clock.advance(MINUTE);
    assert_eq!(s.ledger.condemned(s.now(), 10).await.unwrap(), [content(1)]);

    s.accept(acceptance(2, &recipients)).await;
    let mut twice = local(&[5, 5]);
    twice.recipients[1].originals = vec![1, 2];
    s.route(2, vec![twice]).await;
    s.record(key(2, 0), s.report(&[(0, FAILED), (1, DELIVERED)]))
        .await;
    let holders = s.ledger.holders(&content(2)).await.unwrap();
    assert_eq!(
        holders,
        [Holder::Account(account(5))],
        "only the reader is left"
    );
}
