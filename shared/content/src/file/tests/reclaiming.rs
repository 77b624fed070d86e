//! Space comes back, whoever wrote it.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use tempfile::TempDir;

use super::{files, settings, store, until};
use crate::conformance::{get, list_all, put, sample};
use crate::file::FileStore;
use crate::{ContentStore, Error, Stored};

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
