//! Summaries cost few files, and are missing rather than wrong.

use std::fs;
use std::os::unix::fs::MetadataExt;

use message::ContentId;
use tempfile::TempDir;

use super::{files, settings, store};
use crate::conformance::{get, put, sample};
use crate::file::FileStore;
use crate::{ContentStore, Stored};

/// Small contents, each with a summary of 500 octets.
async fn summed_up(store: &FileStore, count: u64) -> Vec<ContentId> {
    let mut ids = Vec::new();
    for number in 0..count {
        let Stored { id, .. } = put(store, &sample(700, number), 700, number.into()).await;
        store.keep_summary(&id, &sample(500, number)).await;
        ids.push(id);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn many_summaries_share_a_file_and_others_read_it() {
    let root = TempDir::new().unwrap();
    let ids = summed_up(&store(root.path(), "w").await, 300).await;
    let summaries = files(root.path(), "summaries");
    assert_eq!(summaries.len(), 1);
    let taken = fs::metadata(&summaries[0]).unwrap().blocks() * 512;
    assert!(taken < 300 * 1000, "{taken} octets on disk");
    let reader = FileStore::open(root.path(), settings(None)).await.unwrap();
    let read = reader.summaries(&ids).await;
    for (number, summary) in read.iter().enumerate() {
        assert!(
            summary.as_deref() == Some(&sample(500, number as u64)),
            "{number}"
        );
    }
    assert_eq!(files(root.path(), "partial").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn summaries_go_with_their_segment() {
    let root = TempDir::new().unwrap();
    let ids = summed_up(&store(root.path(), "w").await, 3).await;
    let next = store(root.path(), "w").await;
    let sealed = files(root.path(), "segment").remove(0);
    super::until("the writer is gone", || {
        fs::File::open(&sealed).unwrap().try_lock().is_ok()
    })
    .await;
    for id in &ids {
        next.remove(id).await.unwrap();
        next.keep_summary(id, b"too late").await;
        assert_eq!(next.summary(id).await, None);
    }
    assert!(files(root.path(), "segment").is_empty());
    assert!(files(root.path(), "summaries").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_summary_is_none_and_its_content_is_whole() {
    let root = TempDir::new().unwrap();
    let store = store(root.path(), "w").await;
    let small = summed_up(&store, 1).await.remove(0);
    let Stored { id: long, .. } = put(&store, &sample(200_000, 1), 1000, 1).await;
    store.keep_summary(&long, b"of a long one").await;
    for (id, extension) in [(&small, "summaries"), (&long, "content")] {
        let path = files(root.path(), extension).remove(0);
        let octets = fs::read(&path).unwrap();
        for cut in 1..20 {
            let mut damaged = octets.clone();
            let at = octets.len() - cut.min(octets.len() / 2);
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(store.summary(id).await, None, "{cut}");
            fs::write(&path, &octets[..at]).unwrap();
            assert_eq!(store.summary(id).await, None, "{cut}");
            get(&store, id).await.unwrap();
        }
        fs::write(&path, &octets).unwrap();
        assert!(store.summary(id).await.is_some());
        store.keep_summary(id, b"computed again").await;
        assert_eq!(
            store.summary(id).await.as_deref(),
            Some(&b"computed again"[..])
        );
    }
}
