//! Measures the ledger on the embedded engine: acceptances, and whole lives of
//! local messages (accepted, routed, recorded, closed), by many tasks at once.
//!
//! `cargo run --release -p store --example ledger_rate [DIRECTORY [EACH]]`, where
//! the directory says which disk is measured, and each task takes that many
//! messages.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use message::time::ManualClock;
use message::{
    AccountId, Body, Clock, ContentId, Destination, Diagnostic, EnhancedStatus, Envelope, JobKey,
    MessageId, Outcome, Protocol, Recipient, ReversePath, TraceContext, Transaction, Verdict,
};
use store::directory::Via;
use store::ledger::{
    Acceptance, Decision, Entries, FinalRecipient, Jobs, NewJob, Report, Route, Routes, Why,
};
use store::{EmbeddedStore, StoreError, StoreOptions};
use tokio::task::JoinSet;
use tokio::time::Instant;

const TASKS: u64 = 64;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let each = match std::env::args().nth(2) {
        Some(number) => number.parse()?,
        None => 500,
    };
    let folder = tempfile::tempdir_in(parent)?;
    let clock = ManualClock::at("2026-11-23T15:05:00Z");
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    let options = StoreOptions::default();
    let store = EmbeddedStore::open(folder.path(), options, Arc::new(clock.clone()), fail)?;
    let store = Arc::new(store);
    measure("acceptances", each, 0, |number| {
        let store = store.clone();
        async move { accept(&store, number).await }
    })
    .await?;
    measure("whole lives", each, TASKS * each, |number| {
        let (store, clock) = (store.clone(), clock.clone());
        async move { live(&store, &clock, number).await }
    })
    .await
}

/// Runs `work` on numbers from `first` on, and prints its rate and cost.
async fn measure<F>(
    name: &str,
    each: u64,
    first: u64,
    work: impl Fn(u64) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let (started, cpu) = (Instant::now(), cpu_time()?);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let numbers = (0..each).map(|number| work(first + task * each + number));
        let works: Vec<F> = numbers.collect();
        tasks.spawn(async move {
            for work in works {
                work.await?;
            }
            Ok::<_, StoreError>(())
        });
    }
    for result in tasks.join_all().await {
        result?;
    }
    let count = (TASKS * each) as f64;
    let rate = count / started.elapsed().as_secs_f64();
    let cost = (cpu_time()? - cpu).as_secs_f64() * 1e6 / count;
    println!("{TASKS} tasks at once: {rate:.0} {name}/s, {cost:.0} µs of CPU each");
    Ok(())
}

/// What the process has used of user and system time.
fn cpu_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no process name")?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || {
        fields
            .next()
            .ok_or("no times")?
            .parse::<u64>()
            .map_err(Failure::from)
    };
    Ok(Duration::from_millis((ticks()? + ticks()?) * 10))
}

async fn accept(store: &EmbeddedStore, number: u64) -> Result<(), StoreError> {
    let message = message(number);
    let recipient = Recipient::new(address("bob@example.org"));
    let acceptance = Acceptance {
        message,
        envelope: Envelope {
            return_path: ReversePath::Address(address("alice@example.org")),
            recipients: vec![recipient],
            ret: None,
            envelope_id: None,
            body: Body::EightBit,
            smtputf8: false,
            transaction: Transaction {
                protocol: Protocol::Esmtp {
                    tls: true,
                    auth: true,
                    utf8: false,
                },
                client: Some([127, 0, 0, 1].into()),
                helo: Some("client.example".into()),
                account: Some(AccountId::from_bits(number % 100)),
                tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384".into()),
            },
        },
        content: content(number),
        size: 4_000,
        trace: TraceContext {
            trace: message,
            span: number,
            sampled: true,
        },
        notice_of: None,
    };
    store.accept(acceptance).await.map(drop)
}

async fn live(store: &EmbeddedStore, clock: &ManualClock, number: u64) -> Result<(), StoreError> {
    accept(store, number).await?;
    let account = AccountId::from_bits(number % 100);
    store.record_route(message(number), route(account)).await?;
    let outcome = Outcome {
        verdict: Verdict::Delivered,
        status: EnhancedStatus::new(2, 0, 0),
        diagnostic: Diagnostic::ours("in the mailbox"),
        at: clock.now(),
    };
    let report = Report {
        outcomes: vec![(0, outcome)],
        attempts: Vec::new(),
        retry: None,
    };
    let key = JobKey::work(message(number), 0);
    store.record(key, 0, report).await.map(drop)
}

fn route(account: AccountId) -> Route {
    Route {
        decisions: vec![Decision {
            original: 0,
            why: Why::Account(Via::Exact),
            chain: Vec::new(),
            to: Some(address("bob@example.org")),
            outcome: None,
        }],
        jobs: vec![NewJob {
            destination: Destination::Local,
            return_path: ReversePath::Address(address("alice@example.org")),
            recipients: vec![FinalRecipient {
                address: address("bob@example.org"),
                account: Some(account),
                originals: vec![0],
            }],
            passed_on_by: Vec::new(),
            expanded: Vec::new(),
        }],
    }
}

/// Spread as ids of one time are.
fn message(number: u64) -> MessageId {
    let random = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    MessageId::from_bits(u128::from(number / 1_000) << 80 | random)
}

fn content(number: u64) -> ContentId {
    format!("0191f0c8-{number:024x}")
        .parse()
        .expect("a content id")
}

fn address(text: &str) -> message::Address {
    text.parse().expect("an address")
}
