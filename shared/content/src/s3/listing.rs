//! Listing the bucket in pages, in the order of names, and within a pack in that
//! of the records.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use message::ContentId;

use super::bucket::{Bucket, Object};
use super::keys::{Key, Stem};
use super::reader;
use super::reclaim::Reclaimer;
use crate::name::{Location, Slot};
use crate::record::Header;
use crate::{Cursor, Error, Listed, Page};

/// How many objects are looked into at the same time.
const AT_ONCE: usize = 16;

/// Lists up to `limit` contents, and clears away packs in which nothing lives
/// any more, as well as marks that are of no use.
pub(super) async fn page(
    bucket: &Arc<Bucket>,
    reclaimer: &Reclaimer,
    after: Option<&ContentId>,
    limit: usize,
) -> Result<Page, Error> {
    let after = after.map(Location::parse).transpose()?;
    let mut names = Names::new(bucket, after.as_ref());
    let mut page = Page::default();
    loop {
        let entries = names.next(limit.max(1)).await?;
        if entries.is_empty() {
            return Ok(page);
        }
        let looks = entries
            .into_iter()
            .map(|entry| look(bucket, reclaimer, entry));
        let mut found = futures_util::stream::iter(looks).buffered(AT_ONCE);
        while let Some(contents) = found.next().await {
            let contents = match contents {
                Err(damage @ Error::Corrupt { .. }) => {
                    page.damage.push(damage);
                    continue;
                }
                contents => contents?,
            };
            let already = |listed: &Listed| after_includes(after.as_ref(), &listed.id);
            for listed in contents.into_iter().filter(|listed| !already(listed)) {
                let full = page.contents.len() + 1 >= limit.max(1);
                page.next = full.then(|| Cursor(listed.id.clone()));
                page.contents.push(listed);
                if full {
                    return Ok(page);
                }
            }
        }
    }
}

/// Whether a content of the pack that the last page ended in was on that page.
fn after_includes(after: Option<&Location>, id: &ContentId) -> bool {
    match (after, Location::parse(id)) {
        (Some(after), Ok(location)) => {
            after.writer == location.writer
                && after.stamp == location.stamp
                && location.slot <= after.slot
        }
        (_, _) => false,
    }
}

/// An object that holds contents, or held some.
enum Entry {
    Single {
        stem: Stem,
        size: u64,
    },
    Pack {
        stem: Stem,
        dead: BTreeSet<u32>,
    },
    /// Marks without their pack.
    Marks(Stem),
}

/// The objects of the bucket as entries, a pack with the marks of its dead.
struct Names {
    objects: BoxStream<'static, Result<Object, Error>>,
    /// The marks met last, which their pack follows.
    marks: Option<(Stem, BTreeSet<u32>)>,
}

impl Names {
    fn new(bucket: &Bucket, after: Option<&Location>) -> Self {
        let name = after.map(|location| match location.slot {
            Slot::Whole => Stem::of(location).single(),
            Slot::Packed { .. } => Stem::of(location).before(),
        });
        Self {
            objects: bucket.list("", name.as_deref()),
            marks: None,
        }
    }

    /// The next entries, at most `limit` and one; none at the end.
    async fn next(&mut self, limit: usize) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        while entries.len() < limit.min(AT_ONCE) {
            let Some(object) = self.objects.try_next().await? else {
                entries.extend(self.marks.take().map(|(stem, _)| Entry::Marks(stem)));
                break;
            };
            match Key::parse(&object.name) {
                None => {}
                Some(Key::Dead(stem, offset)) => match &mut self.marks {
                    Some((marked, dead)) if *marked == stem => {
                        dead.insert(offset);
                    }
                    marks => {
                        let others = marks.replace((stem, BTreeSet::from([offset])));
                        entries.extend(others.map(|(stem, _)| Entry::Marks(stem)));
                    }
                },
                Some(Key::Single(stem)) => {
                    entries.extend(self.marks.take().map(|(stem, _)| Entry::Marks(stem)));
                    let size = object.size;
                    entries.push(Entry::Single { stem, size });
                }
                Some(Key::Pack(stem)) => entries.extend(self.pack(stem)),
            }
        }
        Ok(entries)
    }

    fn pack(&mut self, stem: Stem) -> Vec<Entry> {
        match self.marks.take() {
            Some((marked, dead)) if marked == stem => vec![Entry::Pack { stem, dead }],
            marks => {
                let dead = BTreeSet::new();
                let marks = marks.map(|(stem, _)| Entry::Marks(stem));
                marks
                    .into_iter()
                    .chain([Entry::Pack { stem, dead }])
                    .collect()
            }
        }
    }
}

/// The contents of an entry.
async fn look(
    bucket: &Arc<Bucket>,
    reclaimer: &Reclaimer,
    entry: Entry,
) -> Result<Vec<Listed>, Error> {
    match entry {
        Entry::Single { stem, size } => {
            let header = reader::header(bucket, &stem, size).await?;
            let listed = header.map(|header| listed(&stem, Slot::Whole, &header));
            Ok(listed.into_iter().collect())
        }
        Entry::Pack { stem, dead } => {
            let Some(index) = reader::index(bucket, &stem).await? else {
                return Ok(Vec::new());
            };
            let living = index.members.iter().filter(|m| !dead.contains(&m.offset()));
            let living: Vec<_> = living
                .map(|member| {
                    let (offset, length) = (member.offset(), member.length());
                    listed(&stem, Slot::Packed { offset, length }, &member.header)
                })
                .collect();
            if living.is_empty() {
                clear(reclaimer, &stem).await;
            }
            Ok(living)
        }
        Entry::Marks(stem) => {
            clear(reclaimer, &stem).await;
            Ok(Vec::new())
        }
    }
}

/// Clears away what an interrupted removal left. Whoever may only read leaves
/// it to others.
async fn clear(reclaimer: &Reclaimer, stem: &Stem) {
    if let Err(error) = reclaimer.look(stem).await {
        tracing::debug!(pack = stem.pack(), %error, "dead contents are not cleared away");
    }
}

fn listed(stem: &Stem, slot: Slot, header: &Header) -> Listed {
    let location = Location {
        writer: stem.writer.clone(),
        stamp: stem.stamp,
        slot,
    };
    Listed {
        id: location.id(),
        octets: header.octets,
        stored_at: header.stored_at,
    }
}
