//! The octets of a mailbox entry: its prefix, the content's prefix, the content
//! as received.

use bytes::Bytes;
use content::{ContentStore, Error, Reader};
use store::mailbox::MailboxEntry;

/// The longest header section that is looked for.
const HEADER: usize = 1024 * 1024;

/// An entry that is open for reading.
pub(crate) struct Source {
    /// Both prefixes.
    head: Bytes,
    /// How much of it belongs to the entry alone.
    own: usize,
    reader: Box<dyn Reader>,
}

impl Source {
    pub(crate) async fn open(
        content: &dyn ContentStore,
        entry: &MailboxEntry,
    ) -> Result<Self, Error> {
        let reader = content.open(&entry.content).await?;
        let head = match entry.prefix.is_empty() {
            true => reader.prefix().clone(),
            false => [entry.prefix.as_bytes(), reader.prefix()].concat().into(),
        };
        Ok(Self {
            head,
            own: entry.prefix.len(),
            reader,
        })
    }

    /// The octets of all of it.
    pub(crate) fn size(&self) -> u64 {
        self.head.len() as u64 + self.reader.octets()
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
            None => self.reader.read_range(offset - head, max).await,
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
