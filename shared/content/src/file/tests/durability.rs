//! What is confirmed is durable, and what follows when the disk fails.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{files, settings, until};
use crate::conformance::{get, list_all, put, sample, trailer};
use crate::file::FileStore;
use crate::file::durable::{Disk, SystemDisk};
use crate::{ContentStore, Error, Settings};

/// A disk that can be told to fail, and that counts.
#[derive(Default)]
struct TestDisk {
    syncs: AtomicUsize,
    write_fails_after: Mutex<Option<usize>>,
    sync_fails: Mutex<bool>,
    free: AtomicU64,
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

    fn free(&self, _directory: &File) -> io::Result<u64> {
        Ok(self.free.load(Ordering::SeqCst))
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

#[tokio::test]
async fn what_shall_stay_free_stays_free() {
    let root = TempDir::new().unwrap();
    let settings = Settings {
        min_free: 1000,
        ..settings(Some("w"))
    };
    let (store, disk) = test_store(root.path(), settings).await;
    let is_full = |error: &Error| match error {
        Error::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
        _ => false,
    };
    disk.free.store(999, Ordering::SeqCst);
    assert!(store.create().await.err().is_some_and(|e| is_full(&e)));

    disk.free.store(1000, Ordering::SeqCst);
    let small = put(&*store, &sample(5000, 1), 5000, 1).await;
    let mut large = store.create().await.unwrap();
    disk.free.store(999, Ordering::SeqCst);
    let refused = large.write(&sample(1 << 20, 2)).await.unwrap_err();
    assert!(is_full(&refused), "{refused}");
    let (octets, _) = get(&*store, &small.id).await.unwrap();
    assert_eq!(octets, sample(5000, 1));
}
