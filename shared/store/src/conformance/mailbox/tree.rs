//! Making, renaming and deleting mailboxes; subscriptions.

use super::*;
use crate::mailbox::{Created, Deleted, MAX_MAILBOXES, Renamed, Role};

fn named(text: &str) -> MailboxName {
    text.parse().unwrap()
}

async fn make(store: &dyn MailboxStore, name: &str) -> MailboxId {
    match store.create(ANNA, &named(name), None).await.unwrap() {
        Created::Created(id) => id,
        other => panic!("{name}: {other:?}"),
    }
}

/// The names of Anna's mailboxes beside the standard ones.
async fn names(store: &dyn MailboxStore) -> Vec<String> {
    let mailboxes = store.mailboxes(ANNA).await.unwrap();
    assert!(mailboxes.is_sorted_by(|a, b| a.name < b.name));
    let names = mailboxes.into_iter().map(|m| m.name.to_string());
    names
        .filter(|name| STANDARD.iter().all(|(standard, _)| standard != name))
        .collect()
}

pub(super) async fn mailboxes_are_made_with_those_above(store: &dyn MailboxStore) {
    let before = store.mailboxes(ANNA).await.unwrap();
    let id = make(store, "Work/Pipes/2026").await;
    assert_eq!(
        names(store).await,
        ["Work", "Work/Pipes", "Work/Pipes/2026"]
    );
    let made = store.mailbox(ANNA, id).await.unwrap().unwrap();
    assert_eq!(made.name, named("Work/Pipes/2026"));
    assert_eq!((made.uid_next, made.messages, made.role), (1, 0, None));
    let found = store.find(ANNA, &made.name).await.unwrap();
    assert_eq!(found.as_ref(), Some(&made));
    let work = store.find(ANNA, &named("Work")).await.unwrap().unwrap();
    assert!(before.iter().all(|old| old.id != id && old.id != work.id));
    assert_ne!(work.uid_validity, made.uid_validity);
    let exists = store.create(ANNA, &made.name, None).await.unwrap();
    assert_eq!(exists, Created::Exists);
    let inbox = store.create(ANNA, &named("inbox"), None).await.unwrap();
    assert_eq!(inbox, Created::Exists);
    make(store, "INBOX/Lists").await;

    assert_eq!(store.mailbox(ANNA, NOWHERE).await.unwrap(), None);
    assert_eq!(store.find(ANNA, &named("No")).await.unwrap(), None);
    assert_eq!(store.find(BERT, &made.name).await.unwrap(), None);
    assert_eq!(store.mailbox(BERT, id).await.unwrap(), None);
    let first_use = AccountId::from_bits(0xc);
    let inbox = store.find(first_use, &MailboxName::inbox()).await.unwrap();
    assert_eq!(inbox.unwrap().id, INBOX);
}

pub(super) async fn a_role_is_held_by_one(store: &dyn MailboxStore) {
    let (sent, other) = (named("Sent"), named("Gesendet"));
    let taken = store.create(ANNA, &other, Some(Role::Sent)).await.unwrap();
    assert_eq!(taken, Created::RoleTaken);
    let old = store.find(ANNA, &sent).await.unwrap().unwrap();
    assert_eq!(store.delete(ANNA, old.id).await.unwrap(), Deleted::Deleted);
    let free = store.create(ANNA, &other, Some(Role::Sent)).await.unwrap();
    assert!(matches!(free, Created::Created(_)), "{free:?}");
    let made = store.find(ANNA, &other).await.unwrap().unwrap();
    assert_eq!(made.role, Some(Role::Sent));
    let renamed = store.rename(ANNA, made.id, &sent).await.unwrap();
    assert_eq!(renamed, Renamed::Renamed);
    let renamed = store.find(ANNA, &sent).await.unwrap().unwrap();
    assert_eq!((renamed.id, renamed.role), (made.id, Some(Role::Sent)));
}

pub(super) async fn mailboxes_are_bounded(store: &dyn MailboxStore) {
    for number in STANDARD.len()..MAX_MAILBOXES - 1 {
        make(store, &format!("box-{number:05}")).await;
    }
    let two = store.create(ANNA, &named("x/y"), None).await.unwrap();
    assert_eq!(two, Created::TooMany);
    make(store, "x").await;
    let one = store.create(ANNA, &named("y"), None).await.unwrap();
    assert_eq!(one, Created::TooMany);
    let x = store.find(ANNA, &named("x")).await.unwrap().unwrap();
    for (id, name) in [(x.id, "y/z"), (INBOX, "y")] {
        let refused = store.rename(ANNA, id, &named(name)).await.unwrap();
        assert_eq!(refused, Renamed::TooMany);
    }
    let fits = store.rename(ANNA, x.id, &named("y")).await.unwrap();
    assert_eq!(fits, Renamed::Renamed);
}

pub(super) async fn a_renamed_mailbox_takes_those_below_along(store: &dyn MailboxStore) {
    let id = make(store, "a/b").await;
    let below = make(store, "a/b/c").await;
    make(store, "a/bc").await;
    append(store, id, delivery(1)).await;
    append(store, below, delivery(2)).await;
    let before = store.mailbox(ANNA, id).await.unwrap().unwrap();
    let renamed = store.rename(ANNA, id, &named("x/y")).await.unwrap();
    assert_eq!(renamed, Renamed::Renamed);
    assert_eq!(names(store).await, ["a", "a/bc", "x", "x/y", "x/y/c"]);
    let after = store.mailbox(ANNA, id).await.unwrap().unwrap();
    let name = named("x/y");
    assert_eq!(after, MailboxInfo { name, ..before });
    let moved = store.find(ANNA, &named("x/y/c")).await.unwrap().unwrap();
    assert_eq!((moved.id, moved.messages), (below, 1));
    assert!(store.entry(ANNA, id, 1).await.unwrap().is_some());

    let again = store.rename(ANNA, id, &named("x/y")).await.unwrap();
    assert_eq!(again, Renamed::Renamed, "repeating changes nothing");
    for (name, expected) in [
        ("a/bc", Renamed::Exists),
        ("Sent", Renamed::Exists),
        ("x/y/z", Renamed::IntoItself),
        ("x", Renamed::Exists),
    ] {
        let refused = store.rename(ANNA, id, &named(name)).await.unwrap();
        assert_eq!(refused, expected, "{name}");
    }
    let long = named(&"z".repeat(999));
    let refused = store.rename(ANNA, id, &long).await.unwrap();
    assert_eq!(refused, Renamed::TooLong);
    let nobody = store.rename(ANNA, NOWHERE, &named("q")).await.unwrap();
    assert_eq!(nobody, Renamed::NoSuchMailbox);
    assert_eq!(names(store).await, ["a", "a/bc", "x", "x/y", "x/y/c"]);
    let old = make(store, "a/b").await;
    assert_ne!(old, id, "an id is not given again");
}

pub(super) async fn a_renamed_inbox_leaves_an_empty_one(store: &dyn MailboxStore) {
    make(store, "INBOX/Lists").await;
    for number in 1..=3 {
        deliver(store, ANNA, number).await;
    }
    store
        .expunge(ANNA, INBOX, &[2], Expunge::All)
        .await
        .unwrap();
    let before = inbox(store, ANNA).await;
    let usage = store.usage(ANNA).await.unwrap();
    let old = named("Old/Mail");
    let renamed = store.rename(ANNA, INBOX, &old).await.unwrap();
    assert_eq!(renamed, Renamed::Renamed);

    let filled = store.find(ANNA, &old).await.unwrap().unwrap();
    assert_ne!(filled.id, INBOX);
    assert_eq!((filled.messages, filled.role), (2, None));
    assert_eq!(filled.uid_validity, before.uid_validity);
    let entries = store.entries(ANNA, filled.id, 0, 10).await.unwrap();
    assert!(entries.iter().map(|entry| entry.uid).eq([1, 3]));
    let empty = inbox(store, ANNA).await;
    assert_eq!((empty.id, empty.role), (INBOX, before.role));
    assert_eq!((empty.messages, empty.octets, empty.uid_next), (0, 0, 1));
    assert_ne!(empty.uid_validity, before.uid_validity);
    assert!(empty.highest_modseq > before.highest_modseq);
    assert_eq!(store.usage(ANNA).await.unwrap(), usage);
    assert_eq!(names(store).await, ["INBOX/Lists", "Old", "Old/Mail"]);
    assert_eq!(deliver(store, ANNA, 4).await, 1);
    let again = store.rename(ANNA, INBOX, &old).await.unwrap();
    assert_eq!(again, Renamed::Exists);
}

pub(super) async fn a_deleted_mailbox_is_gone_with_its_entries(store: &dyn MailboxStore) {
    const MANY: u64 = 1_100;
    let id = make(store, "a/b").await;
    let above = store.find(ANNA, &named("a")).await.unwrap().unwrap().id;
    let new = |number| NewEntry {
        delivery: None,
        ..delivery(number)
    };
    for half in [1..=MANY / 2, MANY / 2 + 1..=MANY] {
        let entries = half.map(new).collect();
        let name = named("a/b");
        store
            .append_all(ANNA, &name, entries, Quota::NONE)
            .await
            .unwrap();
    }
    append_to_inbox(store, ANNA, new(1)).await;
    let mut changes = watch(store, ANNA).await;
    let refused = store.delete(ANNA, above).await.unwrap();
    assert_eq!(refused, Deleted::HasInferiors);
    let refused = store.delete(ANNA, INBOX).await.unwrap();
    assert_eq!(refused, Deleted::IsInbox);
    assert!(changes.try_next().is_none());

    assert_eq!(store.delete(ANNA, id).await.unwrap(), Deleted::Deleted);
    assert_eq!(next_change(&mut changes).await.mailbox, id);
    let again = store.delete(ANNA, id).await.unwrap();
    assert_eq!(again, Deleted::NoSuchMailbox);
    assert_eq!(store.mailbox(ANNA, id).await.unwrap(), None);
    assert!(store.entries(ANNA, id, 0, 10).await.unwrap().is_empty());
    assert!(store.states(ANNA, id, 0, 10).await.unwrap().is_empty());
    assert_eq!(store.delta(ANNA, id, 0, 10).await.unwrap(), None);
    let left = Usage {
        octets: 100,
        messages: 1,
    };
    assert_eq!(store.usage(ANNA).await.unwrap(), left);
    assert_eq!(released_now(store).await.len() as u64, MANY - 1);
    assert!(store.shows(ANNA, &content(1)).await.unwrap());
    assert_eq!(store.delete(ANNA, above).await.unwrap(), Deleted::Deleted);
    assert!(names(store).await.is_empty());
}

pub(super) async fn subscriptions_stay_whatever_becomes_of_mailboxes(store: &dyn MailboxStore) {
    let standard = STANDARD.map(|(name, _)| named(name));
    let all = store.subscriptions(ANNA).await.unwrap();
    assert_eq!(HashSet::from_iter(all), HashSet::from(standard.clone()));
    let id = make(store, "a").await;
    for name in ["a", "no/such", "a"] {
        assert!(store.subscribe(ANNA, &named(name)).await.unwrap());
    }
    store.rename(ANNA, id, &named("b")).await.unwrap();
    store.delete(ANNA, id).await.unwrap();
    for name in standard.iter().chain(&[named("unknown")]) {
        store.unsubscribe(ANNA, name).await.unwrap();
    }
    let left = store.subscriptions(ANNA).await.unwrap();
    assert_eq!(left, [named("a"), named("no/such")]);
    assert_eq!(store.subscriptions(BERT).await.unwrap().len(), 6);
}

pub(super) async fn a_removed_account_gets_no_mailbox(store: &dyn MailboxStore) {
    make(store, "a").await;
    store.remove_account(ANNA).await.unwrap();
    let created = store.create(ANNA, &named("b"), None).await.unwrap();
    assert_eq!(created, Created::NoSuchAccount);
    assert!(!store.subscribe(ANNA, &named("b")).await.unwrap());
    assert!(store.subscriptions(ANNA).await.unwrap().is_empty());
    assert_eq!(store.find(ANNA, &named("a")).await.unwrap(), None);
    assert_eq!(store.mailbox(ANNA, INBOX).await.unwrap(), None);
    assert_eq!(store.delta(ANNA, INBOX, 0, 1).await.unwrap(), None);
}

/// Puts a message into a mailbox, whatever it is called; its UID.
async fn append(store: &dyn MailboxStore, mailbox: MailboxId, entry: NewEntry) -> u32 {
    let name = store.mailbox(ANNA, mailbox).await.unwrap().unwrap().name;
    match store.append(ANNA, &name, entry, Quota::NONE).await.unwrap() {
        Appended::Stored { uid, .. } => uid,
        other => panic!("{name}: {other:?}"),
    }
}
