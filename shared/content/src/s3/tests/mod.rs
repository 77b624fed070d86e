//! What this adapter promises beyond the port, against a real server.

mod reclaiming;
mod refusals;
mod server;

use std::fs;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use message::ContentId;
use tokio::task::JoinSet;

use super::S3Store;
use super::writer::LONG;
use crate::conformance::{self, get, list_all, put, sample, trailer};
use crate::name::{Location, Slot};
use crate::{ContentStore, Error, Stored};
use server::Server;

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

/// Puts contents of these lengths at once.
async fn burst(store: &Arc<S3Store>, lengths: &[usize]) -> Vec<ContentId> {
    let mut writers = JoinSet::new();
    for (number, length) in lengths.iter().copied().enumerate() {
        let store = Arc::clone(store);
        writers.spawn(async move {
            let octets = sample(length, number as u64);
            let Stored { id, .. } = put(&*store, &octets, length, number as u128).await;
            (number, id)
        });
    }
    let mut ids = writers.join_all().await;
    ids.sort_unstable();
    ids.into_iter().map(|(_, id)| id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_adapter_keeps_the_contract() {
    let server = Server::start().await;
    let number = AtomicUsize::new(0);
    conformance::check_all(|| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("store-{number}");
        let server = &server;
        async move { server.store(&prefix, Some("w")).await as Arc<dyn ContentStore> }
    })
    .await;
}

#[tokio::test]
async fn a_burst_is_packed_and_a_lone_content_is_not() {
    let server = Server::start().await;
    let store = server.store("p", Some("w")).await;
    put(&*store, b"alone", 10, 1).await;
    assert_eq!(server.objects("p", ".content").len(), 1);
    let ids = burst(&store, &[5000; 200]).await;
    // The first of them goes at once, the others wait for it together.
    assert!(server.objects("p", ".segment").len() <= 2);
    assert!(server.objects("p", ".content").len() <= 2);
    for (number, id) in ids.iter().enumerate() {
        let (octets, kept) = get(&*store, id).await.unwrap();
        assert!(octets == sample(5000, number as u64) && kept == trailer(number as u128));
    }
    assert_eq!(list_all(&*store, 17).await.len(), 201);
}

#[tokio::test]
async fn every_host_reads_what_another_wrote() {
    let server = Server::start().await;
    let (one, other) = (
        server.store("", Some("a")).await,
        server.store("", Some("a-b")).await,
    );
    let reader = server.store("", None).await;
    let mut ids = burst(&one, &[100; 5]).await;
    ids.extend(burst(&other, &[200_000, 100, 100]).await);
    for id in &ids {
        for store in [&one, &other, &reader] {
            get(&**store, id).await.unwrap();
        }
    }
    for limit in [1, 3, 100] {
        assert_eq!(list_all(&*reader, limit).await.len(), ids.len());
    }
    assert!(matches!(reader.create().await.err(), Some(Error::ReadOnly)));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_mebibytes_pass_through_little_memory() {
    const PIECE: usize = 1 << 20;
    let server = Server::start().await;
    let store = server.store("p", Some("w")).await;
    let piece = sample(PIECE, 9);
    let mut writer = store.create().await.unwrap();
    let peak = peak_memory();
    for _ in 0..50 {
        writer.write(&piece).await.unwrap();
    }
    let Stored { id, octets } = writer.finish(trailer(1)).await.unwrap();
    assert_eq!(octets, 50 << 20);
    assert_eq!(server.parts(), 0);
    let mut reader = store.open(&id).await.unwrap();
    let mut position = 0;
    while let Some(chunk) = reader.read().await.unwrap() {
        assert!(chunk == piece[position % PIECE..][..chunk.len()]);
        position += chunk.len();
    }
    assert_eq!(position as u64, octets);
    let grown = peak_memory() - peak;
    // The server and other tests are in here; all of it at once would be more.
    assert!(grown < 40 * 1024, "memory grew by {grown} KiB");
}

/// The most memory this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_content_that_is_given_up_leaves_no_parts() {
    let server = Server::start().await;
    let store = server.store("p", Some("w")).await;
    let mut writer = store.create().await.unwrap();
    writer.write(&sample(11 << 20, 1)).await.unwrap();
    assert_eq!(server.parts(), 2);
    drop(writer);
    until("the parts are gone", || server.parts() == 0).await;
    assert_eq!(list_all(&*store, 10).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_long_contents_are_written_at_a_time() {
    let server = Server::start().await;
    let store = server.store("p", Some("w")).await;
    let octets = sample(200_000, 1);
    let mut writers = Vec::new();
    for _ in 0..LONG {
        let mut writer = store.create().await.unwrap();
        writer.write(&octets).await.unwrap();
        writers.push(writer);
    }
    let mut next = store.create().await.unwrap();
    {
        let mut write = pin!(next.write(&octets));
        assert!(futures_util::FutureExt::now_or_never(&mut write).is_none());
        drop(writers.pop());
        write.await.unwrap();
    }
    let Stored { id, .. } = next.finish(trailer(1)).await.unwrap();
    assert!(get(&*store, &id).await.unwrap().0 == octets);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damaged_octet_is_noticed_and_the_rest_stays_readable() {
    let server = Server::start().await;
    let store = server.store("p", Some("w")).await;
    let ids = burst(&store, &[300, 300, 300, 300]).await;
    let pack = server.objects("p", ".segment").remove(0);
    let whole = fs::read(&pack).unwrap();
    let in_pack: Vec<_> = ids
        .iter()
        .filter_map(|id| match Location::parse(id).unwrap().slot {
            Slot::Packed { offset, length } => Some((id, offset as usize, length as usize)),
            Slot::Whole => None,
        })
        .collect();
    let (id, offset, length) = in_pack[1];
    let padding = 7; // at most; it is of no meaning
    for at in (offset..offset + length - padding).step_by(13) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&pack, damaged).unwrap();
        let read = get(&*store, id).await;
        assert!(
            matches!(read, Err(Error::Corrupt { .. })),
            "octet {at}: {read:?}"
        );
        get(&*store, in_pack[0].0).await.unwrap();
    }
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&pack, damaged).unwrap();
    assert_eq!(store.list(None, 10).await.unwrap().damage.len(), 1);
    for (id, ..) in in_pack {
        get(&*store, id)
            .await
            .expect("an index is not needed to read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_block_of_a_long_content_ends_its_reading() {
    let server = Server::start().await;
    let store = server.store("p", Some("w")).await;
    let octets = sample(300_000, 1);
    let Stored { id, .. } = put(&*store, &octets, 10_000, 1).await;
    let object = server.objects("p", ".content").remove(0);
    let mut damaged = fs::read(&object).unwrap();
    damaged[150_000] ^= 1;
    fs::write(object, damaged).unwrap();
    let mut reader = store.open(&id).await.unwrap();
    for number in 0..2 {
        let chunk = reader.read().await.unwrap().unwrap();
        assert!(chunk == octets[number * 65_536..][..65_536]);
    }
    assert!(matches!(reader.read().await, Err(Error::Corrupt { .. })));
    assert!(!reader.read_range(280_000, 10).await.unwrap().is_empty());
}
