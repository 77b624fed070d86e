//! Appending several, copying and moving.

use super::*;
use crate::StoreError;
use crate::mailbox::{AllAppended, Copied, MAX_COPIED, MAX_TOGETHER};

fn new(number: u64) -> NewEntry {
    NewEntry {
        delivery: None,
        ..delivery(number)
    }
}

/// The pairs of UIDs of a copy that was made.
fn pairs(copied: Copied) -> Vec<(u32, u32)> {
    match copied {
        Copied::Copied { pairs, .. } => pairs,
        other => panic!("copied, not {other:?}"),
    }
}

async fn messages(store: &dyn MailboxStore, mailbox: MailboxId) -> u64 {
    let info = store.mailbox(ANNA, mailbox).await.unwrap();
    info.unwrap().messages
}

pub(super) async fn several_are_appended_or_none(store: &dyn MailboxStore) {
    let (inbox, sent) = (MailboxName::inbox(), "Sent".parse().unwrap());
    deliver(store, ANNA, 9).await;
    let three = || (1..=3).map(new).collect::<Vec<_>>();
    let stored = store.append_all(ANNA, &sent, three(), Quota::NONE).await;
    let AllAppended::Stored { uids, uid_validity } = stored.unwrap() else {
        panic!("three entries")
    };
    assert_eq!(uids, [1, 2, 3]);
    let info = store.find(ANNA, &sent).await.unwrap().unwrap();
    assert_eq!(
        (info.uid_validity, info.messages, info.octets),
        (uid_validity, 3, 300)
    );
    let octets = Quota::octets(Some(650));
    let few = Quota {
        messages: Some(6),
        ..Quota::NONE
    };
    for quota in [octets, few] {
        let refused = store.append_all(ANNA, &inbox, three(), quota).await;
        assert_eq!(refused.unwrap(), AllAppended::OverQuota);
    }
    let nowhere = "No".parse().unwrap();
    let refused = store.append_all(ANNA, &nowhere, three(), octets).await;
    assert_eq!(refused.unwrap(), AllAppended::NoSuchMailbox);
    assert_eq!(messages(store, INBOX).await, 1);
    let many = (0..=MAX_TOGETHER as u64).map(new).collect();
    for wrong in [vec![new(1), delivery(2)], many] {
        let refused = store.append_all(ANNA, &inbox, wrong, Quota::NONE).await;
        assert!(
            matches!(refused, Err(StoreError::Misused(_))),
            "{refused:?}"
        );
    }
    let none = store.append_all(ANNA, &inbox, Vec::new(), octets).await;
    assert!(matches!(none.unwrap(), AllAppended::Stored { uids, .. } if uids.is_empty()));
    let most = (0..MAX_TOGETHER as u64).map(new).collect();
    let most = store.append_all(ANNA, &inbox, most, Quota::NONE).await;
    assert!(matches!(most.unwrap(), AllAppended::Stored { .. }));
    assert_eq!(messages(store, INBOX).await, 1 + MAX_TOGETHER as u64);
}

pub(super) async fn copies_are_like_their_originals(store: &dyn MailboxStore) {
    for number in 1..=3 {
        let flags = vec![Flag::Flagged, Flag::Deleted, keyword("$x")];
        let delivered = NewEntry {
            flags,
            ..delivery(number)
        };
        append_to_inbox(store, ANNA, delivered).await;
    }
    let mut changes = watch(store, ANNA).await;
    let copied = store
        .copy(ANNA, INBOX, &[3, 1, 9], SENT, Quota::NONE)
        .await
        .unwrap();
    let sent = store.mailbox(ANNA, SENT).await.unwrap().unwrap();
    let Copied::Copied { uid_validity, .. } = copied else {
        panic!("{copied:?}")
    };
    assert_eq!(uid_validity, sent.uid_validity);
    assert_eq!(pairs(copied), [(1, 1), (3, 2)]);
    assert_eq!((sent.messages, sent.unseen, sent.deleted), (2, 2, 2));
    let told = next_change(&mut changes).await;
    assert_eq!((told.mailbox, told.modseq), (SENT, sent.highest_modseq));

    let originals = store.entries_at(ANNA, INBOX, &[1, 3]).await.unwrap();
    let copies = store.entries(ANNA, SENT, 0, 10).await.unwrap();
    for (original, copy) in originals.into_iter().zip(copies) {
        assert!(copy.modseq > original.modseq);
        assert_eq!(copy.email_id(), original.email_id());
        let expected = crate::mailbox::MailboxEntry {
            uid: copy.uid,
            modseq: copy.modseq,
            saved: copy.saved,
            ..original
        };
        assert_eq!(copy, expected);
    }
    assert_eq!(store.usage(ANNA).await.unwrap().messages, 5);
    let all = [1, 2, 3];
    store
        .expunge(ANNA, INBOX, &all, Expunge::All)
        .await
        .unwrap();
    assert_eq!(
        released_now(store).await,
        HashSet::from([(ANNA, content(2))])
    );
}

pub(super) async fn a_copy_is_whole_or_refused(store: &dyn MailboxStore) {
    for number in 1..=3 {
        deliver(store, ANNA, number).await;
    }
    let before = store.mailboxes(ANNA).await.unwrap();
    let quota = Quota::octets(Some(500));
    let all = [1, 2, 3];
    let refused = store.copy(ANNA, INBOX, &all, SENT, quota).await.unwrap();
    assert_eq!(refused, Copied::OverQuota);
    let copied = store.copy(ANNA, INBOX, &all, NOWHERE, quota).await;
    let moved = store.move_entries(ANNA, INBOX, &all, NOWHERE).await;
    for refused in [copied, moved] {
        assert_eq!(refused.unwrap(), Copied::NoSuchMailbox);
    }
    for nothing in [
        store.copy(ANNA, NOWHERE, &all, SENT, quota).await,
        store.copy(ANNA, INBOX, &[7], SENT, quota).await,
        store.move_entries(ANNA, INBOX, &[], SENT).await,
    ] {
        assert!(pairs(nothing.unwrap()).is_empty());
    }
    let many: Vec<_> = (1..=MAX_COPIED as u32 + 1).collect();
    let copied = store.copy(ANNA, INBOX, &many, SENT, quota).await;
    let moved = &many[..=MAX_TOGETHER];
    let moved = store.move_entries(ANNA, INBOX, moved, SENT).await;
    for refused in [copied, moved] {
        assert!(
            matches!(refused, Err(StoreError::Misused(_))),
            "{refused:?}"
        );
    }
    assert_eq!(store.mailboxes(ANNA).await.unwrap(), before);
    let fits = store.copy(ANNA, INBOX, &[1, 2], SENT, quota).await;
    assert_eq!(pairs(fits.unwrap()).len(), 2);
}

pub(super) async fn a_large_copy_appears_at_once(store: &dyn MailboxStore) {
    const MANY: u32 = 3 * MAX_TOGETHER as u32;
    let inbox = MailboxName::inbox();
    for chunk in 0..3 {
        let numbers = (1..=MAX_TOGETHER as u64).map(|n| chunk * 1_000 + n);
        let entries = numbers.map(new).collect();
        let appended = store.append_all(ANNA, &inbox, entries, Quota::NONE).await;
        assert!(matches!(appended.unwrap(), AllAppended::Stored { .. }));
    }
    let gaps = [1, 700, 701, 1_500, MANY];
    store
        .expunge(ANNA, INBOX, &gaps, Expunge::All)
        .await
        .unwrap();
    let (all, there): (Vec<u32>, u64) = ((1..=MANY).collect(), 2_995);
    let before = store.mailboxes(ANNA).await.unwrap();
    let quota = |messages| Quota {
        messages: Some(messages),
        ..Quota::NONE
    };
    let one_less = quota(2 * there - 1);
    let refused = store.copy(ANNA, INBOX, &all, SENT, one_less).await.unwrap();
    assert_eq!(refused, Copied::OverQuota);
    assert_eq!(store.mailboxes(ANNA).await.unwrap(), before);

    let first_seen = async {
        loop {
            match messages(store, SENT).await {
                0 => tokio::task::yield_now().await,
                some => return some,
            }
        }
    };
    let copy = store.copy(ANNA, INBOX, &all, SENT, quota(2 * there));
    let (copied, first_seen) = tokio::join!(copy, soon(first_seen));
    assert_eq!(first_seen, there);
    let pairs = pairs(copied.unwrap());
    let originals = all.iter().filter(|uid| !gaps.contains(uid));
    assert!(pairs.iter().copied().eq(originals.copied().zip(1..)));
    let copies = store.states(ANNA, SENT, 0, usize::MAX).await.unwrap();
    assert_eq!(copies.len() as u64, there);
    assert_eq!(store.usage(ANNA).await.unwrap().messages, 2 * there);
}

pub(super) async fn a_moved_entry_is_in_one_place(store: &dyn MailboxStore) {
    for number in 1..=3 {
        deliver(store, ANNA, number).await;
    }
    let usage = store.usage(ANNA).await.unwrap();
    let before = inbox(store, ANNA).await;
    let moved = store.move_entries(ANNA, INBOX, &[2, 3], SENT).await;
    assert_eq!(pairs(moved.unwrap()), [(2, 1), (3, 2)]);
    assert_eq!(store.usage(ANNA).await.unwrap(), usage);
    let after = inbox(store, ANNA).await;
    assert_eq!((after.messages, after.unseen, after.octets), (1, 1, 100));
    assert!(after.highest_modseq > before.highest_modseq);
    let delta = store.delta(ANNA, INBOX, before.highest_modseq, 10).await;
    let delta = delta.unwrap().unwrap();
    assert_eq!(delta.vanished, crate::mailbox::Vanished::Uids(vec![2, 3]));
    let again = store.move_entries(ANNA, INBOX, &[2, 3], SENT).await;
    assert!(pairs(again.unwrap()).is_empty());
    assert!(released_now(store).await.is_empty());
    for number in 1..=3 {
        assert!(store.shows(ANNA, &content(number)).await.unwrap());
    }

    let within = store.move_entries(ANNA, SENT, &[1], SENT).await;
    assert_eq!(pairs(within.unwrap()), [(1, 3)]);
    let sent = store.entries(ANNA, SENT, 0, 10).await.unwrap();
    assert!(sent.iter().map(|entry| entry.uid).eq([2, 3]));
    assert_eq!(messages(store, SENT).await, 2);
    let within = store.copy(ANNA, SENT, &[3], SENT, Quota::NONE).await;
    assert_eq!(pairs(within.unwrap()), [(3, 4)]);
    assert_eq!(messages(store, SENT).await, 3);
    assert_eq!(store.usage(ANNA).await.unwrap().messages, 4);
}
