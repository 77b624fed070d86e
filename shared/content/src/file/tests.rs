//! What this adapter promises beyond the port.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use message::ContentId;
use message::time::{ManualClock, SeededRandomness};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::durable::{Disk, SystemDisk};
use super::name::Slot;
use super::*;
use crate::conformance::{self, get, list_all, put, sample, trailer};
use crate::{ContentUrl, Stored, connect};

static SEED: AtomicU64 = AtomicU64::new(1);

/// Settings whose random numbers no other settings have.
fn settings(writer: Option<&str>) -> Settings {
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    Settings {
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

/// Flips a bit of a file.
fn damage(path: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut octet = [0];
    file.read_exact_at(&mut octet, at).unwrap();
    file.write_all_at(&[octet[0] ^ 1], at).unwrap();
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

/// A disk that can be told to fail, and that counts.
#[derive(Default)]
struct TestDisk {
    syncs: AtomicUsize,
    write_fails_after: Mutex<Option<usize>>,
    sync_fails: Mutex<bool>,
    /// Syncs wait while this is set.
    held: Mutex<bool>,
    released: Condvar,
}

impl TestDisk {
    fn hold(&self, hold: bool) {
        *self.held.lock().unwrap() = hold;
        self.released.notify_all();
    }
}

impl Disk for TestDisk {
    fn write(&self, file: &File, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let Some(room) = *self.write_fails_after.lock().unwrap() else {
            return SystemDisk.write(file, parts, offset);
        };
        let octets: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        file.write_all_at(&octets[..room.min(octets.len())], offset)?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        let mut held = self.held.lock().unwrap();
        self.syncs.fetch_add(1, Ordering::SeqCst);
        while *held {
            held = self.released.wait(held).unwrap();
        }
        if *self.sync_fails.lock().unwrap() {
            return Err(io::Error::from_raw_os_error(5));
        }
        SystemDisk.sync_file(file)
    }

    fn sync_directory(&self, directory: &File) -> io::Result<()> {
        SystemDisk.sync_directory(directory)
    }
}

async fn test_store(root: &Path, settings: Settings) -> (Arc<FileStore>, Arc<TestDisk>) {
    let disk = Arc::new(TestDisk::default());
    let store = FileStore::on_disk(root, settings, disk.clone())
        .await
        .unwrap();
    (Arc::new(store), disk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_shares_its_fsyncs_and_nobody_returns_before_one() {
    let root = TempDir::new().unwrap();
    let (store, disk) = test_store(root.path(), settings(Some("w"))).await;
    disk.hold(true);
    let mut writers = JoinSet::new();
    let mut spawn = |number: u128| {
        let store = Arc::clone(&store);
        writers.spawn(async move { put(&*store, &sample(5000, 1), 5000, number).await });
    };
    spawn(0);
    until("the first sync", || disk.syncs.load(Ordering::SeqCst) == 1).await;
    (1..=100).for_each(&mut spawn);
    // All of them queue behind the sync that is held.
    let commit = &store.writing.as_ref().unwrap().commit;
    until("a full queue", || commit.waiting() == 100).await;
    assert!(
        writers.try_join_next().is_none(),
        "no put returns before its fsync"
    );
    disk.hold(false);
    assert_eq!(writers.join_all().await.len(), 101);
    assert_eq!(disk.syncs.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_its_batch_and_no_other() {
    let root = TempDir::new().unwrap();
    let (store, disk) = test_store(root.path(), settings(Some("w"))).await;
    let before = put(&*store, b"before", 10, 1).await;
    for length in [1000, 200_000] {
        *disk.write_fails_after.lock().unwrap() = Some(700);
        let mut writer = store.create().await.unwrap();
        let failed = match writer.write(&sample(length, 1)).await {
            Ok(()) => writer.finish(trailer(2)).await.map(drop),
            Err(error) => Err(error),
        };
        let full = io::ErrorKind::StorageFull;
        assert!(matches!(failed, Err(Error::Io { source, .. }) if source.kind() == full));
        *disk.write_fails_after.lock().unwrap() = None;
    }
    let after = put(&*store, b"after", 10, 3).await;
    assert_eq!(
        get(&*store, &before.id).await.unwrap(),
        (b"before".into(), trailer(1))
    );
    assert_eq!(
        get(&*store, &after.id).await.unwrap(),
        (b"after".into(), trailer(3))
    );
    assert_eq!(list_all(&*store, 10).await.len(), 2);
    until("the partial file is gone", || {
        files(root.path(), "partial").is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fsync_is_told_once_and_ends_all_writing() {
    for length in [1000, 200_000] {
        let root = TempDir::new().unwrap();
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let on_sync_failure = Arc::new(move |error: &io::Error| {
            assert_eq!(error.raw_os_error(), Some(5));
            count.fetch_add(1, Ordering::SeqCst);
        });
        let settings = Settings {
            on_sync_failure,
            ..settings(Some("w"))
        };
        let (store, disk) = test_store(root.path(), settings).await;
        let before = put(&*store, b"before", 10, 1).await;
        let mut waiting = store.create().await.unwrap();
        waiting.write(b"waiting").await.unwrap();
        *disk.sync_fails.lock().unwrap() = true;
        let mut writer = store.create().await.unwrap();
        writer.write(&sample(length, 1)).await.unwrap();
        let stopped = writer.finish(trailer(2)).await;
        assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
        *disk.sync_fails.lock().unwrap() = false;
        assert!(matches!(
            waiting.finish(trailer(3)).await,
            Err(Error::Stopped)
        ));
        assert!(matches!(store.create().await.err(), Some(Error::Stopped)));
        assert_eq!(told.load(Ordering::SeqCst), 1);
        assert_eq!(get(&*store, &before.id).await.unwrap().0, b"before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_neither_listed_nor_written_behind() {
    let root = TempDir::new().unwrap();
    let first = put(&store(root.path(), "w").await, b"first", 10, 1).await;
    let segment = &files(root.path(), "segment")[0];
    let length = fs::metadata(segment).unwrap().len();
    let whole = fs::read(segment).unwrap();
    // Another record with its middle missing, then one cut short.
    let mut torn = whole.clone();
    torn.extend_from_slice(&[0; 640]);
    torn.extend_from_slice(&whole[..100]);
    fs::write(segment, &torn).unwrap();

    let store = store(root.path(), "w").await;
    assert_eq!(list_all(&store, 10).await.len(), 1);
    let second = put(&store, b"second", 10, 2).await;
    assert_eq!(fs::read(segment).unwrap(), torn);
    assert_eq!(files(root.path(), "segment").len(), 2);
    for (stored, octets) in [(first, "first"), (second, "second")] {
        assert_eq!(get(&store, &stored.id).await.unwrap().0, octets.as_bytes());
    }
    fs::write(segment, &whole[..length as usize - 1]).unwrap();
    assert_eq!(
        list_all(&store, 10).await.len(),
        1,
        "a record cut short is none"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damaged_octet_is_noticed_and_the_rest_stays_readable() {
    let root = TempDir::new().unwrap();
    let store = store(root.path(), "w").await;
    let mut stored = Vec::new();
    for number in 0..3 {
        stored.push(put(&store, &sample(300, number), 300, 1).await);
    }
    let segment = files(root.path(), "segment").remove(0);
    let record = fs::metadata(&segment).unwrap().len() / 3;
    let Stored { id, .. } = &stored[1];
    let padding = 7; // at most; it is of no meaning
    for at in record..2 * record - padding {
        damage(&segment, at);
        let Err(Error::Corrupt { file, offset, .. }) = get(&store, id).await else {
            panic!("octet {at} goes unnoticed");
        };
        assert_eq!(file, segment);
        assert!((record..=at).contains(&offset), "{offset} for {at}");
        damage(&segment, at);
    }
    damage(&segment, record + 40);
    let page = store.list(None, 10).await.unwrap();
    let listed: Vec<_> = page.contents.iter().map(|listed| &listed.id).collect();
    assert_eq!(listed, [&stored[0].id, &stored[2].id]);
    assert!(matches!(&page.damage[..], [Error::Corrupt { offset, .. }] if *offset == record));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_block_of_a_large_content_ends_its_reading() {
    let root = TempDir::new().unwrap();
    let store = store(root.path(), "w").await;
    let octets = sample(300_000, 1);
    let Stored { id, .. } = put(&store, &octets, 10_000, 1).await;
    damage(&files(root.path(), "content")[0], 150_000);
    let mut reader = store.open(&id).await.unwrap();
    for number in 0..2 {
        let chunk = reader.read().await.unwrap().unwrap();
        assert!(chunk == octets[number * 65_536..][..65_536]);
    }
    assert!(matches!(reader.read().await, Err(Error::Corrupt { .. })));
    assert!(!reader.read_range(280_000, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_removes_and_frees_what_it_did_not_write() {
    let root = TempDir::new().unwrap();
    let writer = store(root.path(), "w").await;
    let reclaimer = FileStore::open(root.path(), settings(None)).await.unwrap();
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(put(&writer, &sample(100_000, number), 100_000, 1).await.id);
    }
    let segment = files(root.path(), "segment").remove(0);
    let blocks = || fs::metadata(&segment).unwrap().blocks();
    let full = blocks();
    for id in &ids {
        reclaimer.remove(id).await.unwrap();
    }
    assert!(blocks() < full / 2, "{} of {full} blocks", blocks());
    assert!(segment.exists(), "its writer may still append");
    let last = put(&writer, b"last", 10, 1).await;
    drop(writer);
    until("the writer is gone", || {
        File::open(&segment).unwrap().try_lock().is_ok()
    })
    .await;
    assert_eq!(get(&reclaimer, &last.id).await.unwrap().0, b"last");
    reclaimer.remove(&last.id).await.unwrap();
    assert!(!segment.exists());
    for id in ids.iter().chain([&last.id]) {
        reclaimer.remove(id).await.unwrap();
        assert!(matches!(get(&reclaimer, id).await, Err(Error::NotFound(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_clears_a_dead_segment_that_was_locked_when_it_died() {
    let root = TempDir::new().unwrap();
    let writer = store(root.path(), "w").await;
    let Stored { id, .. } = put(&writer, b"only", 10, 1).await;
    writer.remove(&id).await.unwrap();
    assert_eq!(list_all(&writer, 10).await, []);
    let segment = files(root.path(), "segment").remove(0);
    drop(writer);
    until("the writer is gone", || {
        File::open(&segment).unwrap().try_lock().is_ok()
    })
    .await;
    let reclaimer = FileStore::open(root.path(), settings(None)).await.unwrap();
    assert_eq!(list_all(&reclaimer, 10).await, []);
    assert!(!segment.exists());
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

#[tokio::test(flavor = "multi_thread")]
async fn an_imitated_record_is_content_and_nothing_else() {
    let root = TempDir::new().unwrap();
    let store = store(root.path(), "w").await;
    put(&store, b"genuine", 10, 1).await;
    let other = TempDir::new().unwrap();
    put(
        &super::tests::store(other.path(), "w").await,
        b"forged",
        10,
        2,
    )
    .await;
    let forged = fs::read(&files(other.path(), "segment")[0]).unwrap();
    put(&store, &forged, 1000, 3).await;
    put(&store, b"later", 10, 4).await;
    let segment = &files(root.path(), "segment")[0];
    let second = list_all(&store, 10).await[1].clone();
    let Slot::Packed { offset, .. } = Location::parse(&second.id).unwrap().slot else {
        panic!()
    };
    damage(segment, offset.into());
    let page = store.list(None, 10).await.unwrap();
    assert_eq!((page.contents.len(), page.damage.len()), (2, 1));
}
