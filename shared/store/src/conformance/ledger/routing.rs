//! Recording a route, once.

use message::{Diagnostic, NoticeKind, Notify, Verdict};

use super::fixture::*;
use crate::StoreError;
use crate::ledger::{Decision, Holder, JobState, Route};

pub(super) async fn a_route_is_recorded_once(s: &Setting) {
    let two = acceptance(1, &[("a@x.example", ALL), ("b@y.example", ALL)]);
    s.accept(two).await;
    let entry = s.ledger.entry(message(1)).await.unwrap();
    assert_eq!(s.ledger.unrouted(message(1)).await.unwrap(), entry);
    assert_eq!(s.ledger.unrouted(message(2)).await.unwrap(), None);
    let jobs = vec![remote("x.example", &[0]), remote("y.example", &[1])];
    let recorded = s.route(1, jobs.clone()).await;
    assert_eq!(recorded.route, route(jobs));
    assert!(!recorded.notice_owed);
    assert_eq!(s.ledger.unrouted(message(1)).await.unwrap(), None);
    let keys: Vec<_> = recorded.jobs.iter().map(|job| job.key).collect();
    assert_eq!(keys, [key(1, 0), key(1, 1)]);
    assert!(
        recorded
            .jobs
            .iter()
            .all(|job| job.state == JobState::Pending && job.generation == 0)
    );

    s.claim(key(1, 0)).await;
    let again = s.route(1, vec![remote("z.example", &[0, 1])]).await;
    assert_eq!(again.route, recorded.route, "the first one stands");
    assert!(matches!(again.jobs[0].state, JobState::Working { .. }));
    let read = s.ledger.route(message(1)).await.unwrap();
    assert_eq!(read, Some(again));

    s.finish(key(1, 0), RELAYED).await;
    s.finish(key(1, 1), Verdict::Relayed { dsn: true }).await;
    let claim = s
        .ledger
        .claim_notice(message(1), NoticeKind::Success, notice_id(1));
    claim.await.unwrap().unwrap();
    let accepted = s
        .ledger
        .notice_accepted(message(1), NoticeKind::Success, notice_id(1));
    accepted.await.unwrap();
    assert!(s.is_closed(1).await);
    for number in [1, 2] {
        let late = s
            .ledger
            .record_route(message(number), recorded.route.clone())
            .await;
        assert_eq!(late.unwrap(), None, "closed, or unknown");
    }
    let history = s.ledger.history(message(1)).await.unwrap().unwrap();
    assert_eq!(history.route, Some(recorded.route));
    assert_eq!(history.jobs.len(), 2);
}

pub(super) async fn a_route_that_forgets_a_recipient_is_refused(s: &Setting) {
    s.accept(acceptance(1, &[("a@x.example", ALL), ("b@y.example", ALL)]))
        .await;
    let deferred = ended(1, s.outcome(DEFERRED));
    let expanded = ended(1, s.outcome(Verdict::Expanded));
    let with = |decision: Decision| {
        let mut route = route(vec![remote("x.example", &[0])]);
        route.decisions.push(decision);
        route
    };
    let mut nobody = route(vec![remote("x.example", &[0, 1])]);
    nobody.jobs.push(remote("y.example", &[]));
    let wrong = [
        Route {
            decisions: Vec::new(),
            jobs: Vec::new(),
        },
        route(vec![remote("x.example", &[0])]),
        route(vec![remote("x.example", &[0, 1, 2])]),
        with(deferred),
        with(expanded),
        with(ended(2, s.outcome(FAILED))),
        nobody,
    ];
    for route in wrong {
        let refused = s.ledger.record_route(message(1), route.clone()).await;
        assert!(
            matches!(refused, Err(StoreError::Misused(_))),
            "{route:?}: {refused:?}"
        );
    }
    assert_eq!(s.ledger.route(message(1)).await.unwrap(), None);
    s.ledger
        .record_route(message(1), with(ended(1, s.outcome(FAILED))))
        .await
        .unwrap();
}

pub(super) async fn what_ends_in_routing_is_told_and_counted(s: &Setting) {
    let recipients = [
        ("list@here.example", ALL),
        ("unknown@here.example", Notify::Unspecified),
        ("quiet@here.example", Notify::Never),
    ];
    s.accept(acceptance(1, &recipients)).await;
    let mut route = route(vec![remote("x.example", &[0])]);
    route.decisions.push(ended(0, s.outcome(Verdict::Expanded)));
    let mut unknown = ended(1, s.outcome(FAILED));
    unknown.chain = vec![
        address("unknown@here.example"),
        address("gone@here.example"),
    ];
    route.decisions.push(unknown);
    route.decisions.push(ended(2, s.outcome(FAILED)));
    let routed = s
        .ledger
        .record_route(message(1), route)
        .await
        .unwrap()
        .unwrap();
    assert!(routed.notice_owed);
    let counts = s.ledger.counts().await.unwrap();
    assert_eq!((counts.failed, counts.untold), (2, 1));

    let failure = s
        .ledger
        .claim_notice(message(1), NoticeKind::Failure, notice_id(1));
    let failure = failure.await.unwrap().unwrap();
    assert_eq!(failure.recipients.len(), 1);
    let told = &failure.recipients[0];
    assert_eq!(told.original, address("unknown@here.example"));
    assert_eq!(told.last, address("gone@here.example"));
    assert_eq!(
        told.outcome.diagnostic,
        Diagnostic::ours("as the case wants it")
    );

    assert!(
        !s.finish(key(1, 0), RELAYED).await,
        "its expansion was its success"
    );
    let success = s
        .ledger
        .claim_notice(message(1), NoticeKind::Success, notice_id(2));
    let success = success.await.unwrap().unwrap();
    assert_eq!(success.recipients.len(), 1);
    assert_eq!(success.recipients[0].outcome.verdict, Verdict::Expanded);
}

pub(super) async fn local_accounts_refer_to_the_content(s: &Setting) {
    s.accept(acceptance(1, &[("a@x.example", ALL), ("b@x.example", ALL)]))
        .await;
    s.route(1, vec![local(&[5, 6])]).await;
    let holders = s.ledger.holders(&content(1)).await.unwrap();
    let accounts = [Holder::Account(account(5)), Holder::Account(account(6))];
    assert!(accounts.iter().all(|account| holders.contains(account)));
    assert_eq!(holders.len(), 3);
}
