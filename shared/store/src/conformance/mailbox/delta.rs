//! Looking at a mailbox: all at once, and what became of it since.

use std::sync::Arc;

use super::*;
use crate::mailbox::{
    Delta, EntryState, FlagChange, LockHolder, MAX_TOGETHER, VANISHED_KEPT, Vanished,
};

async fn delta(store: &dyn MailboxStore, since: u64, limit: usize) -> Delta {
    let delta = store.delta(ANNA, INBOX, since, limit).await.unwrap();
    delta.expect("the inbox is there")
}

async fn states(store: &dyn MailboxStore) -> Vec<EntryState> {
    store.states(ANNA, INBOX, 0, usize::MAX).await.unwrap()
}

async fn mark(store: &dyn MailboxStore, uids: &[u32], flag: Flag) {
    let change = FlagChange::Add(vec![flag]);
    let done = store.store_flags(ANNA, INBOX, uids, &change, None).await;
    assert_eq!(done.unwrap().stored.len(), uids.len());
}

pub(super) async fn what_is_listed_compactly_is_what_entries_say(store: &dyn MailboxStore) {
    for number in 1..=5 {
        let size = number * 10;
        let sized = NewEntry {
            size,
            internal_date: Timestamp::from_second(number as i64).unwrap(),
            ..delivery(number)
        };
        append_to_inbox(store, ANNA, sized).await;
    }
    mark(store, &[2, 4], Flag::Seen).await;
    mark(store, &[4, 5], keyword("$x")).await;
    store
        .expunge(ANNA, INBOX, &[3], Expunge::All)
        .await
        .unwrap();
    for (after, limit, uids) in [
        (0, 10, [1, 2, 4, 5].as_slice()),
        (0, 2, &[1, 2]),
        (2, 1, &[4]),
        (5, 9, &[]),
        (u32::MAX, 9, &[]),
    ] {
        let entries = store.entries(ANNA, INBOX, after, limit).await.unwrap();
        let states = store.states(ANNA, INBOX, after, limit).await.unwrap();
        let measures = store.measures(ANNA, INBOX, after, limit).await.unwrap();
        assert!(entries.iter().map(|entry| entry.uid).eq(uids.to_vec()));
        assert_eq!((states.len(), measures.len()), (uids.len(), uids.len()));
        for ((entry, state), measure) in entries.iter().zip(states).zip(measures) {
            assert_eq!((state.uid, state.modseq), (entry.uid, entry.modseq));
            assert_eq!(*state.flags, *entry.flags);
            assert_eq!((measure.uid, measure.size), (entry.uid, entry.size));
            let dates = (measure.internal_date, measure.saved);
            assert_eq!(dates, (entry.internal_date, entry.saved));
        }
    }
    let some = store.entries_at(ANNA, INBOX, &[5, 3, 1, 5]).await.unwrap();
    assert!(some.iter().map(|entry| entry.uid).eq([1, 5]));
    let nowhere = store.entries_at(ANNA, NOWHERE, &[1]).await.unwrap();
    assert!(nowhere.is_empty());
    assert!(store.states(ANNA, NOWHERE, 0, 9).await.unwrap().is_empty());
    let nowhere = store.measures(BERT, INBOX, 0, 9).await.unwrap();
    assert!(nowhere.is_empty());
}

pub(super) async fn a_delta_tells_what_happened_since(store: &dyn MailboxStore) {
    let start = inbox(store, ANNA).await.highest_modseq;
    for number in 1..=4 {
        deliver(store, ANNA, number).await;
    }
    let known = inbox(store, ANNA).await;
    let all = delta(store, start, 10).await;
    assert_eq!(all.changed, states(store).await);
    assert_eq!(all.vanished, Vanished::Uids(Vec::new()));
    assert_eq!((all.modseq, all.more), (known.highest_modseq, false));
    let identity = (all.uid_validity, all.uid_next);
    assert_eq!(identity, (known.uid_validity, known.uid_next));

    mark(store, &[3], Flag::Seen).await;
    mark(store, &[1], Flag::Seen).await;
    mark(store, &[3], Flag::Flagged).await;
    let gone = [4, 2];
    store
        .expunge(ANNA, INBOX, &gone, Expunge::All)
        .await
        .unwrap();
    deliver(store, ANNA, 5).await;
    let since = delta(store, known.highest_modseq, 10).await;
    let changed: Vec<_> = since.changed.iter().map(|state| state.uid).collect();
    assert_eq!(changed, [1, 3, 5], "each once, by modification sequence");
    assert!(since.changed.is_sorted_by(|a, b| a.modseq < b.modseq));
    assert_eq!(*since.changed[1].flags, [Flag::Seen, Flag::Flagged]);
    assert_eq!(since.vanished, Vanished::Uids(vec![2, 4]));
    let nothing = delta(store, since.modseq, 10).await;
    assert!(nothing.changed.is_empty() && !nothing.more);
    assert_eq!(nothing.vanished, Vanished::Uids(Vec::new()));
    assert_eq!(delta(store, u64::MAX, 10).await, nothing);

    let (mut from, mut paged) = (start, Vec::new());
    loop {
        let page = delta(store, from, 2).await;
        assert!(page.changed.len() <= 2 && page.modseq >= from);
        from = page.modseq;
        paged.extend(page.changed);
        if !page.more {
            break;
        }
    }
    assert_eq!(paged, delta(store, start, 10).await.changed);
    assert_eq!(from, since.modseq);
    assert_eq!(store.delta(ANNA, NOWHERE, 0, 9).await.unwrap(), None);
}

pub(super) async fn the_log_of_what_vanished_is_bounded(store: &dyn MailboxStore) {
    let rounds = VANISHED_KEPT / MAX_TOGETHER + 2;
    let inbox_name = MailboxName::inbox();
    let mut before = Vec::new();
    for round in 0..rounds as u32 {
        let entries = (0..MAX_TOGETHER as u64).map(|number| NewEntry {
            delivery: None,
            ..delivery(number)
        });
        store
            .append_all(ANNA, &inbox_name, entries.collect(), Quota::NONE)
            .await
            .unwrap();
        before.push(inbox(store, ANNA).await.highest_modseq);
        let first = round * MAX_TOGETHER as u32 + 1;
        let uids: Vec<_> = (first..first + MAX_TOGETHER as u32).collect();
        let gone = store.expunge(ANNA, INBOX, &uids, Expunge::All).await;
        assert_eq!(gone.unwrap().len(), MAX_TOGETHER);
    }
    let oldest = delta(store, before[0], 10).await;
    assert_eq!(oldest.vanished, Vanished::Unknown);
    let kept = before[rounds - VANISHED_KEPT / MAX_TOGETHER];
    let Vanished::Uids(uids) = delta(store, kept, 10).await.vanished else {
        panic!("the last {VANISHED_KEPT} are known")
    };
    let last = (rounds * MAX_TOGETHER) as u32;
    assert!(uids.into_iter().eq(last - VANISHED_KEPT as u32 + 1..=last));
}

/// A session that follows events and deltas sees what is there.
pub(super) async fn who_follows_changes_misses_none(store: Arc<dyn MailboxStore>) {
    const ROUNDS: u64 = 60;
    let mut changes = store.changes(ANNA);
    let mut known = inbox(&*store, ANNA).await.highest_modseq;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for round in 1..=ROUNDS {
                let uid = deliver(&*store, ANNA, round).await;
                mark(&*store, &[uid], Flag::Seen).await;
                if round % 3 == 0 {
                    let gone = store.expunge(ANNA, INBOX, &[uid - 1], Expunge::All).await;
                    assert_eq!(gone.unwrap(), [uid - 1]);
                }
            }
        }
    });
    let mut seen = std::collections::BTreeMap::new();
    let follow = async {
        loop {
            let event = changes.next().await;
            loop {
                let delta = delta(&*store, known, 7).await;
                known = delta.modseq;
                for state in delta.changed {
                    seen.insert(state.uid, state);
                }
                let Vanished::Uids(gone) = delta.vanished else {
                    panic!("few vanished")
                };
                for uid in gone {
                    seen.remove(&uid);
                }
                if !delta.more {
                    break;
                }
            }
            let last = |state: &EntryState| state.flags.contains(&Flag::Seen);
            let done = !seen.contains_key(&(ROUNDS as u32 - 1));
            if done && seen.get(&(ROUNDS as u32)).is_some_and(last) {
                break event;
            }
        }
    };
    soon(follow).await;
    writer.await.unwrap();
    let there = states(&*store).await;
    assert!(seen.values().eq(&there), "{seen:?}\nis not {there:?}");
}

pub(super) async fn changes_of_others_are_not_told(store: &dyn MailboxStore) {
    let mut anna = store.changes(ANNA);
    let mut bert = store.changes(BERT);
    deliver(store, ANNA, 1).await;
    deliver(store, BERT, 1).await;
    assert_eq!(next_change(&mut anna).await.account, ANNA);
    assert_eq!(next_change(&mut bert).await.account, BERT);
    assert!(anna.try_next().is_none() && bert.try_next().is_none());
    drop(anna);
    let mut again = watch(store, ANNA).await;
    let name = "Plans".parse().unwrap();
    store.create(ANNA, &name, None).await.unwrap();
    let made = store.find(ANNA, &name).await.unwrap().unwrap();
    assert_eq!(next_change(&mut again).await.mailbox, made.id);
}

pub(super) async fn a_lock_is_held_by_one(store: &dyn MailboxStore) {
    let (first, second) = (LockHolder::from_bits(1), LockHolder::from_bits(2));
    let lease = std::time::Duration::from_secs(600);
    let take = async |account, holder| store.lock(account, holder, lease).await.unwrap();
    assert!(take(ANNA, first).await);
    assert!(!take(ANNA, second).await);
    assert!(take(BERT, second).await);
    assert!(take(ANNA, first).await, "it is prolonged");
    store.unlock(ANNA, second).await.unwrap();
    assert!(!take(ANNA, second).await);
    store.unlock(ANNA, first).await.unwrap();
    store.unlock(ANNA, first).await.unwrap();
    assert!(take(ANNA, second).await);
    deliver(store, ANNA, 1).await;
}
