//! What every [`MailboxStore`] does.

mod append;
mod copy;
mod delta;
mod epoch;
mod expunge;
mod flags;
pub mod model;
mod removal;
mod together;
mod tree;

use std::collections::HashSet;

use message::{AccountId, ContentId, MessageId, Timestamp};

use super::{Subject, soon};
use crate::MailboxStore;
use crate::mailbox::{
    Appended, Created, Expunge, Flag, MailboxChanged, MailboxChanges, MailboxEvent, MailboxId,
    MailboxInfo, MailboxName, NewEntry, Quota, Release, STANDARD, Usage,
};

/// Runs every case, each on a fresh store.
pub async fn run<S: Subject<dyn MailboxStore>>(fresh: impl AsyncFn() -> S) {
    standard_mailboxes_are_there_from_the_first_use(&*fresh().await.open().await).await;
    append::what_is_appended_is_read_back(&*fresh().await.open().await).await;
    append::entries_come_in_pages(&*fresh().await.open().await).await;
    append::a_delivery_comes_once(&*fresh().await.open().await).await;
    append::the_quota_bounds_the_account(&*fresh().await.open().await).await;
    append::what_is_refused_changes_nothing(&*fresh().await.open().await).await;
    append::delivery_records_come_in_pages(&*fresh().await.open().await).await;
    append::changes_are_published_in_order(&*fresh().await.open().await).await;
    expunge::entries_are_removed_once(&*fresh().await.open().await).await;
    expunge::many_entries_are_removed_at_once(fresh().await.open().await).await;
    expunge::the_last_entry_of_a_content_queues_its_release(&*fresh().await.open().await).await;
    expunge::what_is_shown_again_is_not_released(&*fresh().await.open().await).await;
    expunge::what_is_shown_comes_in_pages(&*fresh().await.open().await).await;
    removal::a_removed_account_is_empty_for_good(fresh().await.open().await).await;
    removal::removing_again_changes_nothing(&*fresh().await.open().await).await;
    tree::mailboxes_are_made_with_those_above(&*fresh().await.open().await).await;
    tree::a_role_is_held_by_one(&*fresh().await.open().await).await;
    tree::mailboxes_are_bounded(&*fresh().await.open().await).await;
    tree::a_renamed_mailbox_takes_those_below_along(&*fresh().await.open().await).await;
    tree::a_renamed_inbox_leaves_an_empty_one(&*fresh().await.open().await).await;
    tree::a_deleted_mailbox_is_gone_with_its_entries(&*fresh().await.open().await).await;
    tree::subscriptions_stay_whatever_becomes_of_mailboxes(&*fresh().await.open().await).await;
    tree::a_removed_account_gets_no_mailbox(&*fresh().await.open().await).await;
    copy::several_are_appended_or_none(&*fresh().await.open().await).await;
    copy::copies_are_like_their_originals(&*fresh().await.open().await).await;
    copy::a_copy_is_whole_or_refused(&*fresh().await.open().await).await;
    copy::a_large_copy_appears_at_once(&*fresh().await.open().await).await;
    copy::a_moved_entry_is_in_one_place(&*fresh().await.open().await).await;
    flags::flags_are_added_removed_and_replaced(&*fresh().await.open().await).await;
    flags::what_changed_since_keeps_its_flags(&*fresh().await.open().await).await;
    flags::keywords_are_bounded(&*fresh().await.open().await).await;
    flags::only_what_is_deleted_is_expunged(&*fresh().await.open().await).await;
    delta::what_is_listed_compactly_is_what_entries_say(&*fresh().await.open().await).await;
    delta::a_delta_tells_what_happened_since(&*fresh().await.open().await).await;
    delta::the_log_of_what_vanished_is_bounded(&*fresh().await.open().await).await;
    delta::who_follows_changes_misses_none(fresh().await.open().await).await;
    delta::changes_of_others_are_not_told(&*fresh().await.open().await).await;
    delta::a_lock_is_held_by_one(&*fresh().await.open().await).await;
    epoch::numbers_jump_when_the_epoch_rises(&*fresh().await.open().await).await;
    epoch::a_rise_stays_until_it_is_confirmed(&fresh().await).await;
    together::uids_of_concurrent_appends_are_dense(fresh().await.open().await).await;
    together::of_concurrent_deliveries_one_is_stored(fresh().await.open().await).await;
    together::the_quota_holds_against_concurrent_appends(fresh().await.open().await).await;
    everything_outlives_a_restart(&fresh().await).await;
}

async fn standard_mailboxes_are_there_from_the_first_use(store: &dyn MailboxStore) {
    let mailboxes = store.mailboxes(ANNA).await.unwrap();
    let listed: HashSet<_> = mailboxes
        .iter()
        .map(|m| (m.name.to_string(), m.role.map(|role| format!("{role:?}"))))
        .collect();
    let standard = STANDARD.map(|(name, role)| (name.to_owned(), Some(format!("{role:?}"))));
    assert_eq!(listed, HashSet::from(standard));
    assert!(mailboxes.is_sorted_by(|a, b| a.name < b.name));
    for mailbox in &mailboxes {
        assert!(mailbox.uid_validity > 0 && mailbox.uid_next == 1);
        let counts = (mailbox.messages, mailbox.unseen, mailbox.octets);
        assert_eq!(counts, (0, 0, 0));
    }
    assert_eq!(store.mailboxes(ANNA).await.unwrap(), mailboxes);
    assert_eq!(store.usage(ANNA).await.unwrap(), Usage::default());
    assert_eq!(store.usage(BERT).await.unwrap(), Usage::default());
}

async fn everything_outlives_a_restart(subject: &impl Subject<dyn MailboxStore>) {
    let store = subject.open().await;
    for number in 1..=3 {
        deliver(&*store, ANNA, number).await;
    }
    store
        .expunge(ANNA, INBOX, &[2], Expunge::All)
        .await
        .unwrap();
    deliver(&*store, BERT, 1).await;
    store.remove_account(BERT).await.unwrap();
    let mailboxes = store.mailboxes(ANNA).await.unwrap();
    let entries = all_entries(&*store).await;
    drop(store);

    let store = subject.open().await;
    assert_eq!(store.mailboxes(ANNA).await.unwrap(), mailboxes);
    assert_eq!(all_entries(&*store).await, entries);
    assert_eq!(store.usage(ANNA).await.unwrap().messages, 2);
    assert_eq!(
        released_now(&*store).await,
        HashSet::from([(ANNA, content(2)), (BERT, content(1))])
    );
    assert_eq!(
        append_to_inbox(&*store, ANNA, delivery(2)).await,
        Appended::AlreadyDelivered
    );
    let again = append_to_inbox(&*store, BERT, delivery(7)).await;
    assert_eq!(again, Appended::NoSuchMailbox);
    assert_eq!(deliver(&*store, ANNA, 4).await, 4, "UIDs go on");
}

const ANNA: AccountId = AccountId::from_bits(0xa);
const BERT: AccountId = AccountId::from_bits(0xb);

const INBOX: MailboxId = MailboxId::INBOX;
const SENT: MailboxId = MailboxId::from_number(2);
const JUNK: MailboxId = MailboxId::from_number(4);
const NOWHERE: MailboxId = MailboxId::from_number(999);

fn keyword(text: &str) -> Flag {
    Flag::Keyword(text.parse().unwrap())
}

/// The next change; none may have been missed.
/// Watches an account. A store that processes share tells of changes a moment
/// later: those that were before this are told by then.
async fn watch(store: &dyn MailboxStore, account: AccountId) -> MailboxChanges {
    let mut changes = store.changes(account);
    let name = "Mark".parse().unwrap();
    let Created::Created(mark) = store.create(account, &name, None).await.unwrap() else {
        panic!("there is no mark yet");
    };
    let is_mark = |event| matches!(event, MailboxEvent::Changed(change) if change.mailbox == mark);
    while !is_mark(soon(changes.next()).await) {}
    store.delete(account, mark).await.unwrap();
    assert!(is_mark(soon(changes.next()).await));
    changes
}

async fn next_change(changes: &mut MailboxChanges) -> MailboxChanged {
    match soon(changes.next()).await {
        MailboxEvent::Changed(change) => change,
        MailboxEvent::Missed => panic!("a change was missed"),
    }
}

fn content(number: u64) -> ContentId {
    format!("content-{number}").parse().unwrap()
}

fn message(number: u64) -> MessageId {
    MessageId::from_bits(number.into())
}

/// Message `number`, 100 octets, as it is delivered.
fn delivery(number: u64) -> NewEntry {
    NewEntry {
        delivery: Some(message(number)),
        content: content(number),
        prefix: format!("Return-Path: <sender-{number}@example.net>\r\n"),
        size: 100,
        internal_date: Timestamp::UNIX_EPOCH,
        flags: Vec::new(),
    }
}

async fn append_to_inbox(
    store: &dyn MailboxStore,
    account: AccountId,
    entry: NewEntry,
) -> Appended {
    store
        .append(account, &MailboxName::inbox(), entry, Quota::NONE)
        .await
        .unwrap()
}

/// Delivers message `number` into the inbox; its UID.
async fn deliver(store: &dyn MailboxStore, account: AccountId, number: u64) -> u32 {
    match append_to_inbox(store, account, delivery(number)).await {
        Appended::Stored { uid, .. } => uid,
        other => panic!("message {number}: {other:?}"),
    }
}

async fn inbox(store: &dyn MailboxStore, account: AccountId) -> MailboxInfo {
    let mailboxes = store.mailboxes(account).await.unwrap();
    let inbox = mailboxes
        .into_iter()
        .find(|m| m.name == MailboxName::inbox());
    inbox.expect("every account has an inbox")
}

async fn all_entries(store: &dyn MailboxStore) -> Vec<crate::mailbox::MailboxEntry> {
    store.entries(ANNA, INBOX, 0, 10_000).await.unwrap()
}

async fn released_now(store: &dyn MailboxStore) -> HashSet<(AccountId, ContentId)> {
    let releases = store.releases(10_000).await.unwrap();
    releases.into_iter().map(pair).collect()
}

fn pair(release: Release) -> (AccountId, ContentId) {
    (release.account, release.content)
}
