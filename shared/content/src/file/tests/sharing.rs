//! Instances of one service write under one name at the same time, and one of
//! them is killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use message::ContentId;
use message::time::SeededRandomness;
use tempfile::TempDir;

use super::{files, settings, store};
use crate::conformance::{get, list_all, put, sample, trailer};
use crate::file::FileStore;
use crate::{ContentStore, Settings, Writer};

/// Tells the other process where to write.
const ROOT: &str = "ROHRPOST_TEST_SHARED_ROOT";
/// One length that is packed into a segment, and one that has a file of its own.
const LENGTHS: [usize; 2] = [1000, 200_000];

/// A content that is being written, with a file on its way.
async fn unfinished(store: &FileStore) -> Box<dyn Writer> {
    let mut writer = store.create().await.unwrap();
    writer.write(&sample(1 << 20, 1)).await.unwrap();
    writer
}

/// Another process that writes under the same name until it is killed.
struct Other(Child);

impl Other {
    fn start(root: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "file::tests::sharing::the_other_process"])
            .args(["--ignored", "--nocapture"])
            .env(ROOT, root)
            .stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// What it confirms, line by line, until nothing comes any more.
    fn confirmed(&mut self) -> impl Iterator<Item = (ContentId, usize)> + use<> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        lines.map_while(Result::ok).filter_map(|line| {
            let (id, length) = line.strip_prefix("kept ")?.split_once(' ')?;
            Some((id.parse().ok()?, length.parse().ok()?))
        })
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other process of the test below, which starts it"]
async fn the_other_process() {
    let Some(root) = std::env::var_os(ROOT) else {
        return;
    };
    let settings = Settings {
        random: Arc::new(SeededRandomness::new(u64::MAX)),
        ..settings(Some("w"))
    };
    let store = FileStore::open(root.as_ref(), settings).await.unwrap();
    let _on_its_way = unfinished(&store).await;
    for length in LENGTHS.into_iter().cycle() {
        let kept = put(&store, &sample(length, 2), length, 2).await;
        println!("\nkept {} {length}", kept.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_that_share_a_name_is_killed() {
    let root = TempDir::new().unwrap();
    let ours = store(root.path(), "w").await;
    let on_its_way = unfinished(&ours).await;

    let mut other = Other::start(root.path());
    let mut told = other.confirmed();
    let mut kept: BTreeMap<ContentId, (usize, u64)> = BTreeMap::new();
    for number in 0..20 {
        let (id, length) = told.next().expect("the other process writes on");
        kept.insert(id, (length, 2));
        let length = LENGTHS[number % 2];
        let mine = put(&ours, &sample(length, 3), length, 3).await;
        kept.insert(mine.id, (length, 3));
        // A third one starts, and clears away nothing that has an owner.
        drop(store(root.path(), "w").await);
    }
    assert!(files(root.path(), "partial").len() >= 2);
    other.kill();
    kept.extend(told.map(|(id, length)| (id, (length, 2))));
    assert!(files(root.path(), "partial").len() >= 2);

    let heir = store(root.path(), "w").await;
    assert_eq!(files(root.path(), "partial").len(), 1, "ours is not left");
    let last = on_its_way.finish(trailer(4)).await.unwrap();
    let listed = list_all(&heir, 100).await;
    for (id, (length, seed)) in &kept {
        assert!(get(&heir, id).await.unwrap().0 == sample(*length, *seed));
        assert!(listed.iter().any(|content| content.id == *id), "{id}");
    }
    assert_eq!(heir.open(&last.id).await.unwrap().octets(), 1 << 20);
    assert!(files(root.path(), "partial").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_disturbs_nobody_who_writes() {
    let root = TempDir::new().unwrap();
    let ours = store(root.path(), "w").await;
    let done = Arc::new(AtomicBool::new(false));
    let starting: Vec<_> = (0..2)
        .map(|_| {
            let (root, done) = (root.path().to_owned(), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    store(&root, "w").await;
                }
            })
        })
        .collect();
    for _ in 0..100 {
        put(&ours, &sample(200_000, 1), 200_000, 1).await;
    }
    done.store(true, Ordering::Relaxed);
    for each in starting {
        each.await.unwrap();
    }
    assert_eq!(list_all(&ours, 200).await.len(), 100);
}
