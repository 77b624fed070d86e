//! Acceptance, pages of entries, and forgetting.

use message::{JobKey, NoticeKind, Notify};

use super::BACKLOG;
use super::fixture::*;
use crate::StoreError;
use crate::ledger::{Accepted, Counts, Entry, Holder, NoticeOf, Referred};

pub(super) async fn an_acceptance_is_taken_once(s: &Setting) {
    let first = acceptance(
        1,
        &[("b@there.example", ALL), ("c@there.example", Notify::Never)],
    );
    s.accept(first.clone()).await;
    s.clock.advance(MINUTE);
    let again = s.ledger.accept(first.clone()).await.unwrap();
    assert_eq!(again, Accepted::Known);
    let other = s.ledger.accept(plain(1)).await.unwrap();
    assert_eq!(other, Accepted::Known, "the id decides");

    let entry = s.ledger.entry(message(1)).await.unwrap().unwrap();
    let accepted_at = s.now() - MINUTE;
    assert_eq!(
        entry,
        Entry {
            acceptance: first,
            accepted_at
        }
    );
    let counts = Counts {
        accepted: 1,
        in_flight: 1,
        ..Counts::default()
    };
    assert_eq!(s.ledger.counts().await.unwrap(), counts);
    let holders = s.ledger.holders(&content(1)).await.unwrap();
    assert_eq!(holders, [Holder::Entry(message(1))]);
    assert_eq!(s.ledger.entry(message(2)).await.unwrap(), None);
    assert_eq!(s.ledger.history(message(2)).await.unwrap(), None);
    assert_eq!(s.ledger.route(message(1)).await.unwrap(), None);
}

pub(super) async fn the_backlog_is_bounded_but_not_for_notices(s: &Setting) {
    for number in 0..BACKLOG as u32 {
        s.accept(plain(number)).await;
    }
    let refused = s.ledger.accept(plain(9_999)).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    assert_eq!(s.ledger.entry(message(9_999)).await.unwrap(), None);
    assert!(s.ledger.holders(&content(9_999)).await.unwrap().is_empty());
    assert_eq!(s.ledger.accept(plain(0)).await.unwrap(), Accepted::Known);

    let about = NoticeOf {
        message: message(0),
        kind: NoticeKind::Failure,
    };
    let mut notice = plain(10_000);
    notice.notice_of = Some(about);
    s.accept(notice).await;

    for number in 0..2 {
        s.route(number, vec![remote("there.example", &[0])]).await;
        s.finish(key(number, 0), RELAYED).await;
    }
    s.accept(plain(9_999)).await;
    s.balances().await;
}

pub(super) async fn condemned_content_is_refused(s: &Setting) {
    assert!(s.ledger.condemn(&content(1)).await.unwrap());
    let refused = s.ledger.accept(plain(1)).await.unwrap();
    assert_eq!(refused, Accepted::ContentCondemned);
    assert_eq!(s.ledger.entry(message(1)).await.unwrap(), None);
    assert_eq!(s.ledger.counts().await.unwrap(), Counts::default());
    let anew = crate::ledger::Acceptance {
        content: content(2),
        ..plain(1)
    };
    s.accept(anew).await;
}

pub(super) async fn entries_come_in_pages(s: &Setting) {
    for number in [3, 1, 4, 2] {
        s.one(number, "there.example").await;
    }
    s.finish(key(2, 0), RELAYED).await;
    let cases = [
        (None, 3, vec![1, 2, 3]),
        (Some(3), 3, vec![4]),
        (Some(4), 3, vec![]),
        (None, 0, vec![]),
    ];
    for (after, limit, expected) in cases {
        let page = s.ledger.entries(after.map(message), limit).await.unwrap();
        let found: Vec<_> = page.iter().map(|entry| entry.acceptance.message).collect();
        let expected: Vec<_> = expected.into_iter().map(message).collect();
        assert_eq!(found, expected, "after {after:?}, at most {limit}");
    }
}

pub(super) async fn closed_entries_are_pruned_and_known_until_then(s: &Setting) {
    for number in 1..=4 {
        s.one(number, "there.example").await;
        s.clock.advance(MINUTE);
    }
    for number in [2, 1, 3] {
        s.finish(key(number, 0), RELAYED).await;
        s.clock.advance(MINUTE);
    }
    assert_eq!(s.ledger.accept(plain(1)).await.unwrap(), Accepted::Known);
    let long_ago = s.now() - 3 * MINUTE;
    assert_eq!(s.ledger.prune(long_ago, 10).await.unwrap(), 0);
    assert_eq!(s.ledger.prune(s.now() - MINUTE, 1).await.unwrap(), 1);
    assert!(s.ledger.history(message(2)).await.unwrap().is_none());
    assert!(s.ledger.job(key(2, 0)).await.unwrap().is_none());
    assert!(s.ledger.route(message(2)).await.unwrap().is_none());
    assert!(s.is_closed(1).await);
    assert_eq!(s.ledger.prune(s.now(), 10).await.unwrap(), 2);
    assert_eq!(s.ledger.prune(s.now(), 10).await.unwrap(), 0);
    let left = s.ledger.entries(None, 10).await.unwrap();
    assert_eq!(left.len(), 1, "open entries stay");
    let counts = s.ledger.counts().await.unwrap();
    assert_eq!(
        (counts.accepted, counts.settled, counts.in_flight),
        (4, 3, 1)
    );
    s.balances().await;
    let refused = s
        .ledger
        .refer(&content(1), Holder::Account(account(1)))
        .await;
    assert_eq!(
        refused.unwrap(),
        Referred::Condemned,
        "pruning forgives nothing"
    );
}

pub(super) async fn a_notice_is_known_while_its_original_waits_for_it(s: &Setting) {
    let failed = s.one(1, "there.example").await;
    s.finish(failed, FAILED).await;
    let claim = s
        .ledger
        .claim_notice(message(1), NoticeKind::Failure, notice_id(1));
    assert_eq!(claim.await.unwrap().unwrap().id, notice_id(1));
    let mut notice = plain(2);
    notice.message = notice_id(1);
    notice.notice_of = Some(NoticeOf {
        message: message(1),
        kind: NoticeKind::Failure,
    });
    s.accept(notice.clone()).await;
    let jobs = route(vec![local(&[1])]);
    s.ledger.record_route(notice_id(1), jobs).await.unwrap();
    s.finish(JobKey::work(notice_id(1), 0), DELIVERED).await;
    s.clock.advance(MINUTE);
    assert_eq!(s.ledger.prune(s.now(), 10).await.unwrap(), 0);
    assert_eq!(s.ledger.accept(notice).await.unwrap(), Accepted::Known);
    let accepted = s
        .ledger
        .notice_accepted(message(1), NoticeKind::Failure, notice_id(1));
    accepted.await.unwrap();
    s.clock.advance(MINUTE);
    assert_eq!(s.ledger.prune(s.now(), 10).await.unwrap(), 2);
}
