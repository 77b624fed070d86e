//! The queue, and what operators do to it.

use message::{JobKey, MessageId, NoticeKind, Notify, Verdict};

use super::fixture::*;
use crate::ledger::{Intervention, JobState, QueueFilter, QueueItem};

async fn listed(s: &Setting, filter: &QueueFilter) -> Vec<MessageId> {
    let (items, next) = s.ledger.queue(filter, None, 100).await.unwrap();
    assert_eq!(next, None);
    items
        .iter()
        .map(|item| item.entry.acceptance.message)
        .collect()
}

pub(super) async fn open_messages_come_in_pages(s: &Setting) {
    for number in 1..=5 {
        s.one(number, "x.example").await;
    }
    s.finish(key(2, 0), RELAYED).await;
    s.finish(key(3, 0), FAILED).await;
    s.accept(plain(6)).await;
    let filter = QueueFilter::default();
    let mut found: Vec<QueueItem> = Vec::new();
    let mut after = None;
    loop {
        let (items, next) = s.ledger.queue(&filter, after, 2).await.unwrap();
        assert!(items.len() <= 2);
        found.extend(items);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let seen: Vec<_> = found
        .iter()
        .map(|item| (item.entry.acceptance.message, item.routed, item.notice_owed))
        .collect();
    let expected = [
        (message(1), true, false),
        (message(3), true, true),
        (message(4), true, false),
        (message(5), true, false),
        (message(6), false, false),
    ];
    assert_eq!(seen, expected);
    assert_eq!(found[0].jobs, [s.job(key(1, 0)).await]);
    assert!(found[1].jobs.is_empty(), "its job is settled");
    assert_eq!(
        found[4].jobs[0].key,
        JobKey::route(message(6)),
        "its routing is to be done"
    );
    assert!(s.ledger.queue(&filter, None, 0).await.unwrap().0.is_empty());
}

pub(super) async fn filters_find_messages(s: &Setting) {
    let mut other = acceptance(
        1,
        &[
            ("a@x.example", Notify::Never),
            ("b@y.example", Notify::Never),
        ],
    );
    other.envelope.return_path = "<Other@here.example>".parse().unwrap();
    s.accept(other).await;
    s.route(
        1,
        vec![remote("x.example", &[0]), remote("y.example", &[1])],
    )
    .await;
    s.one(2, "x.example").await;
    s.accept(plain(3)).await;
    let sender = |text| QueueFilter {
        sender: Some(address(text)),
        ..QueueFilter::default()
    };
    let recipient = |text| QueueFilter {
        recipient: Some(address(text)),
        ..QueueFilter::default()
    };
    let to = |text| QueueFilter {
        destination: Some(destination(text)),
        ..QueueFilter::default()
    };
    let cases = [
        (QueueFilter::default(), vec![1, 2, 3]),
        (sender("other@HERE.example"), vec![1]),
        (sender("sender@here.example"), vec![2, 3]),
        (sender("nobody@here.example"), vec![]),
        (recipient("B@y.example"), vec![1]),
        (recipient("b@there.example"), vec![2, 3]),
        (recipient("r0@final.example"), vec![1, 2]),
        (to("x.example"), vec![1, 2]),
        (to("y.example"), vec![1]),
        (to("local"), vec![]),
        (
            QueueFilter {
                recipient: Some(address("r1@final.example")),
                ..to("x.example")
            },
            vec![1],
        ),
        (
            QueueFilter {
                sender: Some(address("sender@here.example")),
                ..to("y.example")
            },
            vec![],
        ),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(message).collect();
        assert_eq!(listed(s, &filter).await, expected, "{filter:?}");
    }
}

pub(super) async fn an_unrouted_message_can_be_bounced_and_deleted(s: &Setting) {
    let recipients = [
        ("a@x.example", Notify::Unspecified),
        ("b@x.example", Notify::Never),
    ];
    for number in [1, 2] {
        s.accept(acceptance(number, &recipients)).await;
    }
    let bounce = Intervention::Bounce(s.outcome(FAILED));
    let delete = Intervention::Delete(s.outcome(Verdict::Deleted));
    let (first, second) = (JobKey::route(message(1)), JobKey::route(message(2)));
    assert!(s.ledger.intervene(first, bounce.clone()).await.unwrap());
    assert!(!s.ledger.intervene(first, bounce).await.unwrap(), "once");
    assert!(s.ledger.intervene(second, delete).await.unwrap());
    assert!(s.is_closed(2).await, "nobody is told");
    let counts = s.ledger.counts().await.unwrap();
    assert_eq!((counts.failed, counts.untold, counts.deleted), (2, 1, 2));

    let routed = s.route(1, vec![remote("x.example", &[0, 1])]).await;
    assert!(
        routed.jobs.is_empty() && routed.notice_owed,
        "it is settled already"
    );
    let overdue = s.ledger.overdue(10).await.unwrap();
    assert_eq!(
        overdue[0].job.key,
        JobKey::notice(message(1)),
        "the notice is published"
    );
    let kind = NoticeKind::Failure;
    let claim = s
        .ledger
        .claim_notice(message(1), kind, notice_id(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(claim.recipients.len(), 1);
    assert_eq!(claim.recipients[0].last, address("a@x.example"));
    s.ledger
        .notice_accepted(message(1), kind, notice_id(1))
        .await
        .unwrap();
    assert!(s.is_closed(1).await);
    assert!(listed(s, &QueueFilter::default()).await.is_empty());
    s.balances().await;
}

pub(super) async fn an_operator_settles_open_recipients_only(s: &Setting) {
    s.accept(acceptance(1, &[("a@x.example", ALL), ("b@x.example", ALL)]))
        .await;
    s.route(1, vec![remote("x.example", &[0, 1])]).await;
    s.record(key(1, 0), s.report(&[(0, RELAYED), (1, DEFERRED)]))
        .await;
    s.clock.advance(2 * HOUR);
    s.ledger.overdue(10).await.unwrap();
    let wrong_verdict = s.outcome(RELAYED);
    let bounce = Intervention::Bounce(wrong_verdict);
    assert!(s.ledger.intervene(key(1, 0), bounce).await.unwrap());
    let job = s.job(key(1, 0)).await;
    let verdicts = job
        .recipients
        .iter()
        .map(|state| state.outcome.as_ref().unwrap().verdict);
    assert_eq!(verdicts.collect::<Vec<_>>(), [RELAYED, FAILED]);
    assert_eq!(job.state, JobState::Settled);
    let claim = async |kind, id| {
        let claim = s
            .ledger
            .claim_notice(message(1), kind, notice_id(id))
            .await
            .unwrap();
        claim.map(|claim| claim.recipients.len())
    };
    assert_eq!(
        claim(NoticeKind::Delay, 1).await,
        None,
        "its delay is no news any more"
    );
    assert_eq!(claim(NoticeKind::Failure, 2).await, Some(1));
    assert_eq!(claim(NoticeKind::Success, 3).await, Some(1));

    s.accept(plain(2)).await;
    s.route(2, vec![local(&[5])]).await;
    let delete = Intervention::Delete(s.outcome(Verdict::Deleted));
    assert!(s.ledger.intervene(key(2, 0), delete).await.unwrap());
    assert!(s.is_closed(2).await);
    assert!(s.ledger.holders(&content(2)).await.unwrap().is_empty());
    s.balances().await;
}
