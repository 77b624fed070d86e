//! Removing accounts.

use std::sync::Arc;

use super::together::deliver_many;
use super::*;

pub(super) async fn a_removed_account_is_empty_for_good(store: Arc<dyn MailboxStore>) {
    const MANY: u64 = 1_100;
    deliver_many(&store, ANNA, MANY).await;
    deliver(&*store, BERT, 1).await;
    let mut changes = watch(&*store, ANNA).await;
    store.remove_account(ANNA).await.unwrap();

    assert!(store.mailboxes(ANNA).await.unwrap().is_empty());
    assert_eq!(store.usage(ANNA).await.unwrap(), Usage::default());
    assert!(all_entries(&*store).await.is_empty());
    assert_eq!(released_now(&*store).await.len() as u64, MANY);
    assert!(!store.shows(ANNA, &content(1)).await.unwrap());
    let told = next_change(&mut changes).await;
    assert_eq!(told.account, ANNA, "who looks at its mailboxes is told");

    let repeated = append_to_inbox(&*store, ANNA, delivery(1)).await;
    assert_eq!(repeated, Appended::AlreadyDelivered);
    let late = append_to_inbox(&*store, ANNA, delivery(MANY + 1)).await;
    assert_eq!(late, Appended::NoSuchMailbox);
    assert!(store.mailboxes(ANNA).await.unwrap().is_empty());

    assert_eq!(inbox(&*store, BERT).await.messages, 1);
    let shown = store.shown(None, 10).await.unwrap();
    assert_eq!(
        HashSet::from_iter(shown.into_iter().map(pair)),
        HashSet::from([(BERT, content(1))])
    );
}

pub(super) async fn removing_again_changes_nothing(store: &dyn MailboxStore) {
    deliver(store, ANNA, 1).await;
    store.remove_account(ANNA).await.unwrap();
    let releases = store.releases(10).await.unwrap();
    store.released(&releases).await.unwrap();
    store.remove_account(ANNA).await.unwrap();
    assert!(store.releases(10).await.unwrap().is_empty());
    let kept = store.deliveries(None, 10).await.unwrap();
    assert_eq!(kept, [(ANNA, message(1))]);

    store.remove_account(BERT).await.unwrap();
    let late = append_to_inbox(store, BERT, delivery(1)).await;
    assert_eq!(
        late,
        Appended::NoSuchMailbox,
        "removed before its first use"
    );
}
