//! Many at once.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;
use crate::mailbox::MailboxEvent;

/// Delivers messages 1 to `count`, all at the same time.
pub(super) async fn deliver_many(store: &Arc<dyn MailboxStore>, account: AccountId, count: u64) {
    let mut tasks = JoinSet::new();
    for number in 1..=count {
        let store = store.clone();
        tasks.spawn(async move { deliver(&*store, account, number).await });
    }
    soon(tasks.join_all()).await;
}

pub(super) async fn uids_of_concurrent_appends_are_dense(store: Arc<dyn MailboxStore>) {
    const TASKS: u64 = 50;
    const EACH: u64 = 10;
    let start = inbox(&*store, ANNA).await.highest_modseq;
    let mut changes = store.changes(ANNA);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let mut last = 0;
            for number in 0..EACH {
                let uid = deliver(&*store, ANNA, task * EACH + number).await;
                assert!(uid > last, "a later append has a higher UID");
                last = uid;
            }
        });
    }
    soon(tasks.join_all()).await;

    let count = TASKS * EACH;
    let entries = all_entries(&*store).await;
    assert!(entries.iter().map(|entry| entry.uid).eq(1..=count as u32));
    let first = entries[0].modseq;
    assert!(first > start);
    let modseqs = entries.iter().map(|entry| entry.modseq);
    assert!(modseqs.clone().eq(first..first + count));
    let contents: HashSet<_> = entries.iter().map(|entry| &entry.content).collect();
    assert_eq!(contents.len() as u64, count);
    let last = entries.last().map(|entry| entry.modseq);
    let told = async {
        loop {
            match changes.next().await {
                MailboxEvent::Changed(change) if Some(change.modseq) == last => break,
                MailboxEvent::Changed(_) | MailboxEvent::Missed => {}
            }
        }
    };
    soon(told).await;
}

pub(super) async fn of_concurrent_deliveries_one_is_stored(store: Arc<dyn MailboxStore>) {
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        tasks.spawn(async move { append_to_inbox(&*store, ANNA, delivery(1)).await });
    }
    let appended = soon(tasks.join_all()).await;
    let stored = appended
        .iter()
        .filter(|a| matches!(a, Appended::Stored { .. }));
    assert_eq!(stored.count(), 1);
    assert_eq!(all_entries(&*store).await.len(), 1);
}

pub(super) async fn the_quota_holds_against_concurrent_appends(store: Arc<dyn MailboxStore>) {
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        tasks.spawn(async move {
            let inbox = MailboxName::inbox();
            let quota = Quota::octets(Some(1_050));
            store
                .append(ANNA, &inbox, delivery(number), quota)
                .await
                .unwrap()
        });
    }
    let appended = soon(tasks.join_all()).await;
    let stored = appended
        .iter()
        .filter(|a| matches!(a, Appended::Stored { .. }));
    assert_eq!(stored.count(), 10);
    assert_eq!(store.usage(ANNA).await.unwrap().octets, 1_000);
}
