//! The contract of the port, as a suite that every adapter passes: give
//! [`check_all`] a way to make an empty store.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use message::{
    Body, ContentId, Envelope, MessageId, Protocol, Recipient, ReversePath, envelope::Transaction,
};
use tokio::task::JoinSet;

use crate::{CHUNK, ContentStore, Error, Listed, Reader, SUMMARY_MAX, Stored, Trailer};

/// Lengths around every limit of blocks and packing.
const LENGTHS: [usize; 9] = [
    0,
    1,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK,
    2 * CHUNK + 1,
    3 * CHUNK,
    1_000_003,
];

/// Runs the suite, each part on a store of its own.
///
/// # Panics
/// Where the store breaks the contract.
pub async fn check_all<F>(make: impl Fn() -> F)
where
    F: Future<Output = Arc<dyn ContentStore>>,
{
    what_was_written_is_read(&*make().await).await;
    ranges_are_parts_of_the_whole(&*make().await).await;
    a_dropped_writer_leaves_nothing(&*make().await).await;
    removal_is_final_and_repeatable(&*make().await).await;
    pages_list_everything_once(&*make().await).await;
    many_write_at_once(make().await).await;
    a_trailer_has_a_limit(&*make().await).await;
    foreign_ids_are_refused(&*make().await).await;
    a_summary_goes_with_its_content(&*make().await).await;
    summaries_are_kept_for_many(&*make().await).await;
    many_are_opened_in_one_go(&*make().await).await;
}

/// Writes `octets` in pieces of `piece`.
///
/// # Panics
/// If the store refuses.
pub async fn put(store: &dyn ContentStore, octets: &[u8], piece: usize, number: u128) -> Stored {
    let mut writer = store.create().await.expect("a writer");
    for part in octets.chunks(piece.max(1)) {
        writer.write(part).await.expect("octets are taken");
    }
    writer
        .finish(trailer(number))
        .await
        .expect("the content is stored")
}

/// Reads a content to its end.
pub async fn get(store: &dyn ContentStore, id: &ContentId) -> Result<(Vec<u8>, Trailer), Error> {
    let mut reader = store.open(id).await?;
    let octets = read_all(&mut *reader).await?;
    Ok((octets, reader.trailer().clone()))
}

async fn read_all(reader: &mut dyn Reader) -> Result<Vec<u8>, Error> {
    let mut octets = Vec::new();
    while let Some(chunk) = reader.read().await? {
        assert!(
            (1..=CHUNK).contains(&chunk.len()),
            "a chunk of {} octets",
            chunk.len()
        );
        octets.extend_from_slice(&chunk);
    }
    Ok(octets)
}

/// Every content of a store, listed in pages of `limit`.
///
/// # Panics
/// If the store cannot be listed, is damaged, or breaks the limit.
pub async fn list_all(store: &dyn ContentStore, limit: usize) -> Vec<Listed> {
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list(cursor, limit).await.expect("a page");
        assert!(
            page.contents.len() <= limit,
            "{} on a page of {limit}",
            page.contents.len()
        );
        assert!(page.damage.is_empty(), "{:?}", page.damage);
        listed.extend(page.contents);
        cursor = page.next;
        if cursor.is_none() {
            return listed;
        }
    }
}

/// Octets in which every position differs from those around it.
pub fn sample(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2) + 1;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        (state >> 56) as u8
    };
    (0..length).map(next).collect()
}

/// A trailer that differs by `number`.
pub fn trailer(number: u128) -> Trailer {
    let recipient = format!("bob-{number}@example.org")
        .parse()
        .expect("an address");
    let envelope = Envelope {
        return_path: ReversePath::Null,
        recipients: vec![Recipient::new(recipient)],
        ret: None,
        envelope_id: None,
        body: Body::EightBit,
        smtputf8: false,
        transaction: Transaction::by(Protocol::Http),
    };
    Trailer {
        message: MessageId::from_bits(number),
        prefix: Bytes::from(format!("Received: by example.org id {number}\r\n")),
        // An IMAP APPEND has no envelope.
        envelope: (!number.is_multiple_of(3)).then_some(envelope),
    }
}

async fn what_was_written_is_read(store: &dyn ContentStore) {
    let mut stored = Vec::new();
    for (number, length) in (0_u128..).zip(LENGTHS) {
        for piece in [length, 1000] {
            let octets = sample(length, length as u64);
            let content = put(store, &octets, piece, number).await;
            assert_eq!(content.octets, length as u64);
            stored.push((number, octets, content));
        }
    }
    for (number, octets, Stored { id, .. }) in stored {
        let mut reader = store.open(&id).await.expect("what was stored");
        assert_eq!(reader.octets(), octets.len() as u64);
        assert_eq!(reader.trailer(), &trailer(number));
        assert_eq!(reader.prefix(), &trailer(number).prefix);
        let read = read_all(&mut *reader).await.expect("its octets");
        assert!(read == octets, "{} octets differ", octets.len());
        assert_eq!(reader.read().await.expect("the end again"), None);
    }
}

async fn ranges_are_parts_of_the_whole(store: &dyn ContentStore) {
    for length in LENGTHS {
        let octets = sample(length, 3);
        let Stored { id, .. } = put(store, &octets, 7000, 1).await;
        let mut reader = store.open(&id).await.expect("what was stored");
        for offset in [
            0,
            1,
            CHUNK - 1,
            CHUNK,
            2 * CHUNK - 1,
            length.saturating_sub(1),
            length,
        ] {
            for max in [0, 1, 100, CHUNK, usize::MAX] {
                let range = reader
                    .read_range(offset as u64, max)
                    .await
                    .expect("a range");
                let rest = octets.get(offset..).unwrap_or_default();
                assert!(range.len() <= max.min(CHUNK) && rest.starts_with(&range));
                assert_eq!(
                    range.is_empty(),
                    max == 0 || rest.is_empty(),
                    "{offset} {max}"
                );
            }
        }
        let end = reader.read_range(u64::MAX, 1).await.expect("nothing");
        assert!(end.is_empty());
        assert!(read_all(&mut *reader).await.expect("all of it") == octets);
    }
}

async fn a_dropped_writer_leaves_nothing(store: &dyn ContentStore) {
    for length in LENGTHS {
        let mut writer = store.create().await.expect("a writer");
        writer
            .write(&sample(length, 0))
            .await
            .expect("octets are taken");
        drop(writer);
        drop(store.create().await.expect("a writer"));
        // Given up between two polls, as when a connection breaks.
        let mut writer = store.create().await.expect("a writer");
        let octets = sample(length, 0);
        let mut write = pin!(writer.write(&octets));
        std::future::poll_fn(|context| {
            let _ = write.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
    }
    assert_eq!(list_all(store, 10).await, []);
}

async fn removal_is_final_and_repeatable(store: &dyn ContentStore) {
    for length in LENGTHS {
        let octets = sample(length, 5);
        let Stored { id: kept, .. } = put(store, &octets, CHUNK, 1).await;
        let Stored { id: removed, .. } = put(store, &octets, CHUNK, 2).await;
        for _ in 0..2 {
            store.remove(&removed).await.expect("removal");
            let gone = store.open(&removed).await.err();
            assert!(matches!(gone, Some(Error::NotFound(id)) if id == removed));
        }
        assert!(get(store, &kept).await.expect("its neighbour").0 == octets);
        let listed: Vec<_> = list_all(store, 10)
            .await
            .into_iter()
            .map(|c| c.id)
            .collect();
        assert!(!listed.contains(&removed) && listed.contains(&kept));
    }
}

async fn pages_list_everything_once(store: &dyn ContentStore) {
    assert_eq!(list_all(store, 1).await, []);
    let mut expected = Vec::new();
    for number in 0..23 {
        let length = if number % 4 == 0 { 3 * CHUNK } else { number };
        expected.push((
            put(store, &sample(length, 0), CHUNK, number as u128)
                .await
                .id,
            length,
        ));
    }
    expected.sort_unstable();
    let order = list_all(store, 1000).await;
    for limit in [1, 2, 7, 23, 24] {
        assert_eq!(list_all(store, limit).await, order, "pages of {limit}");
    }
    let mut listed: Vec<_> = order
        .into_iter()
        .map(|c| (c.id, c.octets as usize))
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, expected);
}

async fn many_write_at_once(store: Arc<dyn ContentStore>) {
    let mut writers = JoinSet::new();
    for number in 0..64_u64 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let octets = sample(10_000 + number as usize, number);
            let Stored { id, .. } = put(&*store, &octets, 4096, number.into()).await;
            let (read, kept) = get(&*store, &id).await.expect("what was stored");
            assert!(
                read == octets && kept == trailer(number.into()),
                "content {number}"
            );
            id
        });
    }
    let ids: BTreeSet<_> = writers.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 64, "every id is another");
}

async fn a_trailer_has_a_limit(store: &dyn ContentStore) {
    let writer = store.create().await.expect("a writer");
    let long = Trailer {
        prefix: vec![b' '; Trailer::MAX].into(),
        ..trailer(1)
    };
    let refused = writer.finish(long).await;
    assert!(
        matches!(refused, Err(Error::TrailerTooLong { .. })),
        "{refused:?}"
    );
    let long = Trailer {
        prefix: vec![b' '; Trailer::MAX / 2].into(),
        ..trailer(1)
    };
    let writer = store.create().await.expect("a writer");
    let stored = writer
        .finish(long.clone())
        .await
        .expect("a trailer within the limit");
    assert_eq!(
        get(store, &stored.id).await.expect("what was stored"),
        (Vec::new(), long)
    );
    assert_eq!(list_all(store, 10).await.len(), 1);
}

async fn foreign_ids_are_refused(store: &dyn ContentStore) {
    let id: ContentId = "made.by.no_store".parse().expect("an id");
    assert!(matches!(
        store.open(&id).await.err(),
        Some(Error::ForeignId(_))
    ));
    assert!(matches!(store.remove(&id).await, Err(Error::ForeignId(_))));
}

async fn a_summary_goes_with_its_content(store: &dyn ContentStore) {
    for length in LENGTHS {
        let octets = sample(length, 7);
        let Stored { id, .. } = put(store, &octets, CHUNK, 1).await;
        assert_eq!(store.summary(&id).await, None);
        for kept in [&b"first"[..], b"", &[b'x'; SUMMARY_MAX], b"last"] {
            store.keep_summary(&id, kept).await;
            assert_eq!(store.summary(&id).await.as_deref(), Some(kept), "{length}");
        }
        store.keep_summary(&id, &[b'x'; SUMMARY_MAX + 1]).await;
        assert!(store.summary(&id).await.is_none_or(|kept| kept == "last"));
        assert!(get(store, &id).await.expect("what was stored").0 == octets);
        store.remove(&id).await.expect("removal");
        assert_eq!(store.summary(&id).await, None, "{length}");
    }
    assert_eq!(list_all(store, 10).await, []);
    let foreign: ContentId = "made.by.no_store".parse().expect("an id");
    assert_eq!(store.summary(&foreign).await, None);
}

async fn many_are_opened_in_one_go(store: &dyn ContentStore) {
    let mut written = Vec::new();
    for number in 0..30_usize {
        let length = match number % 10 {
            0 => 3 * CHUNK,
            _ => 100 * number,
        };
        let octets = sample(length, number as u64);
        let Stored { id, .. } = put(store, &octets, CHUNK, number as u128).await;
        written.push((id, octets));
    }
    let (removed, _) = written.swap_remove(7);
    store.remove(&removed).await.expect("it is removed");
    let mut ids: Vec<ContentId> = written.iter().map(|(id, _)| id.clone()).collect();
    ids.push(removed.clone());
    let mut opened = store.open_all(&ids).await;
    let last = opened.pop().expect("as many as asked for");
    assert!(matches!(last, Err(Error::NotFound(id)) if id == removed));
    assert_eq!(opened.len(), written.len());
    for (reader, (id, octets)) in opened.into_iter().zip(written) {
        let mut reader = reader.expect("it is there");
        let read = read_all(reader.as_mut()).await.expect("it is whole");
        assert!(read == octets, "{id}");
    }
    assert!(store.open_all(&[]).await.is_empty());
}

async fn summaries_are_kept_for_many(store: &dyn ContentStore) {
    let mut ids = Vec::new();
    let mut computed = Vec::new();
    for number in 0..100_usize {
        let length = if number.is_multiple_of(10) {
            3 * CHUNK
        } else {
            600
        };
        let Stored { id, .. } = put(store, &sample(length, 0), CHUNK, number as u128).await;
        if !number.is_multiple_of(3) {
            let summary = sample(number * 50, number as u64);
            computed.push((id.clone(), summary.into()));
        }
        ids.push(id);
    }
    store.keep_summaries(computed).await;
    ids.reverse();
    let kept = store.summaries(&ids).await;
    assert_eq!(kept.len(), ids.len());
    for (number, kept) in (0..100_usize).rev().zip(kept) {
        let expected = (!number.is_multiple_of(3)).then(|| sample(number * 50, number as u64));
        assert_eq!(kept.map(Vec::from), expected, "{number}");
    }
    assert!(store.summaries(&[]).await.is_empty());
}
