//! Measures the ledger: acceptances, and whole lives of local messages
//! (accepted, routed, recorded, closed), by many tasks at once.
//!
//! `cargo run --release -p store --example ledger_rate [DIRECTORY|redis [EACH]]`,
//! where the directory says on which disk the embedded engine is measured, and
//! `redis` starts a server of its own in the temporary directory; each task
//! takes that many messages.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use message::time::ManualClock;
use message::{
    AccountId, Body, Clock, ContentId, Destination, Diagnostic, EnhancedStatus, Envelope, JobKey,
    MessageId, Outcome, Protocol, Recipient, ReversePath, TraceContext, Transaction, Verdict,
};
use servers::RedisServer;
use store::directory::Via;
use store::ledger::{Acceptance, Decision, FinalRecipient, NewJob, Report, Route, Why};
use store::{EmbeddedStore, Ledger, RedisStore, StoreError, StoreOptions, Time};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;

const TASKS: u64 = 64;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A store, and what must live as long as it does.
struct Measured {
    ledger: Arc<dyn Ledger>,
    /// The process whose CPU is counted apart from ours.
    server: Option<RedisServer>,
    _folder: TempDir,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let engine = std::env::args_os().nth(1);
    let each = match std::env::args().nth(2) {
        Some(number) => number.parse()?,
        None => 500,
    };
    let clock = ManualClock::at("2026-11-23T15:05:00Z");
    let store = open(engine.map(PathBuf::from), clock.clone()).await?;
    measure("acceptances", &store, each, 0, |number| {
        let ledger = store.ledger.clone();
        async move { accept(&*ledger, number).await }
    })
    .await?;
    measure("whole lives", &store, each, TASKS * each, |number| {
        let (ledger, clock) = (store.ledger.clone(), clock.clone());
        async move { live(&*ledger, &clock, number).await }
    })
    .await
}

async fn open(engine: Option<PathBuf>, clock: ManualClock) -> Result<Measured, Failure> {
    let options = StoreOptions::default();
    if engine.as_deref().is_some_and(|engine| engine == "redis") {
        let server = RedisServer::start("").await?;
        store::init(&server.url()).await?;
        let store = RedisStore::connect(&server.url(), options, Time::Server).await?;
        return Ok(Measured {
            ledger: Arc::new(store),
            server: Some(server),
            _folder: tempfile::tempdir()?,
        });
    }
    let folder = tempfile::tempdir_in(engine.unwrap_or_else(std::env::temp_dir))?;
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    let store = EmbeddedStore::open(folder.path(), options, Arc::new(clock), fail)?;
    Ok(Measured {
        ledger: Arc::new(store),
        server: None,
        _folder: folder,
    })
}

/// Runs `work` on numbers from `first` on, and prints its rate and cost.
async fn measure<F>(
    name: &str,
    store: &Measured,
    each: u64,
    first: u64,
    work: impl Fn(u64) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let server = store.server.as_ref().and_then(RedisServer::pid);
    let (started, ours, theirs) = (Instant::now(), cpu_time(None)?, cpu_time(server)?);
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
    let cost = |used: Duration| used.as_secs_f64() * 1e6 / count;
    let ours = cost(cpu_time(None)? - ours);
    print!("{TASKS} tasks at once: {rate:.0} {name}/s, {ours:.0} µs of CPU each");
    if server.is_some() {
        print!(", {:.0} µs of the server", cost(cpu_time(server)? - theirs));
    }
    println!();
    Ok(())
}

/// What a process, or this one, has used of user and system time.
fn cpu_time(process: Option<u32>) -> Result<Duration, Failure> {
    let process = process.map_or_else(|| "self".to_owned(), |id| id.to_string());
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
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

async fn accept(ledger: &dyn Ledger, number: u64) -> Result<(), StoreError> {
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
    ledger.accept(acceptance).await.map(drop)
}

async fn live(ledger: &dyn Ledger, clock: &ManualClock, number: u64) -> Result<(), StoreError> {
    accept(ledger, number).await?;
    let account = AccountId::from_bits(number % 100);
    ledger.record_route(message(number), route(account)).await?;
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
    ledger.record(key, 0, report).await.map(drop)
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
