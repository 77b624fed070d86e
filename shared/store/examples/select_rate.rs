//! How long a mailbox of 100,000 entries takes to be selected, what came since to
//! be told, and many of them to be copied in one step: `cargo run --release -p store
//! --example select_rate -- [redis://…]`, without a URL on the embedded engine.

#![allow(clippy::unwrap_used, reason = "a measurement that fails is to end")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::sync::Arc;
use std::time::Instant;

use message::time::ManualClock;
use message::{AccountId, Timestamp};
use store::StoreOptions;
use store::mailbox::{
    Flag, FlagChange, MAX_COPIED, MAX_TOGETHER, MailboxId, MailboxName, NewEntry, Quota,
};

const ENTRIES: usize = 100_000;
const ANNA: AccountId = AccountId::from_bits(1);

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    let url = std::env::args().nth(1).unwrap_or("embedded".to_owned());
    store::init(&url).await.unwrap();
    let stores = store::connect(&url, folder.path(), StoreOptions::default(), clock, fail).await;
    let store = stores.unwrap().mailbox;
    let inbox = MailboxName::inbox();
    let begun = Instant::now();
    for chunk in 0..ENTRIES / MAX_TOGETHER {
        let entries = (0..MAX_TOGETHER).map(|n| entry(chunk * MAX_TOGETHER + n));
        store
            .append_all(ANNA, &inbox, entries.collect(), Quota::NONE)
            .await
            .unwrap();
    }
    println!("appended {ENTRIES} in {:?}", begun.elapsed());
    for _ in 0..3 {
        let begun = Instant::now();
        let states = store
            .states(ANNA, MailboxId::INBOX, 0, ENTRIES)
            .await
            .unwrap();
        println!("{} states in {:?}", states.len(), begun.elapsed());
    }
    let info = store.mailbox(ANNA, MailboxId::INBOX).await.unwrap();
    let known = info.unwrap().highest_modseq;
    let uids: Vec<_> = (1..=1_000).map(|n| n * 97).collect();
    let begun = Instant::now();
    let change = FlagChange::Add(vec![Flag::Seen]);
    store
        .store_flags(ANNA, MailboxId::INBOX, &uids, &change, None)
        .await
        .unwrap();
    println!("changed {} in {:?}", uids.len(), begun.elapsed());
    let begun = Instant::now();
    let delta = store
        .delta(ANNA, MailboxId::INBOX, known, ENTRIES)
        .await
        .unwrap()
        .unwrap();
    println!("delta of {} in {:?}", delta.changed.len(), begun.elapsed());
    let begun = Instant::now();
    let measures = store
        .measures(ANNA, MailboxId::INBOX, 0, ENTRIES)
        .await
        .unwrap();
    println!("{} measures in {:?}", measures.len(), begun.elapsed());
    let (sent, uids): (_, Vec<_>) = (MailboxId::from_number(2), (1..=MAX_COPIED as u32).collect());
    let begun = Instant::now();
    store
        .copy(ANNA, MailboxId::INBOX, &uids, sent, Quota::NONE)
        .await
        .unwrap();
    println!("copied {} in {:?}", uids.len(), begun.elapsed());
}

fn entry(number: usize) -> NewEntry {
    NewEntry {
        delivery: None,
        content: format!("0123456789abcdef.{number:08}").parse().unwrap(),
        prefix: format!("Return-Path: <sender-{number}@example.net>\r\n"),
        size: 4_096,
        internal_date: Timestamp::UNIX_EPOCH,
        flags: if number.is_multiple_of(2) {
            vec![Flag::Seen]
        } else {
            vec![Flag::Keyword("$Forwarded".parse().unwrap())]
        },
    }
}
