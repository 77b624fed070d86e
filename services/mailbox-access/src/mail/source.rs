//! The octets of a mailbox entry: its prefix, the content's prefix, the content
//! as received.

use std::sync::Arc;

use bytes::Bytes;
use content::{ContentStore, Error, Reader};
use message::ContentId;
use store::mailbox::MailboxEntry;

use super::summary::Summary;

/// The longest header section that is looked for.
const HEADER: usize = 1024 * 1024;

/// What is small is read when it is opened; what is larger counts as so much.
pub(crate) const SMALL: u64 = 128 * 1024;

/// Octets of small entries that are read in one go, and entries.
const TOGETHER: (u64, usize) = (512 * 1024, 64);

/// An entry that is open for reading.
pub(crate) struct Source {
    /// Both prefixes; the whole header, where nothing else is to be read.
    head: Bytes,
    /// How much of it belongs to the entry alone.
    own: usize,
    rest: Option<Box<dyn Reader>>,
}

/// How many of the first entries are read in one go.
pub(crate) fn together<'a>(entries: impl Iterator<Item = &'a MailboxEntry>) -> usize {
    let mut octets = 0;
    let fitting = entries.take(TOGETHER.1).take_while(|entry| {
        octets += entry.size.min(SMALL);
        octets <= TOGETHER.0
    });
    fitting.count().max(1)
}

impl Source {
    /// Opens entries in one go; none of those that cannot be read.
    pub(crate) async fn open_all(
        content: &dyn ContentStore,
        entries: &[MailboxEntry],
    ) -> Vec<Option<Self>> {
        let ids: Vec<ContentId> = entries.iter().map(|entry| entry.content.clone()).collect();
        let opened = entries.iter().zip(content.open_all(&ids).await);
        let opened = opened.map(|(entry, reader)| {
            let failed = |error: &Error| {
                let cause = error as &dyn std::error::Error;
                tracing::error!(content = %entry.content, error = cause, "cannot read a message");
            };
            let reader = reader.inspect_err(failed).ok()?;
            Some(Self::of(entry, reader))
        });
        opened.collect()
    }

    /// The headers of entries, as they were kept; the others are opened in one go.
    pub(crate) async fn headers(
        content: &dyn ContentStore,
        entries: &[MailboxEntry],
        kept: &[Option<Arc<Summary>>],
    ) -> Vec<Option<Self>> {
        let both = entries.iter().zip(kept);
        let alone = both.map(|(entry, kept)| Self::header_alone(entry, kept.as_deref()));
        let mut sources: Vec<Option<Self>> = alone.collect();
        let missing = (0..sources.len()).filter(|at| sources[*at].is_none());
        let missing: Vec<usize> = missing.collect();
        let wanted: Vec<MailboxEntry> = missing.iter().map(|at| entries[*at].clone()).collect();
        if !wanted.is_empty() {
            let opened = Self::open_all(content, &wanted).await;
            for (at, source) in missing.into_iter().zip(opened) {
                sources[at] = source;
            }
        }
        sources
    }

    fn of(entry: &MailboxEntry, reader: Box<dyn Reader>) -> Self {
        let head = match entry.prefix.is_empty() {
            true => reader.prefix().clone(),
            false => [entry.prefix.as_bytes(), reader.prefix()].concat().into(),
        };
        Self {
            head,
            own: entry.prefix.len(),
            rest: Some(reader),
        }
    }

    /// Nothing but the header of an entry, where it was kept.
    fn header_alone(entry: &MailboxEntry, kept: Option<&Summary>) -> Option<Self> {
        let shared = kept.map(|summary| summary.header.as_slice());
        let shared = shared.filter(|header| !header.is_empty())?;
        Some(Self {
            head: [entry.prefix.as_bytes(), shared].concat().into(),
            own: entry.prefix.len(),
            rest: None,
        })
    }

    /// The octets of all of it.
    pub(crate) fn size(&self) -> u64 {
        let rest = self.rest.as_ref().map_or(0, |reader| reader.octets());
        self.head.len() as u64 + rest
    }

    /// How many octets stand before what all entries of the content share.
    pub(crate) fn own(&self) -> u64 {
        self.own as u64
    }

    /// Octets from `offset` on: at least one and at most `max`, none at the end.
    pub(crate) async fn read(&mut self, offset: u64, max: usize) -> Result<Bytes, Error> {
        let head = self.head.len() as u64;
        match usize::try_from(offset)
            .ok()
            .filter(|at| *at < self.head.len())
        {
            Some(at) => {
                let end = self.head.len().min(at.saturating_add(max));
                Ok(self.head.slice(at..end))
            }
            None => match &mut self.rest {
                Some(reader) => reader.read_range(offset - head, max).await,
                None => Ok(Bytes::new()),
            },
        }
    }

    /// All octets of a range.
    pub(crate) async fn read_all(&mut self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        let mut octets = Vec::with_capacity(size.min(content::CHUNK));
        while octets.len() < size {
            let at = offset + octets.len() as u64;
            let piece = self.read(at, size - octets.len()).await?;
            if piece.is_empty() {
                break;
            }
            octets.extend_from_slice(&piece);
        }
        Ok(octets)
    }

    /// The header section with the empty line that ends it. One without an end
    /// is all of the message; one that is too long is cut off.
    pub(crate) async fn header(&mut self) -> Result<Vec<u8>, Error> {
        let mut octets: Vec<u8> = Vec::new();
        while octets.len() < HEADER {
            let piece = self.read(octets.len() as u64, 16 * 1024).await?;
            if piece.is_empty() {
                return Ok(octets);
            }
            let seen = octets.len();
            octets.extend_from_slice(&piece);
            if let Some(end) = end_of_header(&octets, seen.saturating_sub(3)) {
                octets.truncate(end);
                return Ok(octets);
            }
        }
        Ok(octets)
    }
}

/// Where the first empty line ends, looked for from `from` on.
pub(crate) fn end_of_header(octets: &[u8], from: usize) -> Option<usize> {
    if from == 0 {
        if octets.starts_with(b"\r\n") {
            return Some(2);
        }
        if octets.starts_with(b"\n") {
            return Some(1);
        }
    }
    memchr::memchr_iter(b'\n', &octets[from..]).find_map(|at| {
        let next = from + at + 1;
        match &octets[next..] {
            [b'\n', ..] => Some(next + 1),
            [b'\r', b'\n', ..] => Some(next + 2),
            _ => None,
        }
    })
}
