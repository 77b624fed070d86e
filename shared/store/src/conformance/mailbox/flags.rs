//! Changing flags.

use super::*;
use crate::mailbox::{FlagChange, FlagsStored};

async fn change(
    store: &dyn MailboxStore,
    uids: &[u32],
    change: FlagChange,
    unchanged_since: Option<u64>,
) -> FlagsStored {
    store
        .store_flags(ANNA, INBOX, uids, &change, unchanged_since)
        .await
        .unwrap()
}

async fn flags_of(store: &dyn MailboxStore, uid: u32) -> Vec<Flag> {
    let entry = store.entry(ANNA, INBOX, uid).await.unwrap();
    entry.unwrap().flags
}

pub(super) async fn flags_are_added_removed_and_replaced(store: &dyn MailboxStore) {
    for number in 1..=3 {
        deliver(store, ANNA, number).await;
    }
    let before = inbox(store, ANNA).await;
    let mut changes = watch(store, ANNA).await;
    let add = FlagChange::Add(vec![keyword("$b"), Flag::Seen, Flag::Deleted]);
    let done = change(store, &[3, 1, 9], add.clone(), None).await;
    assert!(done.stored.iter().map(|state| state.uid).eq([1, 3]));
    assert!(done.modified.is_empty() && done.too_many.is_empty());
    let expected = [Flag::Seen, Flag::Deleted, keyword("$b")];
    assert!(done.stored.iter().all(|state| *state.flags == expected));
    assert_eq!(flags_of(store, 1).await, expected);
    assert!(flags_of(store, 2).await.is_empty());
    let after = inbox(store, ANNA).await;
    assert_eq!((after.unseen, after.deleted, after.messages), (1, 2, 3));
    let modseqs: Vec<_> = done.stored.iter().map(|state| state.modseq).collect();
    assert!(modseqs[0] > before.highest_modseq && modseqs[1] != modseqs[0]);
    assert_eq!(modseqs.iter().max(), Some(&after.highest_modseq));
    let told = next_change(&mut changes).await;
    assert_eq!((told.mailbox, told.modseq), (INBOX, after.highest_modseq));

    let again = change(store, &[1, 3], add, None).await;
    assert_eq!(again, done, "what is so already is not changed");
    assert_eq!(inbox(store, ANNA).await, after);
    assert!(changes.try_next().is_none());

    let remove = FlagChange::Remove(vec![Flag::Deleted, keyword("$B"), Flag::Draft]);
    change(store, &[1], remove, None).await;
    assert_eq!(flags_of(store, 1).await, [Flag::Seen]);
    let replace = FlagChange::Replace(vec![Flag::Answered, Flag::Answered]);
    change(store, &[1, 2, 3], replace, None).await;
    for uid in 1..=3 {
        assert_eq!(flags_of(store, uid).await, [Flag::Answered]);
    }
    let after = inbox(store, ANNA).await;
    assert_eq!((after.unseen, after.deleted), (3, 0));
}

pub(super) async fn what_changed_since_keeps_its_flags(store: &dyn MailboxStore) {
    for number in 1..=3 {
        deliver(store, ANNA, number).await;
    }
    let known = inbox(store, ANNA).await.highest_modseq;
    let flagged = FlagChange::Add(vec![Flag::Flagged]);
    change(store, &[2], flagged, None).await;
    let seen = FlagChange::Add(vec![Flag::Seen]);
    let done = change(store, &[1, 2, 3], seen.clone(), Some(known)).await;
    assert!(done.stored.iter().map(|state| state.uid).eq([1, 3]));
    assert_eq!(done.modified, [2]);
    assert_eq!(flags_of(store, 2).await, [Flag::Flagged]);
    let none = change(store, &[1, 2, 3], seen, Some(0)).await;
    assert_eq!(none.modified, [1, 2, 3]);
    let nowhere = FlagChange::Add(vec![Flag::Seen]);
    let nowhere = store
        .store_flags(ANNA, NOWHERE, &[1], &nowhere, None)
        .await
        .unwrap();
    assert_eq!(nowhere, FlagsStored::default());
}

pub(super) async fn keywords_are_bounded(store: &dyn MailboxStore) {
    deliver(store, ANNA, 1).await;
    let many = |count| (0..count).map(|n| keyword(&format!("$k{n}"))).collect();
    let most = FlagChange::Add(many(Flag::MAX_KEYWORDS));
    change(store, &[1], most, None).await;
    let before = inbox(store, ANNA).await;
    let done = change(store, &[1], FlagChange::Add(vec![keyword("more")]), None).await;
    assert_eq!(done.too_many, [1]);
    assert!(done.stored.is_empty());
    assert_eq!(inbox(store, ANNA).await, before);
    let known = change(store, &[1], FlagChange::Add(vec![keyword("$K1")]), None).await;
    assert_eq!(known.stored.len(), 1);
    let flags = flags_of(store, 1).await;
    assert_eq!(flags.len(), Flag::MAX_KEYWORDS);
    let spelled = flags.iter().find(|flag| **flag == keyword("$K1")).unwrap();
    assert!(matches!(spelled, Flag::Keyword(k) if k.as_str() == "$k1"));
    let longest = "x".repeat(crate::mailbox::Keyword::MAX);
    let replace = FlagChange::Replace(vec![keyword(&longest), Flag::Seen]);
    change(store, &[1], replace, None).await;
    assert_eq!(flags_of(store, 1).await, [Flag::Seen, keyword(&longest)]);
}

pub(super) async fn only_what_is_deleted_is_expunged(store: &dyn MailboxStore) {
    for number in 1..=3 {
        deliver(store, ANNA, number).await;
    }
    let deleted = FlagChange::Add(vec![Flag::Deleted]);
    change(store, &[1, 3], deleted, None).await;
    let gone = store
        .expunge(ANNA, INBOX, &[1, 2], Expunge::Deleted)
        .await
        .unwrap();
    assert_eq!(gone, [1]);
    let left = inbox(store, ANNA).await;
    assert_eq!((left.messages, left.deleted, left.unseen), (2, 1, 2));
}
