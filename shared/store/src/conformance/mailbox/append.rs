//! Appending, and reading back.

use std::collections::BTreeSet;

use super::*;
use crate::mailbox::{Flag, MailboxEntry};

pub(super) async fn what_is_appended_is_read_back(store: &dyn MailboxStore) {
    let seen = NewEntry {
        delivery: None,
        flags: vec![
            keyword("$Forwarded"),
            Flag::Seen,
            Flag::Seen,
            Flag::Answered,
        ],
        internal_date: "2026-11-23T15:05:00.123456Z".parse().unwrap(),
        ..delivery(1)
    };
    append_to_inbox(store, ANNA, seen.clone()).await;
    deliver(store, ANNA, 2).await;

    let entries = all_entries(store).await;
    let [first, second] = entries.as_slice() else {
        panic!("two entries: {entries:?}");
    };
    let expected = MailboxEntry {
        uid: 1,
        modseq: first.modseq,
        delivery: None,
        content: seen.content,
        prefix: seen.prefix,
        size: 100,
        internal_date: seen.internal_date,
        saved: first.saved,
        flags: vec![Flag::Seen, Flag::Answered, keyword("$Forwarded")],
    };
    assert_eq!(first, &expected);
    assert_eq!((second.uid, second.delivery), (2, Some(message(2))));
    assert!(second.modseq > first.modseq);

    let inbox = inbox(store, ANNA).await;
    assert_eq!((inbox.messages, inbox.unseen, inbox.octets), (2, 1, 200));
    assert_eq!((inbox.uid_next, inbox.highest_modseq), (3, second.modseq));
    let usage = Usage {
        octets: 200,
        messages: 2,
    };
    assert_eq!(store.usage(ANNA).await.unwrap(), usage);
    assert_eq!(store.usage(BERT).await.unwrap(), Usage::default());
    assert!(store.shows(ANNA, &content(1)).await.unwrap());
    assert!(!store.shows(BERT, &content(1)).await.unwrap());
}

pub(super) async fn entries_come_in_pages(store: &dyn MailboxStore) {
    for number in 1..=5 {
        deliver(store, ANNA, number).await;
    }
    store
        .expunge(ANNA, INBOX, &[3], Expunge::All)
        .await
        .unwrap();
    for (after, limit, expected) in [
        (0, 10, [1, 2, 4, 5].as_slice()),
        (0, 2, &[1, 2]),
        (2, 1, &[4]),
        (4, 10, &[5]),
        (5, 10, &[]),
        (u32::MAX, 10, &[]),
        (0, 0, &[]),
    ] {
        let page = store.entries(ANNA, INBOX, after, limit).await.unwrap();
        let uids: Vec<_> = page.iter().map(|entry| entry.uid).collect();
        assert_eq!(uids, expected, "after {after}, at most {limit}");
    }
    let found = store.entry(ANNA, INBOX, 4).await.unwrap();
    assert_eq!(found.unwrap().content, content(4));
    assert_eq!(store.entry(ANNA, INBOX, 3).await.unwrap(), None);
    assert_eq!(store.entry(BERT, INBOX, 1).await.unwrap(), None);
    assert!(store.entries(ANNA, SENT, 0, 10).await.unwrap().is_empty());
}

pub(super) async fn a_delivery_comes_once(store: &dyn MailboxStore) {
    let uid = deliver(store, ANNA, 1).await;
    let again = Appended::AlreadyDelivered;
    assert_eq!(append_to_inbox(store, ANNA, delivery(1)).await, again);
    let junk = "Junk".parse().unwrap();
    let elsewhere = store.append(ANNA, &junk, delivery(1), Quota::NONE).await;
    assert_eq!(elsewhere.unwrap(), again);
    let inbox_name = MailboxName::inbox();
    let over_quota = store
        .append(ANNA, &inbox_name, delivery(1), Quota::octets(Some(0)))
        .await;
    assert_eq!(over_quota.unwrap(), again);
    assert_eq!(inbox(store, ANNA).await.messages, 1);
    deliver(store, BERT, 1).await;

    let expunged = store.expunge(ANNA, INBOX, &[uid], Expunge::All).await;
    assert_eq!(expunged.unwrap(), [uid]);
    assert_eq!(append_to_inbox(store, ANNA, delivery(1)).await, again);
    assert_eq!(inbox(store, ANNA).await.messages, 0);

    let forgotten = [(ANNA, message(1)), (ANNA, message(99))];
    store.forget_deliveries(&forgotten).await.unwrap();
    assert_eq!(append_to_inbox(store, BERT, delivery(1)).await, again);
    assert_eq!(deliver(store, ANNA, 1).await, uid + 1);
}

pub(super) async fn the_quota_bounds_the_account(store: &dyn MailboxStore) {
    let (inbox, junk) = (MailboxName::inbox(), "Junk".parse().unwrap());
    let quota = Quota::octets(Some(250));
    for (mailbox, number, fits) in [
        (&inbox, 1, true),
        (&junk, 2, true),
        (&inbox, 3, false),
        (&junk, 3, false),
    ] {
        let appended = store.append(ANNA, mailbox, delivery(number), quota).await;
        match appended.unwrap() {
            Appended::Stored { .. } => assert!(fits, "message {number}"),
            other => assert!(!fits && other == Appended::OverQuota, "message {number}"),
        }
    }
    let huge = NewEntry {
        size: u64::MAX,
        ..delivery(3)
    };
    let refused = store.append(ANNA, &inbox, huge, quota).await.unwrap();
    assert_eq!(refused, Appended::OverQuota);
    let exact = NewEntry {
        size: 50,
        ..delivery(3)
    };
    let exact = store.append(ANNA, &inbox, exact, quota).await.unwrap();
    assert!(
        matches!(exact, Appended::Stored { uid: 2, .. }),
        "{exact:?}"
    );
    assert_eq!(store.usage(ANNA).await.unwrap().octets, 250);
    store.expunge(ANNA, JUNK, &[1], Expunge::All).await.unwrap();
    let room = store
        .append(ANNA, &inbox, delivery(4), quota)
        .await
        .unwrap();
    assert!(matches!(room, Appended::Stored { uid: 3, .. }), "{room:?}");
}

pub(super) async fn what_is_refused_changes_nothing(store: &dyn MailboxStore) {
    deliver(store, ANNA, 1).await;
    let before = store.mailboxes(ANNA).await.unwrap();
    let nowhere = "No/Such".parse().unwrap();
    let refused = store.append(ANNA, &nowhere, delivery(2), Quota::NONE).await;
    assert_eq!(refused.unwrap(), Appended::NoSuchMailbox);
    let inbox = MailboxName::inbox();
    let refused = store
        .append(ANNA, &inbox, delivery(2), Quota::octets(Some(1)))
        .await;
    assert_eq!(refused.unwrap(), Appended::OverQuota);
    append_to_inbox(store, ANNA, delivery(1)).await;

    assert_eq!(store.mailboxes(ANNA).await.unwrap(), before);
    assert!(!store.shows(ANNA, &content(2)).await.unwrap());
    let deliveries = store.deliveries(None, 10).await.unwrap();
    assert_eq!(deliveries, [(ANNA, message(1))]);
    assert!(
        store
            .expunge(ANNA, NOWHERE, &[1], Expunge::All)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(store.entries(ANNA, NOWHERE, 0, 9).await.unwrap().is_empty());
    assert_eq!(store.entry(ANNA, NOWHERE, 1).await.unwrap(), None);
    assert_eq!(deliver(store, ANNA, 2).await, 2, "no UID was lost");
}

pub(super) async fn delivery_records_come_in_pages(store: &dyn MailboxStore) {
    for number in [3, 1, 2] {
        deliver(store, BERT, number).await;
        deliver(store, ANNA, number).await;
    }
    let unrecorded = NewEntry {
        delivery: None,
        ..delivery(4)
    };
    append_to_inbox(store, ANNA, unrecorded).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.deliveries(after, 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    let expected: BTreeSet<_> = [ANNA, BERT]
        .into_iter()
        .flat_map(|account| [1, 2, 3].map(|number| (account, message(number))))
        .collect();
    assert_eq!(found, Vec::from_iter(expected));
}

pub(super) async fn changes_are_published_in_order(store: &dyn MailboxStore) {
    let mut changes = store.changes(ANNA);
    deliver(store, ANNA, 1).await;
    append_to_inbox(store, ANNA, delivery(1)).await;
    deliver(store, ANNA, 2).await;
    let expunged = store.expunge(ANNA, INBOX, &[1, 2], Expunge::All).await;
    assert_eq!(expunged.unwrap(), [1, 2]);
    let mut last = 0;
    for _ in 0..3 {
        let change = next_change(&mut changes).await;
        assert_eq!((change.account, change.mailbox), (ANNA, INBOX));
        assert!(change.modseq > last, "{} after {last}", change.modseq);
        last = change.modseq;
    }
    assert_eq!(inbox(store, ANNA).await.highest_modseq, last);
    assert!(
        changes.try_next().is_none(),
        "a repeated delivery is no change"
    );
}
