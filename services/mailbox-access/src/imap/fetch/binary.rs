//! BINARY[…] (RFC 3516): parts without their transfer encoding. They pass by
//! twice, first to be counted.

use imap::response::{FetchResponse, Suspended};
use imap::{Part, Partial};

use crate::imap::answer::Broken;
use crate::imap::session::Session;
use crate::mail::{Decoder, Encoding, Source, Summary};

/// Encoded octets read at a time.
const PIECE: usize = 48 * 1024;

/// An encoded body.
#[derive(Clone, Copy)]
struct Body {
    start: u64,
    size: u64,
    encoding: Encoding,
}

/// What counting a body came to.
#[derive(Default)]
struct Count {
    octets: u64,
    nul: bool,
}

impl Session {
    pub(super) async fn tell_binary(
        &mut self,
        part: &Part,
        partial: Option<Partial>,
        source: Option<&mut Source>,
        summary: Option<&Summary>,
        suspended: Suspended,
    ) -> Result<Suspended, Broken> {
        let origin = partial.map(|partial| partial.offset);
        let found = source.and_then(|source| Some((Body::find(part, source, summary)?, source)));
        let Some((body, source)) = found else {
            let mut fetch = FetchResponse::resume(&mut self.out, suspended);
            fetch.binary(part, origin, None, false);
            return Ok(fetch.suspend());
        };
        let count = body.count(source).await?;
        let start = origin.map_or(0, u64::from).min(count.octets);
        let length = partial.map_or(u64::MAX, |partial| partial.length.into());
        let end = count.octets.min(start.saturating_add(length));
        let mut fetch = FetchResponse::resume(&mut self.out, suspended);
        fetch.binary(part, origin, Some(end - start), count.nul);
        let suspended = fetch.suspend();
        self.stream_decoded(body, source, start, end).await?;
        Ok(suspended)
    }

    pub(super) async fn tell_binary_size(
        &mut self,
        part: &Part,
        source: Option<&mut Source>,
        summary: Option<&Summary>,
        suspended: Suspended,
    ) -> Result<Suspended, Broken> {
        let found = source.and_then(|source| Some((Body::find(part, source, summary)?, source)));
        let size = match found {
            Some((body, source)) => body.count(source).await?.octets,
            None => 0,
        };
        let mut fetch = FetchResponse::resume(&mut self.out, suspended);
        fetch.binary_size(part, size);
        Ok(fetch.suspend())
    }

    /// Sends decoded octets from `start` to `end`.
    async fn stream_decoded(
        &mut self,
        body: Body,
        source: &mut Source,
        start: u64,
        end: u64,
    ) -> Result<(), Broken> {
        let mut decoding = Decoding::new(body);
        let mut at = 0;
        while at < end {
            let Some(octets) = decoding.next(source).await? else {
                return Err(Broken::Io(std::io::ErrorKind::UnexpectedEof.into()));
            };
            let next = at + octets.len() as u64;
            let from = start.clamp(at, next) - at;
            let to = end.clamp(at, next) - at;
            // Both are within a piece.
            if let Some(wanted) = octets.get(from as usize..to as usize) {
                self.out.raw(wanted);
            }
            self.flush_if_full().await?;
            at = next;
        }
        Ok(())
    }
}

impl Body {
    /// None where there is no such part, or nobody knows its encoding.
    fn find(part: &Part, source: &Source, summary: Option<&Summary>) -> Option<Self> {
        if part.0.is_empty() {
            return Some(Self {
                start: 0,
                size: source.size(),
                encoding: Encoding::Identity,
            });
        }
        let place = summary?.part(&part.0)?;
        (place.encoding != Encoding::Unknown).then(|| Self {
            start: source.own() + place.body_start,
            size: place.body_end - place.body_start,
            encoding: place.encoding,
        })
    }

    async fn count(self, source: &mut Source) -> Result<Count, Broken> {
        let mut count = Count::default();
        let mut decoding = Decoding::new(self);
        while let Some(octets) = decoding.next(source).await? {
            count.octets += octets.len() as u64;
            count.nul |= octets.contains(&0);
        }
        Ok(count)
    }
}

/// A body that is being decoded.
struct Decoding {
    body: Body,
    decoder: Decoder,
    read: u64,
    ended: bool,
}

impl Decoding {
    fn new(body: Body) -> Self {
        Self {
            body,
            decoder: Decoder::new(body.encoding),
            read: 0,
            ended: false,
        }
    }

    /// The next decoded octets; None at the end.
    async fn next(&mut self, source: &mut Source) -> Result<Option<Vec<u8>>, Broken> {
        if self.ended {
            return Ok(None);
        }
        let mut decoded = Vec::new();
        let left = self.body.size - self.read;
        let max = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
        let octets = match max {
            0 => Default::default(),
            max => source.read(self.body.start + self.read, max).await?,
        };
        self.read += octets.len() as u64;
        self.decoder.feed(&octets, &mut decoded);
        if octets.is_empty() {
            self.ended = true;
            self.decoder.finish(&mut decoded);
        }
        Ok(Some(decoded))
    }
}
