use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use message::Randomness;
use message::time::SeededRandomness;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::key::Space;
use super::*;
use crate::embedded::key::Key;

const JOURNAL: u64 = 64 << 10;

fn open(directory: &Path) -> Result<Engine, StoreError> {
    Engine::open(
        directory,
        1 << 20,
        JOURNAL,
        Arc::new(|error| panic!("{error}")),
    )
}

fn row(number: u64) -> Key {
    Key::new(Space::Checkpoint).text("row").u64(number)
}

async fn put(engine: &Engine, durability: Durability, number: u64) {
    let step = move |step: &mut Step<'_>| {
        step.put(row(number), number.to_be_bytes().to_vec());
        Ok(())
    };
    engine.write(durability, step).await.unwrap();
}

fn rows(engine: &Engine) -> Vec<u64> {
    engine
        .read(|snapshot| {
            let mut numbers = Vec::new();
            snapshot.scan(
                &Key::new(Space::Checkpoint).text("row"),
                None,
                &mut |_, value| {
                    numbers.push(u64::from_be_bytes(value.try_into().unwrap()));
                    Ok(true)
                },
            )?;
            Ok(numbers)
        })
        .unwrap()
}

/// The files as a crash at this moment leaves them.
fn crash_image(directory: &Path) -> TempDir {
    let image = TempDir::new().unwrap();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), image.path().join(file.file_name())).unwrap();
    }
    image
}

#[tokio::test]
async fn a_failed_step_leaves_nothing_behind() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    let failed = engine
        .write(Durability::Durable, |step| {
            step.put(row(1), vec![0; 8]);
            Err::<(), _>(StoreError::Full("no".into()))
        })
        .await;
    assert!(matches!(failed, Err(StoreError::Full(_))));
    let panicked = engine
        .write(Durability::Durable, |step| {
            step.put(row(2), vec![0; 8]);
            let nothing: Option<()> = None;
            nothing.ok_or(()).map_err(|()| panic!("on purpose"))
        })
        .await;
    assert!(matches!(panicked, Err::<(), _>(StoreError::Unavailable(_))));
    put(&engine, Durability::Durable, 3).await;
    assert_eq!(rows(&engine), [3]);
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    // Enough to fill the journal several times over.
    for number in 0..2000 {
        let durability = if number % 3 == 0 {
            Durability::Relaxed
        } else {
            Durability::Durable
        };
        put(&engine, durability, number).await;
        if number % 500 == 0 {
            let image = crash_image(directory.path());
            let reopened = open(image.path()).unwrap();
            assert_eq!(rows(&reopened), (0..=number).collect::<Vec<_>>());
        }
    }
    drop(engine);
    assert_eq!(rows(&open(directory.path()).unwrap()).len(), 2000);
}

#[tokio::test]
async fn rows_are_the_same_wherever_they_are_kept() {
    let directory = TempDir::new().unwrap();
    let mut engine = open(directory.path()).unwrap();
    let random = SeededRandomness::new(5);
    let mut model = BTreeSet::new();
    for round in 0..3000 {
        let number = (random.fraction() * 300.0) as u64;
        if random.fraction() < 0.6 {
            put(&engine, Durability::Relaxed, number).await;
            model.insert(number);
        } else {
            let step = move |step: &mut Step<'_>| {
                step.delete(row(number));
                Ok(())
            };
            engine.write(Durability::Relaxed, step).await.unwrap();
            model.remove(&number);
        }
        if round % 100 == 0 {
            assert!(rows(&engine).iter().eq(&model), "round {round}");
        }
        if round % 1000 == 999 {
            drop(engine);
            engine = open(directory.path()).unwrap();
        }
    }
    assert!(rows(&engine).iter().eq(&model));
}

#[tokio::test]
async fn a_batch_larger_than_the_journal_is_kept_too() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    put(&engine, Durability::Durable, 1).await;
    let large = |step: &mut Step<'_>| {
        step.put(
            Key::new(Space::Checkpoint).text("large"),
            vec![7; 3 * JOURNAL as usize],
        );
        Ok(())
    };
    engine.write(Durability::Durable, large).await.unwrap();
    put(&engine, Durability::Durable, 2).await;
    let image = crash_image(directory.path());
    let reopened = open(image.path()).unwrap();
    assert_eq!(rows(&reopened), [1, 2]);
    let key = Key::new(Space::Checkpoint).text("large");
    let length = reopened.read(|snapshot| Ok(snapshot.get(&key)?.map(|value| value.len())));
    assert_eq!(length.unwrap(), Some(3 * JOURNAL as usize));
}

#[tokio::test]
async fn concurrent_steps_share_batches_and_all_count() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    put(&engine, Durability::Durable, task * 20 + n).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(rows(&engine).len(), 64 * 20);
}

#[tokio::test]
async fn a_torn_end_is_dropped_and_damage_is_refused() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    for number in 0..10 {
        put(&engine, Durability::Durable, number).await;
    }
    let damage = |nth_from_end: usize| {
        let image = crash_image(directory.path());
        let path = ["journal-0", "journal-1"]
            .map(|name| image.path().join(name))
            .into_iter()
            .find(|path| std::fs::read(path).unwrap().iter().any(|octet| *octet != 0))
            .unwrap();
        let mut octets = std::fs::read(&path).unwrap();
        let starts: Vec<_> = memchr::memmem::find_iter(&octets, b"RPj1").collect();
        octets[starts[starts.len() - nth_from_end] + 30] ^= 1;
        std::fs::write(&path, octets).unwrap();
        image
    };
    // Nothing says that the last one was ever on disk.
    let image = damage(1);
    let torn = open(image.path()).unwrap();
    assert_eq!(rows(&torn), (0..9).collect::<Vec<_>>());
    put(&torn, Durability::Durable, 100).await;
    assert_eq!(
        rows(&open(crash_image(image.path()).path()).unwrap()).len(),
        10
    );
    // The last one says that those before it were.
    let image = damage(3);
    assert!(matches!(
        open(image.path()),
        Err(StoreError::Corrupt { .. })
    ));
}

#[tokio::test]
async fn relaxed_steps_that_keep_coming_are_synced_all_the_same() {
    static SYNCS: AtomicU32 = AtomicU32::new(0);
    let (directory, engine) = synced_by(|file| {
        SYNCS.fetch_add(1, Ordering::SeqCst);
        file.sync_data()
    });
    let busy = async {
        while SYNCS.load(Ordering::SeqCst) == 0 {
            put(&engine, Durability::Relaxed, 1).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), busy)
        .await
        .expect("a sync");
    drop((engine, directory));
}

#[tokio::test]
async fn a_durable_step_syncs_what_it_only_found() {
    static SYNCS: AtomicU32 = AtomicU32::new(0);
    let (directory, engine) = synced_by(|file| {
        SYNCS.fetch_add(1, Ordering::SeqCst);
        file.sync_data()
    });
    put(&engine, Durability::Relaxed, 1).await;
    let found = engine.write(Durability::Durable, |step| step.exists(&row(1)));
    assert!(found.await.unwrap());
    assert!(SYNCS.load(Ordering::SeqCst) > 0);
    drop((engine, directory));
}

/// A fresh engine whose journal is synced by `sync_data`.
fn synced_by(sync_data: fn(&std::fs::File) -> io::Result<()>) -> (TempDir, Engine) {
    let directory = TempDir::new().unwrap();
    let database = Database::open(&directory.path().join("state.redb"), 1 << 20).unwrap();
    // Room enough that no full journal makes for a sync.
    let mut journal = Journal::open(directory.path(), 64 << 20).unwrap();
    journal.sync_by(sync_data);
    let on_failure: SyncFailure = Arc::new(|error| panic!("{error}"));
    let engine = Engine::start(database, journal, directory.path(), on_failure).unwrap();
    (directory, engine)
}

#[tokio::test]
async fn a_failed_fsync_ends_it() {
    static FAILURES: AtomicU32 = AtomicU32::new(0);
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()).unwrap());
    let database = Database::open(&directory.path().join("state.redb"), 1 << 20).unwrap();
    let mut journal = Journal::open(directory.path(), JOURNAL).unwrap();
    journal.sync_by(|_| Err(io::Error::other("disk gone")));
    let on_failure: SyncFailure = Arc::new(|error| {
        assert_eq!(error.to_string(), "disk gone");
        FAILURES.fetch_add(1, Ordering::SeqCst);
        // Stands for the end of the process.
        panic!("exit");
    });
    let engine = Engine::start(database, journal, directory.path(), on_failure).unwrap();
    let step = |step: &mut Step<'_>| {
        step.put(row(1), vec![0; 8]);
        Ok(())
    };
    assert!(engine.write(Durability::Durable, step).await.is_err());
    assert_eq!(FAILURES.load(Ordering::SeqCst), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// What a step reads while it writes is what others read afterwards.
    #[test]
    fn a_step_sees_its_own_writes(
        before in proptest::collection::btree_set(0..30_u64, 0..20),
        writes in proptest::collection::vec((0..30_u64, any::<bool>()), 0..30),
        after in proptest::option::of(0..30_u64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let directory = TempDir::new().unwrap();
            let engine = open(directory.path()).unwrap();
            for number in before {
                put(&engine, Durability::Relaxed, number).await;
            }
            let look = move |rows: &dyn Read| {
                let mut seen = Vec::new();
                let after = after.map(row);
                let prefix = Key::new(Space::Checkpoint).text("row");
                rows.scan(&prefix, after.as_ref(), &mut |key, _| {
                    seen.push(key.to_vec());
                    Ok(seen.len() < 7)
                }).unwrap();
                seen
            };
            let within = engine.write(Durability::Relaxed, move |step| {
                for (number, keep) in writes {
                    if keep {
                        step.put(row(number), number.to_be_bytes().to_vec());
                    } else {
                        step.delete(row(number));
                    }
                }
                Ok(look(step))
            }).await.unwrap();
            let afterwards = engine.read(|snapshot| Ok(look(snapshot))).unwrap();
            assert_eq!(within, afterwards);
        });
    }
}
