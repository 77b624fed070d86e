//! 100,000 deferred jobs: what they cost in memory, and that a restart finds them.
//!
//! Takes its time, so `tests/soak` asks for it; `ROHRPOST_TEST_JOBS` says how many.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use content::Trailer;
use message::{
    Clock, ContentId, Diagnostic, EnhancedStatus, JobKey, MessageId, Outcome, TraceContext, Verdict,
};
use store::Ledger;
use store::ledger::{
    Acceptance, Decision, FinalRecipient, NewJob, Recorded, Report, Retry, Route, Why,
};
use tempfile::TempDir;
use tokio::task::JoinSet;
use world::{Sink, World, envelope, eventually};

const JOBS: usize = 100_000;
/// The jobs are for so many destinations, of which one can be reached.
const DESTINATIONS: usize = 100;
/// What they may cost, the store's cache of its file included.
const FEW_MIB: usize = 8 << 20;
const HOUR: Duration = Duration::from_secs(3600);
/// Says to a process of this test which folder it is to measure.
const FOLDER: &str = "ROHRPOST_TEST_FOLDER";

fn jobs() -> usize {
    let given = std::env::var("ROHRPOST_TEST_JOBS").ok();
    given.map_or(JOBS, |jobs| jobs.parse().unwrap())
}

#[tokio::test]
#[ignore = "tests/soak runs it"]
async fn deferred_jobs_cost_a_few_mib_and_survive_a_restart() {
    let (empty, full) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fall_asleep(&World::over(full.path()).await, jobs()).await;
    let without = memory(empty.path());
    let with = memory(full.path());
    let cost = with.saturating_sub(without);
    println!(
        "{} deferred jobs cost {} KiB: {} KiB without, {} KiB with them",
        jobs(),
        cost >> 10,
        without >> 10,
        with >> 10
    );
    assert!(cost < FEW_MIB, "{cost} octets");
    awake(full.path()).await;
}

/// After a restart, and once they are due, those for a host that is there go out.
async fn awake(folder: &Path) {
    let mut world = World::over(folder).await;
    let sink = Sink::start().await;
    world.config.relay.port = sink.address().port();
    world.zone = "d0.example A 127.0.0.1\n".into();
    for number in 1..DESTINATIONS {
        world
            .zone
            .push_str(&format!("d{number}.example A 127.0.0.2\n"));
    }
    let counts = world.ledger.counts().await.unwrap();
    assert_eq!(counts.in_flight, jobs() as u64);
    world.start();
    world.clock.advance(2 * HOUR);
    let expected = jobs().div_ceil(DESTINATIONS);
    eventually("mail for the host that is there", async || {
        sink.mails().len() == expected
    })
    .await;
    world.stop().await;
}

/// What a relay takes over the store in `folder`, measured in another process.
fn memory(folder: &Path) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "measured", "--ignored", "--nocapture"]);
    let said = child.env(FOLDER, folder).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let line = said.lines().find_map(|line| line.strip_prefix("resident "));
    line.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn measured() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut world = World::over(Path::new(&folder)).await;
    world.start();
    // A minute of sweeps, each in its turn.
    for _ in 0..60 {
        world.pass(Duration::from_secs(1)).await;
    }
    println!("\nresident {}", resident());
    world.stop().await;
}

/// The memory of this process that is in use, in octets.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() << 10
}

/// Puts so many jobs of so many messages to sleep for an hour.
async fn fall_asleep(world: &World, count: usize) {
    let mut writer = world.content.create().await.unwrap();
    writer.write(b"Subject: hi\r\n\r\n").await.unwrap();
    let trailer = Trailer {
        message: MessageId::from_bits(1),
        prefix: Bytes::new(),
        envelope: None,
    };
    let stored = writer.finish(trailer).await.unwrap();
    let due = world.clock.now() + HOUR;
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (ledger, content) = (world.ledger.clone(), stored.id.clone());
        tasks.spawn(async move { put_to_sleep(ledger, number, content, due).await });
        if tasks.len() == 256 {
            tasks.join_next().await.unwrap().unwrap();
        }
    }
    tasks.join_all().await;
}

async fn put_to_sleep(
    ledger: Arc<dyn Ledger>,
    number: usize,
    content: ContentId,
    due: message::Timestamp,
) {
    let message = MessageId::from_bits(number as u128 + 1);
    let domain = format!("d{}.example", number % DESTINATIONS);
    let envelope = envelope(&[&format!("bob@{domain}")]);
    let recipient = FinalRecipient {
        address: envelope.recipients[0].address.clone(),
        account: None,
        originals: vec![0],
    };
    let decision = Decision {
        original: 0,
        why: Why::Dns,
        chain: Vec::new(),
        to: Some(recipient.address.clone()),
        outcome: None,
    };
    let job = NewJob {
        destination: domain.parse().unwrap(),
        return_path: envelope.return_path.clone(),
        recipients: vec![recipient],
        passed_on_by: Vec::new(),
        expanded: Vec::new(),
    };
    let acceptance = Acceptance {
        message,
        envelope,
        content,
        size: 15,
        trace: TraceContext {
            trace: message,
            span: 0,
            sampled: false,
        },
        notice_of: None,
    };
    ledger.accept(acceptance).await.unwrap();
    let route = Route {
        decisions: vec![decision],
        jobs: vec![job],
    };
    ledger.record_route(message, route).await.unwrap().unwrap();
    let deferred = Outcome {
        verdict: Verdict::Deferred,
        status: EnhancedStatus::new(4, 4, 1),
        diagnostic: Diagnostic::ours("no host answers"),
        at: due - HOUR,
    };
    let report = Report {
        outcomes: vec![(0, deferred)],
        attempts: Vec::new(),
        retry: Some(Retry {
            due,
            warn_at: due + 4 * HOUR,
            until: due + 100 * HOUR,
        }),
    };
    let recorded = ledger.record(JobKey::work(message, 0), 0, report).await;
    assert!(matches!(recorded.unwrap(), Recorded::Stored { .. }));
}
