//! Space comes back, whoever wrote it, and whenever a process was killed.

use std::fs;

use tokio::task::JoinSet;

use super::server::Server;
use super::{burst, until};
use crate::conformance::{get, list_all, sample};
use crate::name::Location;
use crate::s3::keys::Stem;
use crate::{ContentStore, Error};

#[tokio::test(flavor = "multi_thread")]
async fn another_process_removes_what_it_did_not_write() {
    let server = Server::start().await;
    let ids = burst(&server.store("p", Some("w")).await, &[1000; 20]).await;
    let reclaimer = server.store("p", None).await;
    for id in &ids {
        for _ in 0..2 {
            reclaimer.remove(id).await.unwrap();
        }
    }
    assert!(server.objects("p", ".segment").is_empty());
    assert!(server.objects("p", ".content").is_empty());
    assert!(server.objects("p", ".dead").is_empty());
    let reader = server.store("p", Some("v")).await;
    for id in &ids {
        assert!(matches!(get(&*reader, id).await, Err(Error::NotFound(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_is_mostly_dead_is_written_anew_and_ids_stay() {
    let server = Server::start().await;
    let writer = server.store("p", Some("w")).await;
    let ids = burst(&writer, &[100_000; 30]).await;
    let total = || -> u64 {
        let packs = server.objects("p", ".segment");
        packs
            .iter()
            .map(|pack| fs::metadata(pack).unwrap().len())
            .sum()
    };
    let full = total();
    let living = [3, 17, 29];
    for (number, id) in ids.iter().enumerate() {
        if !living.contains(&number) {
            // Each removal by a process that knows nothing of the others.
            server.store("p", None).await.remove(id).await.unwrap();
        }
    }
    assert!(total() < full / 4, "{} of {full} octets", total());
    for number in living {
        let (octets, _) = get(&*writer, &ids[number]).await.unwrap();
        assert!(octets == sample(100_000, number as u64));
    }
    for (number, id) in ids.iter().enumerate() {
        if !living.contains(&number) {
            assert!(matches!(get(&*writer, id).await, Err(Error::NotFound(_))));
        }
    }
    assert_eq!(list_all(&*writer, 2).await.len(), living.len());
    for number in living {
        writer.remove(&ids[number]).await.unwrap();
    }
    assert_eq!((total(), server.objects("p", ".dead").len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_killed_reclaimer_left_is_taken_up_by_the_next_listing() {
    let server = Server::start().await;
    let ids = burst(&server.store("p", Some("w")).await, &[1000; 10]).await;
    let pack = server.objects("p", ".segment").remove(0);
    let octets = fs::read(&pack).unwrap();
    let reclaimer = server.store("p", None).await;
    for id in &ids {
        reclaimer.remove(id).await.unwrap();
    }
    assert!(!pack.exists());
    // Killed before the pack was removed: all marks are there.
    let mark = |id| Stem::of(&Location::parse(id).unwrap());
    let packed = ids.iter().filter(|id| pack.ends_with(mark(id).pack()));
    let folder = pack.with_extension("dead");
    fs::create_dir_all(&folder).unwrap();
    for id in packed {
        let crate::name::Slot::Packed { offset, .. } = Location::parse(id).unwrap().slot else {
            continue;
        };
        fs::write(folder.join(format!("{offset:08x}")), b"").unwrap();
    }
    fs::write(&pack, octets).unwrap();
    assert_eq!(list_all(&*server.store("p", None).await, 5).await, []);
    until("the pack is gone", || !pack.exists()).await;
    assert!(server.objects("p", ".dead").is_empty());
    // Killed after the pack was removed: marks without it.
    fs::write(folder.join("00000000"), b"").unwrap();
    assert_eq!(list_all(&*server.store("p", None).await, 5).await, []);
    assert!(server.objects("p", ".dead").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reclaimers_at_a_time_lose_nothing() {
    let server = Server::start().await;
    let writer = server.store("p", Some("w")).await;
    let ids = burst(&writer, &[100_000; 24]).await;
    let mut removals = JoinSet::new();
    for (number, id) in ids.iter().enumerate().filter(|(number, _)| number % 3 != 0) {
        let (id, store) = (id.clone(), server.store("p", None).await);
        removals.spawn(async move { (number, store.remove(&id).await) });
    }
    for (number, removed) in removals.join_all().await {
        removed.unwrap();
        assert!(matches!(
            get(&*writer, &ids[number]).await,
            Err(Error::NotFound(_))
        ));
    }
    for (number, id) in ids.iter().enumerate().step_by(3) {
        let (octets, _) = get(&*writer, id).await.unwrap();
        assert!(octets == sample(100_000, number as u64), "content {number}");
    }
    assert_eq!(list_all(&*writer, 5).await.len(), 8);
}
