//! What senders are owed, and hear once.

use message::{NoticeKind, Notify, ReversePath, Verdict};

use super::fixture::*;
use crate::ledger::{NoticeClaim, NoticeRecord};

const FAILURE: NoticeKind = NoticeKind::Failure;
const DELAY: NoticeKind = NoticeKind::Delay;
const SUCCESS: NoticeKind = NoticeKind::Success;

async fn claim(s: &Setting, kind: NoticeKind, reserve: u32) -> Option<NoticeClaim> {
    let claim = s.ledger.claim_notice(message(1), kind, notice_id(reserve));
    claim.await.unwrap()
}

async fn accepted(s: &Setting, kind: NoticeKind, id: u32) {
    let accepted = s.ledger.notice_accepted(message(1), kind, notice_id(id));
    accepted.await.unwrap();
}

fn told(claim: &NoticeClaim) -> Vec<String> {
    claim
        .recipients
        .iter()
        .map(|r| r.original.to_string())
        .collect()
}

/// Message 1 to so many recipients, `r0@there.example` on, with a job each.
async fn each_its_job(s: &Setting, notify: &[Notify]) {
    let names: Vec<_> = (0..notify.len())
        .map(|n| format!("r{n}@there.example"))
        .collect();
    let recipients: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(notify.iter().copied())
        .collect();
    s.accept(acceptance(1, &recipients)).await;
    let jobs = (0..notify.len() as u32).map(|n| remote(&format!("d{n}.example"), &[n]));
    s.route(1, jobs.collect()).await;
}

pub(super) async fn failures_are_gathered_and_told_once(s: &Setting) {
    each_its_job(s, &[Notify::Unspecified; 3]).await;
    assert_eq!(claim(s, FAILURE, 1).await, None, "nothing is owed");
    assert!(s.finish(key(1, 0), FAILED).await);
    assert!(s.finish(key(1, 1), FAILED).await);
    assert!(!s.finish(key(1, 2), RELAYED).await);
    assert!(!s.is_closed(1).await, "a notice is owed");
    assert_eq!(claim(s, DELAY, 9).await, None);

    let first = claim(s, FAILURE, 1).await.unwrap();
    assert_eq!(
        (first.id, first.kind, first.at),
        (notice_id(1), FAILURE, s.now())
    );
    assert_eq!(told(&first), ["r0@there.example", "r1@there.example"]);
    let recipient = &first.recipients[0];
    assert_eq!(recipient.last, address("r0@final.example"));
    assert_eq!((recipient.outcome.verdict, recipient.attempts), (FAILED, 1));
    assert_eq!(
        (recipient.next_attempt, recipient.retry_until),
        (None, None)
    );

    s.clock.advance(MINUTE);
    assert_eq!(
        claim(s, FAILURE, 2).await,
        Some(first),
        "the claimed one again"
    );
    accepted(s, FAILURE, 2).await;
    assert!(!s.is_closed(1).await, "that was another notice");
    accepted(s, FAILURE, 1).await;
    assert!(s.is_closed(1).await);
    accepted(s, FAILURE, 1).await;
    assert_eq!(claim(s, FAILURE, 3).await, None);
    let history = s.ledger.history(message(1)).await.unwrap().unwrap();
    let record = NoticeRecord {
        id: notice_id(1),
        kind: FAILURE,
        at: s.now() - MINUTE,
        accepted: true,
    };
    assert_eq!(history.notices, [record]);
    s.balances().await;
}

pub(super) async fn nobody_is_told_who_must_not_be(s: &Setting) {
    let success_only = Notify::When {
        success: true,
        failure: false,
        delay: false,
    };
    each_its_job(s, &[Notify::Never, success_only, Notify::Unspecified]).await;
    assert!(!s.finish(key(1, 0), FAILED).await);
    assert!(!s.finish(key(1, 1), FAILED).await);
    assert!(
        !s.finish(key(1, 2), RELAYED).await,
        "success was not asked for"
    );
    assert!(s.is_closed(1).await);

    let mut null = acceptance(2, &[("a@x.example", ALL), ("b@x.example", ALL)]);
    null.envelope.return_path = ReversePath::Null;
    s.accept(null).await;
    s.route(
        2,
        vec![remote("x.example", &[0]), remote("y.example", &[1])],
    )
    .await;
    s.finish(key(2, 0), DEFERRED).await;
    s.clock.advance(3 * HOUR);
    assert!(
        s.ledger
            .overdue(10, &[])
            .await
            .unwrap()
            .iter()
            .all(|p| p.job.key == key(2, 1))
    );
    assert!(!s.finish(key(2, 1), FAILED).await);
    s.claim(key(2, 0)).await;
    assert!(!s.finish(key(2, 0), RELAYED).await);
    assert!(
        s.is_closed(2).await,
        "there is never a notice to a null return path"
    );
    let counts = s.ledger.counts().await.unwrap();
    assert_eq!((counts.failed, counts.untold), (3, 3));
}

pub(super) async fn a_delay_is_told_once_when_its_time_comes(s: &Setting) {
    each_its_job(s, &[Notify::Unspecified, ALL, Notify::Never]).await;
    for job in 0..3 {
        s.claim(key(1, job)).await;
        let mut report = s.report(&[(0, DEFERRED)]);
        report.retry = Some(s.retry(5 * HOUR));
        assert!(!s.record(key(1, job), report).await);
    }
    s.clock.advance(2 * HOUR - MINUTE);
    assert!(s.ledger.overdue(10, &[]).await.unwrap().is_empty());
    assert_eq!(s.ledger.notice_job(message(1)).await.unwrap(), None);
    s.clock.advance(MINUTE);
    let publications = s.ledger.overdue(10, &[]).await.unwrap();
    let keys: Vec<_> = publications.iter().map(|p| p.job.key).collect();
    let job = s.ledger.notice_job(message(1)).await.unwrap();
    assert_eq!(keys, Vec::from_iter(job), "the notice job is published");

    let delay = claim(s, DELAY, 1).await.unwrap();
    assert_eq!(told(&delay), ["r0@there.example", "r1@there.example"]);
    let recipient = &delay.recipients[0];
    assert_eq!(recipient.outcome.verdict, DEFERRED);
    assert_eq!(recipient.next_attempt, Some(s.now() + 3 * HOUR));
    assert_eq!(recipient.retry_until, Some(s.now() + 98 * HOUR));
    accepted(s, DELAY, 1).await;

    s.clock.advance(3 * HOUR);
    for job in 0..3 {
        s.claim(key(1, job)).await;
        s.finish(key(1, job), DEFERRED).await;
    }
    s.clock.advance(10 * HOUR);
    assert!(s.ledger.overdue(10, &[]).await.unwrap().is_empty());
    assert_eq!(claim(s, DELAY, 2).await, None, "a delay is told once");
}

pub(super) async fn a_delay_is_no_news_after_the_outcome(s: &Setting) {
    each_its_job(s, &[Notify::Unspecified; 3]).await;
    for job in 0..3 {
        s.finish(key(1, job), DEFERRED).await;
    }
    s.clock.advance(2 * HOUR);
    s.ledger.overdue(10, &[]).await.unwrap();
    s.claim(key(1, 0)).await;
    s.finish(key(1, 0), RELAYED).await;
    s.claim(key(1, 1)).await;
    assert!(s.finish(key(1, 1), FAILED).await);
    let delay = claim(s, DELAY, 1).await.unwrap();
    assert_eq!(told(&delay), ["r2@there.example"]);
    s.claim(key(1, 2)).await;
    s.finish(key(1, 2), RELAYED).await;
    assert_eq!(
        claim(s, DELAY, 2).await,
        Some(delay),
        "what is claimed is told"
    );
    accepted(s, DELAY, 1).await;
    assert!(!s.is_closed(1).await);
    let failure = claim(s, FAILURE, 3).await.unwrap();
    assert_eq!(told(&failure), ["r1@there.example"]);
    accepted(s, FAILURE, 3).await;
    assert!(s.is_closed(1).await);

    let key = s.deferred(2, "x.example").await;
    s.clock.advance(2 * HOUR);
    s.ledger.overdue(10, &[]).await.unwrap();
    s.claim(key).await;
    s.finish(key, RELAYED).await;
    assert!(s.is_closed(2).await, "nothing is left to tell");
    assert_eq!(s.ledger.notice_job(message(2)).await.unwrap(), None);
    s.clock.advance(10 * HOUR);
    assert!(s.ledger.overdue(10, &[]).await.unwrap().is_empty());
}

pub(super) async fn success_is_told_where_asked(s: &Setting) {
    each_its_job(s, &[ALL, ALL, ALL, Notify::Unspecified]).await;
    assert!(
        s.finish(key(1, 0), RELAYED).await,
        "the next server does not report"
    );
    assert!(
        !s.finish(key(1, 1), Verdict::Relayed { dsn: true }).await,
        "it reports itself"
    );
    assert!(s.finish(key(1, 2), DELIVERED).await);
    assert!(!s.finish(key(1, 3), DELIVERED).await);
    let success = claim(s, SUCCESS, 1).await.unwrap();
    assert_eq!(told(&success), ["r0@there.example", "r2@there.example"]);
    accepted(s, SUCCESS, 1).await;
    assert!(s.is_closed(1).await);

    s.accept(acceptance(2, &[("a@x.example", ALL), ("b@x.example", ALL)]))
        .await;
    let mut joint = local(&[5]);
    joint.recipients[0].originals = vec![0, 1];
    s.route(2, vec![joint]).await;
    assert!(s.finish(key(2, 0), DELIVERED).await);
    let success = s
        .ledger
        .claim_notice(message(2), SUCCESS, notice_id(2))
        .await
        .unwrap();
    let both = ["a@x.example", "b@x.example"];
    assert_eq!(
        told(&success.unwrap()),
        both,
        "each original recipient is told of"
    );
}

pub(super) async fn what_fails_while_a_notice_is_composed_is_told_next(s: &Setting) {
    each_its_job(s, &[Notify::Unspecified; 2]).await;
    s.finish(key(1, 0), FAILED).await;
    let first = claim(s, FAILURE, 1).await.unwrap();
    assert!(s.finish(key(1, 1), FAILED).await);
    assert_eq!(claim(s, FAILURE, 2).await.as_ref(), Some(&first));
    accepted(s, FAILURE, 1).await;
    assert!(!s.is_closed(1).await);
    let second = claim(s, FAILURE, 2).await.unwrap();
    assert_eq!(second.id, notice_id(2));
    assert_eq!(told(&second), ["r1@there.example"]);
    accepted(s, FAILURE, 1).await;
    assert!(
        !s.is_closed(1).await,
        "the first one once more is not the second"
    );
    accepted(s, FAILURE, 2).await;
    assert!(s.is_closed(1).await);
}
