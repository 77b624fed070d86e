//! What a crash or a bad disk leaves in the files.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use tempfile::TempDir;

use super::{files, store};
use crate::conformance::{get, list_all, put, sample};
use crate::name::{Location, Slot};
use crate::{ContentStore, Error, Stored};

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
async fn an_imitated_record_is_content_and_nothing_else() {
    let root = TempDir::new().unwrap();
    let genuine = store(root.path(), "w").await;
    put(&genuine, b"genuine", 10, 1).await;
    let other = TempDir::new().unwrap();
    put(&store(other.path(), "w").await, b"forged", 10, 2).await;
    let forged = fs::read(&files(other.path(), "segment")[0]).unwrap();
    put(&genuine, &forged, 1000, 3).await;
    put(&genuine, b"later", 10, 4).await;
    let segment = &files(root.path(), "segment")[0];
    let second = list_all(&genuine, 10).await[1].clone();
    let Slot::Packed { offset, .. } = Location::parse(&second.id).unwrap().slot else {
        panic!()
    };
    damage(segment, offset.into());
    let page = genuine.list(None, 10).await.unwrap();
    assert_eq!((page.contents.len(), page.damage.len()), (2, 1));
}
