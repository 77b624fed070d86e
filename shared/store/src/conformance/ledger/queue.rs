//! The queue, and what operators do to it.

use message::{JobKey, MessageId, NoticeKind, Notify, Verdict};

use super::fixture::*;
use crate::ledger::{Intervention, JobState, QueueFilter, QueueItem, StateName};

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
                ..to("y.example")
            },
            vec![1],
        ),
        (
            // Both fit the message, but no job of it.
            QueueFilter {
                recipient: Some(address("r1@final.example")),
                ..to("x.example")
            },
            vec![],
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

pub(super) async fn filters_find_jobs_by_state_age_and_reply(s: &Setting) {
    s.accept(acceptance(
        1,
        &[
            ("a@x.example", Notify::Never),
            ("b@y.example", Notify::Never),
        ],
    ))
    .await;
    let jobs = vec![remote("x.example", &[0]), remote("y.example", &[1])];
    s.route(1, jobs).await;
    s.finish(key(1, 0), DEFERRED).await;
    let accepted_at = s.now();
    s.clock.advance(HOUR);
    s.one(2, "x.example").await;
    s.ledger.tried(key(2, 0), 0, "Disk on fire").await.unwrap();
    s.accept(plain(3)).await;
    s.one(4, "x.example").await;
    s.finish(key(4, 0), FAILED).await;
    let all = QueueFilter::default;
    let state = |state| QueueFilter {
        state: Some(state),
        ..all()
    };
    let reply = |text: &str| QueueFilter {
        last_reply: Some(text.into()),
        ..all()
    };
    let since = |at| QueueFilter {
        accepted_since: Some(at),
        ..all()
    };
    let before = |at| QueueFilter {
        accepted_before: Some(at),
        ..all()
    };
    let only = |number| QueueFilter {
        message: Some(message(number)),
        ..all()
    };
    let told = QueueFilter {
        recipient: Some(address("b@there.example")),
        ..only(4)
    };
    let cases = [
        (all(), vec![key(1, 0), key(1, 1), key(2, 0), routing(3)]),
        (state(StateName::Deferred), vec![key(1, 0)]),
        (
            state(StateName::Pending),
            vec![key(1, 1), key(2, 0), routing(3)],
        ),
        (state(StateName::Settled), vec![]),
        (reply("as the CASE wants"), vec![key(1, 0)]),
        (reply("on fire"), vec![key(2, 0)]),
        (reply("under water"), vec![]),
        (before(s.now()), vec![key(1, 0), key(1, 1)]),
        (before(accepted_at), vec![]),
        (since(s.now()), vec![key(2, 0), routing(3)]),
        (only(2), vec![key(2, 0)]),
        (only(9), vec![]),
        (told, vec![]),
    ];
    for (filter, expected) in cases {
        let (items, _) = s.ledger.queue(&filter, None, 100).await.unwrap();
        let jobs = items.iter().flat_map(|item| &item.jobs);
        let keys: Vec<_> = jobs.map(|job| job.key).collect();
        assert_eq!(keys, expected, "{filter:?}");
    }
    let listed = listed(s, &only(4)).await;
    assert_eq!(listed, [message(4)], "its sender is to be told");
    assert!(
        s.ledger
            .queue(&only(2), Some(message(2)), 9)
            .await
            .unwrap()
            .0
            .is_empty()
    );
}

fn routing(number: u32) -> JobKey {
    JobKey::route(message(number))
}

pub(super) async fn a_redirected_job_goes_elsewhere_under_a_new_generation(s: &Setting) {
    let to = |text| Intervention::Redirect(destination(text));
    let redirect = async |key, text| s.ledger.intervene(key, to(text)).await.unwrap();
    let key = s.deferred(1, "x.example").await;
    let before = s.job(key).await;
    assert!(redirect(key, "smarthost:relay.example:25").await);
    let after = s.job(key).await;
    assert_eq!(after.state, JobState::Pending);
    assert_eq!(after.destination, destination("smarthost:relay.example:25"));
    assert_eq!(after.generation, before.generation + 1);
    let story = &after.log.last().unwrap().result;
    assert!(story.contains("from x.example to smarthost:relay.example:25"));

    let stale = s.ledger.claim(key, before.generation, LEASE).await.unwrap();
    assert_eq!(stale, None, "a publication from before is void");
    let old = destination("x.example");
    s.clock.advance(2 * HOUR);
    assert_eq!(s.ledger.claim_next(&old, LEASE, true).await.unwrap(), None);
    assert!(s.ledger.ready(None, 10).await.unwrap().is_empty());
    let next = s.ledger.publication(key).await.unwrap().unwrap();
    assert_eq!(next.destination, Some(after.destination.clone()));
    assert_eq!(
        (next.job.generation, next.publication),
        (after.generation, 0)
    );
    assert_eq!(s.ledger.overdue(10, &[]).await.unwrap(), [next]);
    let held = Intervention::Hold;
    assert!(s.ledger.intervene(key, held).await.unwrap());
    assert!(redirect(key, "y.example").await, "what is held goes on");
    s.claim(key).await;
    assert!(!redirect(key, "x.example").await, "it is being worked on");
    s.finish(key, DEFERRED).await;
    let new = destination("y.example");
    let claimed = s.ledger.claim_next(&new, LEASE, true).await.unwrap();
    assert!(claimed.is_some(), "its new destination takes it");

    s.accept(plain(2)).await;
    assert!(!redirect(routing(2), "y.example").await, "it goes nowhere");
    s.route(2, vec![local(&[5])]).await;
    let key = JobKey::work(message(2), 0);
    assert!(
        !redirect(key, "y.example").await,
        "it is for mailboxes here"
    );
    let key = s.one(3, "x.example").await;
    assert!(
        !redirect(key, "local").await,
        "it is for mailboxes elsewhere"
    );
    s.balances().await;
}

pub(super) async fn a_history_tells_of_stopped_routing_and_notices(s: &Setting) {
    let states = async |number| {
        let history = s.ledger.history(message(number)).await.unwrap().unwrap();
        let chores = history.chores.into_iter();
        chores.map(|job| (job.key, job.state)).collect::<Vec<_>>()
    };
    s.accept(plain(1)).await;
    assert_eq!(states(1).await, [(routing(1), JobState::Pending)]);
    s.ledger
        .intervene(routing(1), Intervention::Hold)
        .await
        .unwrap();
    assert_eq!(states(1).await, [(routing(1), JobState::Held)]);
    s.ledger
        .intervene(routing(1), Intervention::Release)
        .await
        .unwrap();
    s.route(1, vec![remote("x.example", &[0])]).await;
    assert!(states(1).await.is_empty());
    s.finish(key(1, 0), FAILED).await;
    let notice = JobKey::notice(message(1));
    s.ledger
        .intervene(notice, Intervention::Hold)
        .await
        .unwrap();
    assert_eq!(states(1).await, [(notice, JobState::Held)]);
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
    let overdue = s.ledger.overdue(10, &[]).await.unwrap();
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
    s.ledger.overdue(10, &[]).await.unwrap();
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
