//! What this adapter promises beyond the port.

mod damage;
mod durability;
mod reclaiming;
mod sharing;
mod summaries;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use message::ContentId;
use message::time::{ManualClock, SeededRandomness};
use tempfile::TempDir;

use super::FileStore;
use crate::conformance::{self, get, list_all, put, sample, trailer};
use crate::{ContentStore, ContentUrl, Error, Settings, Stored, connect};

static SEED: AtomicU64 = AtomicU64::new(1);

/// Settings whose random numbers no other settings have.
fn settings(writer: Option<&str>) -> Settings {
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    Settings {
        min_free: 0,
        on_sync_failure: Arc::new(|_| {}),
        ..Settings::new(
            writer.map(|name| name.parse().unwrap()),
            Arc::new(ManualClock::at("2026-11-23T15:05:00Z")),
            Arc::new(SeededRandomness::new(seed)),
        )
    }
}

async fn store(root: &Path, writer: &str) -> FileStore {
    FileStore::open(root, settings(Some(writer))).await.unwrap()
}

/// The files below `root` whose names end so.
fn files(root: &Path, extension: &str) -> Vec<PathBuf> {
    let directories = fs::read_dir(root).unwrap().map(|d| d.unwrap().path());
    let files = directories.flat_map(|d| fs::read_dir(d).unwrap().map(|f| f.unwrap().path()));
    files
        .filter(|f| f.extension().is_some_and(|e| e == extension))
        .collect()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_adapter_keeps_the_contract() {
    let root = TempDir::new().unwrap();
    let number = AtomicUsize::new(0);
    conformance::check_all(|| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let root = root.path().join(number.to_string());
        async move {
            let url = ContentUrl::File(root);
            connect(&url, settings(Some("w"))).await.unwrap()
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_reads_on_and_clears_what_was_unfinished() {
    let root = TempDir::new().unwrap();
    // Even the same random numbers give no name twice.
    let same = settings(Some("w"));
    let repeated = || Settings {
        random: Arc::new(SeededRandomness::new(7)),
        ..same.clone()
    };
    let mut ids: Vec<ContentId> = Vec::new();
    for run in 0..3 {
        let store = FileStore::open(root.path(), repeated()).await.unwrap();
        for length in [100, 200_000] {
            ids.push(
                put(&store, &sample(length, run), length, run.into())
                    .await
                    .id,
            );
        }
        let partial = root.path().join("w").join(format!("{run:032x}.partial"));
        fs::write(partial, b"left by a crash").unwrap();
    }
    let store = FileStore::open(root.path(), repeated()).await.unwrap();
    assert!(files(root.path(), "partial").is_empty());
    assert_eq!(list_all(&store, 2).await.len(), 6);
    for (number, id) in ids.iter().enumerate() {
        let run = number as u64 / 2;
        let length = if number % 2 == 0 { 100 } else { 200_000 };
        assert!(get(&store, id).await.unwrap().0 == sample(length, run));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_mebibytes_pass_through_little_memory() {
    const PIECE: usize = 1 << 20;
    let root = TempDir::new().unwrap();
    let store = store(root.path(), "w").await;
    let piece = sample(PIECE, 9);
    let mut writer = store.create().await.unwrap();
    let peak = peak_memory();
    for _ in 0..50 {
        writer.write(&piece).await.unwrap();
    }
    let Stored { id, octets } = writer.finish(trailer(1)).await.unwrap();
    assert_eq!(octets, 50 << 20);
    let mut reader = store.open(&id).await.unwrap();
    let mut position = 0;
    while let Some(chunk) = reader.read().await.unwrap() {
        assert!(chunk == piece[position % PIECE..][..chunk.len()]);
        position += chunk.len();
    }
    assert_eq!(position as u64, octets);
    let grown = peak_memory() - peak;
    // Other tests run beside this one; all of it held at once would be more.
    assert!(grown < 32 * 1024, "memory grew by {grown} KiB");
}

/// The most memory this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_may_look() {
    let root = TempDir::new().unwrap();
    let store = store(&root.path().join("deep/root"), "w").await;
    put(&store, &sample(100, 1), 100, 1).await;
    put(&store, &sample(200_000, 1), 1000, 1).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let inner = root.path().join("deep/root");
    for directory in [root.path().join("deep"), inner.clone(), inner.join("w")] {
        assert_eq!(mode(&directory), 0o700, "{}", directory.display());
    }
    for file in [files(&inner, "segment"), files(&inner, "content")].concat() {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_writes_nothing() {
    let root = TempDir::new().unwrap();
    let absent = root.path().join("absent");
    let reader = FileStore::open(&absent, settings(None)).await.unwrap();
    assert!(matches!(reader.create().await.err(), Some(Error::ReadOnly)));
    assert_eq!(list_all(&reader, 10).await, []);
    assert!(!absent.exists());
}
