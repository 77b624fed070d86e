//! Giving space back: an object of its own is removed; a record of a pack is
//! marked dead by an object named after it; a pack in which nothing lives is
//! removed, and one that is mostly dead is written anew without its dead.
//!
//! A mark is final and stands in the bucket alone, so any process may remove, and
//! every process sees it. Each step leaves a state that the next look, or the
//! next listing, takes up where it was left:
//!
//! 1. the mark is put: the content is gone for every reader;
//! 2. the pack is replaced by one without what is marked, or removed;
//! 3. the marks are removed.
//!
//! A pack loses only what is marked, so whatever two processes do at a time, no
//! living content is lost. Where the store ignores conditions on replacing, the
//! slower of two may bring a dead record back: it is unreferenced, and the
//! sweep's.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::bucket::{Bucket, Piece};
use super::keys::{Key, Stem};
use super::pack::{self, Index};
use super::reader;
use crate::Error;
use crate::name::{Location, Slot};

/// How many packs are counted at a time.
const COUNTED: usize = 4096;
/// A pack is not written anew for less.
const WORTH: u64 = 128 * 1024;

pub(super) struct Reclaimer {
    bucket: Arc<Bucket>,
    /// What is known of the packs that removals met; only hints for when it is
    /// worth a look.
    counts: Mutex<HashMap<Stem, Count>>,
}

/// The octets of a pack's records, and those of the dead.
#[derive(Debug, Clone, Copy)]
struct Count {
    all: u64,
    dead: u64,
}

impl Count {
    fn is_worth_a_look(self) -> bool {
        self.dead >= self.all || (self.dead >= WORTH && self.dead * 2 >= self.all)
    }
}

impl Reclaimer {
    pub(super) fn new(bucket: Arc<Bucket>) -> Self {
        Self {
            bucket,
            counts: Mutex::default(),
        }
    }

    /// Removes a content.
    pub(super) async fn remove(&self, location: &Location) -> Result<(), Error> {
        let stem = Stem::of(location);
        let Slot::Packed { offset, length } = location.slot else {
            return self.bucket.remove(&stem.single()).await;
        };
        let mark = stem.dead_at(offset);
        self.bucket.put(&mark, Bytes::new().into()).await?;
        let count = self.count_down(&stem, length.into());
        if count.is_some_and(|count| !count.is_worth_a_look()) {
            return Ok(());
        }
        // The content is gone; its space can wait for a later look.
        if let Err(error) = self.look(&stem).await {
            let pack = stem.pack();
            tracing::warn!(pack, %error, "the space of removed contents stays taken for now");
        }
        Ok(())
    }

    /// Does what is to be done about a pack and the marks of its dead.
    pub(super) async fn look(&self, stem: &Stem) -> Result<(), Error> {
        let dead = self.dead(stem).await?;
        let Some(index) = reader::index(&self.bucket, stem).await? else {
            self.counts().remove(stem);
            return self.unmark(stem, dead).await;
        };
        let length = |member: &pack::Member| member.header.length();
        let is_dead = |member: &&pack::Member| dead.contains(&member.offset());
        let mut count = Count {
            all: index.members.iter().map(length).sum(),
            dead: index.members.iter().filter(is_dead).map(length).sum(),
        };
        if count.dead == count.all {
            self.counts().remove(stem);
            self.bucket.remove(&stem.pack()).await?;
            return self.unmark(stem, dead).await;
        }
        let mut useless = dead;
        if count.is_worth_a_look() && self.write_anew(stem, &useless).await? {
            count = Count {
                all: count.all - count.dead,
                dead: 0,
            };
        } else {
            useless.retain(|offset| index.find(*offset).is_none());
        }
        self.unmark(stem, useless).await?;
        self.remember(stem, count);
        Ok(())
    }

    /// Replaces a pack by one without its dead; false if it changed meanwhile.
    async fn write_anew(&self, stem: &Stem, dead: &BTreeSet<u32>) -> Result<bool, Error> {
        let name = stem.pack();
        let Some(Piece {
            octets,
            size,
            e_tag,
        }) = self.bucket.read_all(&name).await?
        else {
            return Ok(false);
        };
        let index = Index::decode(stem.stamp, size, &octets)
            .map_err(|damage| damage.of(Path::new(&self.bucket.url(&name))))?;
        let living = index.members.iter().filter(|m| !dead.contains(&m.offset()));
        let records = living.map(|member| {
            let range = member.range();
            (
                member.header,
                octets.slice(range.start as usize..range.end as usize),
            )
        });
        let payload = pack::encode(records.collect());
        self.bucket.replace(&name, e_tag, payload).await
    }

    /// Where the dead of a pack were written.
    async fn dead(&self, stem: &Stem) -> Result<BTreeSet<u32>, Error> {
        let marks = self.bucket.list(&stem.dead(), None);
        let offset = |object: super::bucket::Object| {
            std::future::ready(Ok(match Key::parse(&object.name) {
                Some(Key::Dead(_, offset)) => Some(offset),
                Some(Key::Pack(_) | Key::Single(_)) | None => None,
            }))
        };
        marks.try_filter_map(offset).try_collect().await
    }

    async fn unmark(&self, stem: &Stem, dead: BTreeSet<u32>) -> Result<(), Error> {
        for offset in dead {
            self.bucket.remove(&stem.dead_at(offset)).await?;
        }
        Ok(())
    }

    /// What is known of a pack of which so many octets more are dead.
    fn count_down(&self, stem: &Stem, length: u64) -> Option<Count> {
        let mut counts = self.counts();
        let count = counts.get_mut(stem)?;
        count.dead += length;
        Some(*count)
    }

    fn remember(&self, stem: &Stem, count: Count) {
        let mut counts = self.counts();
        if counts.len() >= COUNTED {
            counts.clear();
        }
        counts.insert(stem.clone(), count);
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Stem, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
