//! Much of one kind: what must not take longer the more there is.

use message::Notify;
use tokio::task::JoinSet;

use super::fixture::*;
use crate::conformance::soon;
use crate::ledger::{Lease, QueueFilter};

/// One destination with so many deferred jobs, of messages with so many each.
const DEFERRED_JOBS: u32 = 20_000;
const JOBS_EACH: u32 = 1_000;

/// Reads of the queue's head, which would miss the deadline by far if each of them
/// walked over all jobs.
pub(super) async fn many_deferred_jobs_of_one_destination(s: &Setting) {
    let mut tasks = JoinSet::new();
    for number in 0..DEFERRED_JOBS / JOBS_EACH {
        let one = [("a@x.example", Notify::Never)];
        s.accept(acceptance(number, &one)).await;
        s.route(number, vec![remote("x.example", &[0]); JOBS_EACH as usize])
            .await;
        let ledger = s.ledger.clone();
        let report = s.report(&[(0, DEFERRED)]);
        tasks.spawn(async move {
            for job in 0..JOBS_EACH {
                let recorded = ledger.record(key(number, job), 0, report.clone()).await;
                recorded.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let x = destination("x.example");
    let reads = async || {
        for number in 0..2_000 {
            assert_eq!(s.ledger.next_due().await.unwrap(), Some(s.now() + HOUR));
            assert!(s.ledger.ready(None, 10).await.unwrap().is_empty());
            let early = s.ledger.claim_next(&x, LEASE, false).await.unwrap();
            assert_eq!(early, None, "read {number}");
        }
    };
    soon(reads()).await;
    s.clock.advance(HOUR);
    let claims = async || {
        for _ in 0..1_000 {
            assert_eq!(
                s.ledger.ready(None, 10).await.unwrap(),
                std::slice::from_ref(&x)
            );
            let claimed = s
                .ledger
                .claim_next(&x, Lease(10 * HOUR), false)
                .await
                .unwrap();
            assert!(claimed.is_some());
        }
        let (items, next) = s
            .ledger
            .queue(&QueueFilter::default(), None, 2)
            .await
            .unwrap();
        assert_eq!((items.len(), next), (2, Some(message(1))));
        assert_eq!(items[0].jobs.len(), 100, "of many jobs the first 100");
    };
    soon(claims()).await;
}

/// Each result rewrites its own job and one small row, not those of the others.
pub(super) async fn a_message_to_many_destinations(s: &Setting) {
    const MANY: u32 = 1_000;
    let names: Vec<_> = (0..MANY).map(|n| format!("r{n}@d{n}.example")).collect();
    let recipients: Vec<_> = names.iter().map(|name| (name.as_str(), ALL)).collect();
    s.accept(acceptance(1, &recipients)).await;
    let jobs = (0..MANY).map(|n| remote(&format!("d{n}.example"), &[n]));
    s.route(1, jobs.collect()).await;
    let rounds = async || {
        for job in 0..MANY {
            let verdict = if job % 2 == 0 { RELAYED } else { FAILED };
            assert!(s.finish(key(1, job), verdict).await);
        }
    };
    soon(rounds()).await;
    for (kind, id) in [
        (message::NoticeKind::Failure, 1),
        (message::NoticeKind::Success, 2),
    ] {
        let claim = s
            .ledger
            .claim_notice(message(1), kind, notice_id(id))
            .await
            .unwrap();
        assert_eq!(claim.unwrap().recipients.len(), MANY as usize / 2);
        s.ledger
            .notice_accepted(message(1), kind, notice_id(id))
            .await
            .unwrap();
    }
    assert!(s.is_closed(1).await);
    s.clock.advance(MINUTE);
    assert_eq!(s.ledger.prune(s.now(), 10).await.unwrap(), 1);
    s.balances().await;
}
