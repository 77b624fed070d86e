//! Measures the embedded store: durable appends, one at a time and by many
//! tasks at once.
//!
//! `cargo run --release -p store --example append_rate [DIRECTORY [EACH]]`, where
//! the directory says which disk is measured, and each task appends that often.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use message::time::ManualClock;
use message::{AccountId, MessageId, Timestamp};
use store::mailbox::{Appended, MailboxName, NewEntry, Quota};
use store::{EmbeddedStore, MailboxStore, StoreError, StoreOptions};
use tokio::task::JoinSet;
use tokio::time::Instant;

const TASKS: u64 = 64;
const ALONE: u64 = 1_000;
/// Appends spread over this many accounts.
const ACCOUNTS: u64 = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let each = match std::env::args().nth(2) {
        Some(number) => number.parse()?,
        None => 500,
    };
    let folder = tempfile::tempdir_in(parent)?;
    let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    let store = EmbeddedStore::open(folder.path(), StoreOptions::default(), clock, fail)?;
    let store = Arc::new(store);
    append_together(&store, each).await?;
    append_alone(&store, TASKS * each).await?;
    Ok(())
}

async fn append_together(store: &Arc<EmbeddedStore>, each: u64) -> Result<(), StoreError> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..each {
                append(&store, task * each + number).await?;
            }
            Ok::<_, StoreError>(())
        });
    }
    for result in tasks.join_all().await {
        result?;
    }
    let rate = (TASKS * each) as f64 / started.elapsed().as_secs_f64();
    println!("{TASKS} tasks at once: {rate:.0} appends/s");
    Ok(())
}

async fn append_alone(store: &EmbeddedStore, first: u64) -> Result<(), StoreError> {
    let mut took = Vec::new();
    for number in first..first + ALONE {
        let started = Instant::now();
        append(store, number).await?;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    let at = |percent: usize| -> Duration { took[(took.len() - 1) * percent / 100] };
    println!("one at a time: p50 {:?}, p99 {:?}", at(50), at(99));
    Ok(())
}

async fn append(store: &EmbeddedStore, number: u64) -> Result<(), StoreError> {
    let content = format!("0192f0c1-{number:024x}");
    let entry = NewEntry {
        delivery: Some(MessageId::from_bits(number.into())),
        content: content.parse().expect("a content id"),
        prefix: "Return-Path: <sender@example.net>\r\nDelivered-To: <anna@example.org>\r\n".into(),
        size: 20_000,
        internal_date: Timestamp::UNIX_EPOCH,
        flags: Vec::new(),
    };
    let account = AccountId::from_bits(number % ACCOUNTS);
    let appended = store
        .append(account, &MailboxName::inbox(), entry, Quota::NONE)
        .await?;
    let stored = matches!(appended, Appended::Stored { .. });
    assert!(stored, "message {number} is new");
    Ok(())
}
