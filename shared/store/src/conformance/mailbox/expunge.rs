//! Removing entries, and releasing what nobody sees any more.

use std::sync::Arc;

use super::together::deliver_many;
use super::*;

pub(super) async fn entries_are_removed_once(store: &dyn MailboxStore) {
    for number in 1..=4 {
        deliver(store, ANNA, number).await;
    }
    let before = inbox(store, ANNA).await;
    let gone = store
        .expunge(ANNA, INBOX, &[9, 3, 1, 3, 0], Expunge::All)
        .await
        .unwrap();
    assert_eq!(HashSet::from_iter(gone), HashSet::from([1, 3]));
    let after = inbox(store, ANNA).await;
    assert_eq!((after.messages, after.unseen, after.octets), (2, 2, 200));
    assert_eq!(after.uid_next, before.uid_next);
    assert!(after.highest_modseq > before.highest_modseq);
    assert_eq!(
        store.usage(ANNA).await.unwrap(),
        Usage {
            octets: 200,
            messages: 2
        }
    );

    assert!(
        store
            .expunge(ANNA, INBOX, &[1, 3], Expunge::All)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .expunge(ANNA, INBOX, &[], Expunge::All)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .expunge(BERT, INBOX, &[2], Expunge::All)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(inbox(store, ANNA).await, after);
    assert_eq!(store.entry(ANNA, INBOX, 1).await.unwrap(), None);
    assert!(store.entry(ANNA, INBOX, 2).await.unwrap().is_some());
}

pub(super) async fn many_entries_are_removed_at_once(store: Arc<dyn MailboxStore>) {
    const MANY: u64 = 1_234;
    deliver_many(&store, ANNA, MANY).await;
    let uids: Vec<_> = (1..=MANY as u32 + 10).collect();
    let gone = store
        .expunge(ANNA, INBOX, &uids, Expunge::All)
        .await
        .unwrap();
    assert_eq!(gone.len() as u64, MANY);
    assert_eq!(inbox(&*store, ANNA).await.messages, 0);
    assert_eq!(store.usage(ANNA).await.unwrap(), Usage::default());
    assert_eq!(released_now(&*store).await.len() as u64, MANY);
    assert!(store.shown(None, 1).await.unwrap().is_empty());
}

pub(super) async fn the_last_entry_of_a_content_queues_its_release(store: &dyn MailboxStore) {
    let copy = NewEntry {
        delivery: None,
        ..delivery(1)
    };
    let junk = "Junk".parse().unwrap();
    deliver(store, ANNA, 1).await;
    store.append(ANNA, &junk, copy, Quota::NONE).await.unwrap();
    deliver(store, BERT, 1).await;
    deliver(store, ANNA, 2).await;

    store
        .expunge(ANNA, INBOX, &[1], Expunge::All)
        .await
        .unwrap();
    assert!(released_now(store).await.is_empty());
    assert!(store.shows(ANNA, &content(1)).await.unwrap());
    store.expunge(ANNA, JUNK, &[1], Expunge::All).await.unwrap();
    assert!(!store.shows(ANNA, &content(1)).await.unwrap());
    store
        .expunge(ANNA, INBOX, &[2], Expunge::All)
        .await
        .unwrap();
    let queued = HashSet::from([(ANNA, content(1)), (ANNA, content(2))]);
    assert_eq!(released_now(store).await, queued);

    let first = store.releases(1).await.unwrap();
    assert_eq!(first.len(), 1);
    store.released(&first).await.unwrap();
    store.released(&first).await.unwrap();
    let left = store.releases(10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_ne!(left, first);
    store.released(&left).await.unwrap();
    assert!(store.releases(10).await.unwrap().is_empty());
    assert!(store.shows(BERT, &content(1)).await.unwrap());
}

pub(super) async fn what_is_shown_again_is_not_released(store: &dyn MailboxStore) {
    let copy = || NewEntry {
        delivery: None,
        ..delivery(1)
    };
    append_to_inbox(store, ANNA, copy()).await;
    store
        .expunge(ANNA, INBOX, &[1], Expunge::All)
        .await
        .unwrap();
    append_to_inbox(store, ANNA, copy()).await;
    assert!(released_now(store).await.is_empty());
    store
        .expunge(ANNA, INBOX, &[2], Expunge::All)
        .await
        .unwrap();
    assert_eq!(
        released_now(store).await,
        HashSet::from([(ANNA, content(1))])
    );
}

pub(super) async fn what_is_shown_comes_in_pages(store: &dyn MailboxStore) {
    let mut expected = HashSet::new();
    for (account, number) in [(BERT, 1), (ANNA, 12), (ANNA, 1), (ANNA, 2), (BERT, 3)] {
        deliver(store, account, number).await;
        expected.insert((account, content(number)));
    }
    let copy = NewEntry {
        delivery: None,
        ..delivery(1)
    };
    append_to_inbox(store, ANNA, copy).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.shown(after.as_ref(), 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        found.extend(page.into_iter().map(pair));
    }
    assert_eq!(found.len(), expected.len(), "each pair once");
    assert_eq!(HashSet::from_iter(found), expected);
}
