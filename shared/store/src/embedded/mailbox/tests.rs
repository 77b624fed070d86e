//! What only this engine can be asked: crash points, and callers that go away.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use message::Timestamp;
use message::time::ManualClock;

use super::*;
use crate::StoreOptions;

const ANNA: AccountId = AccountId::from_bits(1);

fn open(folder: &Path) -> EmbeddedStore {
    let options = StoreOptions {
        journal: 1 << 20,
        ..StoreOptions::default()
    };
    let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    EmbeddedStore::open(folder, options, clock, fail).unwrap()
}

fn entry(number: u128) -> NewEntry {
    NewEntry {
        delivery: Some(MessageId::from_bits(number)),
        content: format!("content-{number}").parse().unwrap(),
        prefix: String::new(),
        size: 1,
        internal_date: Timestamp::UNIX_EPOCH,
        flags: Vec::new(),
    }
}

async fn fill(store: &EmbeddedStore, count: u128) {
    let inbox = MailboxName::inbox();
    let appends = (0..count).map(|number| store.append(ANNA, &inbox, entry(number), Quota::NONE));
    for appended in futures(appends).await {
        assert!(matches!(appended.unwrap(), Appended::Stored { .. }));
    }
}

/// Runs all of them at once.
async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = all.map(Box::pin).collect();
    for future in &mut pinned {
        // Sends the step; the answer is awaited below.
        let _ = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
    let mut outputs = Vec::new();
    for future in pinned {
        outputs.push(future.await);
    }
    outputs
}

#[tokio::test]
async fn a_removal_cut_short_by_a_crash_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let count = CHUNK as u128 + 100;
    let store = open(folder.path());
    fill(&store, count).await;
    store
        .change(|step, _| removal::mark(step, ANNA))
        .await
        .unwrap();
    // Two each for entries, their states and changes; subscriptions, names;
    // and of what they showed the first.
    for _ in 0..9 {
        let done = store
            .change(|step, changed| removal::remove_chunk(step, ANNA, changed))
            .await;
        assert!(!done.unwrap());
    }
    drop(store);

    let store = open(folder.path());
    assert!(store.mailboxes(ANNA).await.unwrap().is_empty());
    assert_eq!(store.usage(ANNA).await.unwrap(), Usage::default());
    let half = store.releases(10_000).await.unwrap().len();
    let held = store.shown(None, 10_000).await.unwrap().len();
    assert_eq!((half, half + held), (CHUNK, count as usize));
    store.remove_account(ANNA).await.unwrap();
    assert_eq!(store.releases(10_000).await.unwrap().len(), count as usize);
    assert!(store.shown(None, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_is_published_even_if_its_caller_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut changes = store.changes(ANNA);
    {
        let inbox = MailboxName::inbox();
        let mut append = store.append(ANNA, &inbox, entry(1), Quota::NONE);
        let _ = append
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
    let change = tokio::time::timeout(Duration::from_secs(30), changes.next()).await;
    let event = change.expect("published before the deadline");
    let crate::mailbox::MailboxEvent::Changed(change) = event else {
        panic!("a change: {event:?}")
    };
    assert_eq!((change.account, change.mailbox), (ANNA, MailboxId::INBOX));
    assert_eq!(store.usage(ANNA).await.unwrap().messages, 1);
}

#[tokio::test]
async fn an_overlong_prefix_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = "x".repeat(NewEntry::MAX_PREFIX + 1);
    let long = NewEntry { prefix, ..entry(1) };
    let refused = open(folder.path())
        .append(ANNA, &MailboxName::inbox(), long, Quota::NONE)
        .await;
    assert!(
        matches!(refused, Err(StoreError::Misused(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_a_crash_left_of_a_deleted_mailbox_is_emptied_along_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (junk, name) = (MailboxId::from_number(4), "Junk".parse().unwrap());
    for number in 0..3 {
        let entry = entry(number);
        store.append(ANNA, &name, entry, Quota::NONE).await.unwrap();
    }
    let tree = store.tree(ANNA);
    let deleted = store
        .change(move |step, changed| tree.delete(step, junk, changed))
        .await;
    assert_eq!(deleted.unwrap(), Deleted::Deleted);
    drop(store);

    let store = open(folder.path());
    assert_eq!(store.usage(ANNA).await.unwrap(), Usage::default());
    assert_eq!(store.shown(None, 10).await.unwrap().len(), 3);
    assert_eq!(store.releases(10).await.unwrap().len(), 3);
    assert!(store.shown(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lock_ends_with_its_lease() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    let options = StoreOptions::default();
    let store = EmbeddedStore::open(folder.path(), options, clock.clone(), fail).unwrap();
    let (first, second) = (LockHolder::from_bits(1), LockHolder::from_bits(2));
    let lease = Duration::from_secs(60);
    assert!(store.lock(ANNA, first, lease).await.unwrap());
    clock.advance(Duration::from_secs(59));
    assert!(!store.lock(ANNA, second, lease).await.unwrap());
    assert!(store.lock(ANNA, first, lease).await.unwrap());
    clock.advance(Duration::from_secs(59));
    assert!(!store.lock(ANNA, second, lease).await.unwrap());
    clock.advance(Duration::from_secs(1));
    assert!(store.lock(ANNA, second, lease).await.unwrap());
    store.unlock(ANNA, first).await.unwrap();
    assert!(!store.lock(ANNA, first, lease).await.unwrap());
}
