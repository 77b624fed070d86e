//! What must agree, whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use message::{Destination, JobKey, MessageId, Timestamp, Verdict};

use super::super::fixture::Setting;
use crate::ledger::{Counts, History, Holder, JobState, QueueFilter, QueueItem};

/// Checks all of the ledger.
pub(super) async fn check(s: &Setting) {
    let counts = s.ledger.counts().await.unwrap();
    let (items, _) = s
        .ledger
        .queue(&QueueFilter::default(), None, 1_000)
        .await
        .unwrap();
    let mut histories = Vec::new();
    for entry in s.ledger.entries(None, 1_000).await.unwrap() {
        let history = s.ledger.history(entry.acceptance.message).await.unwrap();
        histories.push(history.expect("an entry has a history"));
    }
    check_counts(&counts, &items, &histories);
    check_closing(s, &items, &histories).await;
    check_references(s, &histories).await;
    check_readiness(s, &items).await;
}

fn check_counts(counts: &Counts, items: &[QueueItem], histories: &[History]) {
    let mut expected = Counts {
        accepted: histories.len() as u64,
        in_flight: items.len() as u64,
        settled: histories.iter().filter(|h| h.closed_at.is_some()).count() as u64,
        dead: jobs(items)
            .filter(|(_, state, _)| **state == JobState::Dead)
            .count() as u64,
        untold: counts.untold,
        ..Counts::default()
    };
    for verdict in histories.iter().flat_map(verdicts) {
        match verdict {
            Verdict::Delivered => expected.delivered += 1,
            Verdict::Relayed { .. } => expected.relayed += 1,
            Verdict::Failed => expected.failed += 1,
            Verdict::Deleted => expected.deleted += 1,
            Verdict::Expanded | Verdict::Deferred => {}
        }
    }
    assert_eq!(*counts, expected);
    assert_eq!(counts.accepted, counts.settled + counts.in_flight);
    assert!(counts.untold <= counts.failed);
}

fn jobs(items: &[QueueItem]) -> impl Iterator<Item = (JobKey, &JobState, &Destination)> {
    let jobs = items.iter().flat_map(|item| &item.jobs);
    jobs.map(|job| (job.key, &job.state, &job.destination))
}

fn verdicts(history: &History) -> Vec<Verdict> {
    let decided = history.route.iter().flat_map(|route| &route.decisions);
    let decided = decided.filter_map(|decision| decision.outcome.as_ref());
    let states = history.jobs.iter().flat_map(|job| &job.recipients);
    let worked = states.filter_map(|state| state.outcome.as_ref());
    decided
        .chain(worked)
        .map(|outcome| outcome.verdict)
        .collect()
}

/// A message is closed when nothing is left to do, and only then.
async fn check_closing(s: &Setting, items: &[QueueItem], histories: &[History]) {
    let open: BTreeMap<MessageId, &QueueItem> = items
        .iter()
        .map(|item| (item.entry.acceptance.message, item))
        .collect();
    for history in histories {
        let id = history.entry.acceptance.message;
        assert_eq!(history.closed_at.is_none(), open.contains_key(&id));
        let mut states = history.jobs.iter().flat_map(|job| &job.recipients);
        let settled = history.route.is_some() && states.all(|state| state.is_settled());
        let Some(item) = open.get(&id) else {
            assert!(settled, "{id} is closed");
            assert_eq!(s.ledger.notice_job(id).await.unwrap(), None);
            assert!(history.notices.iter().all(|notice| notice.accepted));
            continue;
        };
        assert_eq!(item.routed, history.route.is_some());
        assert_eq!(
            item.notice_owed, settled,
            "{id} is open for its notices, if settled"
        );
        for job in &history.jobs {
            let all = job.recipients.iter().all(|state| state.is_settled());
            assert_eq!(job.state == JobState::Settled, all, "{}", job.key);
        }
    }
}

/// The ledger holds the content of open messages; each account that of what it
/// got or may get.
async fn check_references(s: &Setting, histories: &[History]) {
    let mut expected = BTreeSet::new();
    for history in histories {
        let acceptance = &history.entry.acceptance;
        if history.closed_at.is_none() {
            expected.insert((
                acceptance.content.clone(),
                Holder::Entry(acceptance.message),
            ));
        }
        for state in history.jobs.iter().flat_map(|job| &job.recipients) {
            let verdict = state.outcome.as_ref().map(|outcome| outcome.verdict);
            if let (
                Some(account),
                None | Some(Verdict::Deferred | Verdict::Delivered | Verdict::Relayed { .. }),
            ) = (state.recipient.account, verdict)
            {
                expected.insert((acceptance.content.clone(), Holder::Account(account)));
            }
        }
    }
    let found = s.ledger.references(None, 1_000).await.unwrap();
    assert_eq!(BTreeSet::from_iter(found), expected);
    s.clock.advance(Duration::from_micros(1));
    for content in s.ledger.condemned(s.now(), 1_000).await.unwrap() {
        assert!(
            !expected.iter().any(|(held, _)| *held == content),
            "{content} is in use"
        );
    }
}

/// What `ready` and `next_due` tell follows from the states of the jobs.
async fn check_readiness(s: &Setting, items: &[QueueItem]) {
    let now = s.now();
    let mut ready = BTreeSet::new();
    let mut next_due: Option<Timestamp> = None;
    for (_, state, destination) in jobs(items) {
        match state {
            JobState::Waiting => drop(ready.insert(destination.to_string())),
            JobState::Deferred { due } => {
                next_due = Some(next_due.map_or(*due, |next| next.min(*due)));
                if *due <= now {
                    ready.insert(destination.to_string());
                }
            }
            JobState::Pending
            | JobState::Working { .. }
            | JobState::Held
            | JobState::Dead
            | JobState::Settled => {}
        }
    }
    let found = s.ledger.ready(None, 10).await.unwrap();
    let names: BTreeSet<_> = found.iter().map(Destination::to_string).collect();
    assert_eq!(found.len(), names.len(), "each once");
    assert_eq!(names, ready);
    assert_eq!(s.ledger.next_due().await.unwrap(), next_due);
}
