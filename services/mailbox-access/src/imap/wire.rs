//! The octets to and from a client, compressed if it asks (RFC 4978).
//!
//! What is read at once grows with what comes and shrinks again, so that those
//! who wait hold little. What decompresses is handed on in pieces: a few octets
//! cannot become many in memory.

use std::io;

use bytes::BytesMut;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use perimeter::Stream;

/// Octets read at a time, at least and at most.
const READ: (usize, usize) = (1024, 32 * 1024);

/// The most that is decompressed at a time.
const INFLATED: usize = 64 * 1024;

/// A connection to a client.
pub(super) struct Wire {
    stream: Stream,
    room: Vec<u8>,
    deflate: Option<Box<Deflate>>,
}

/// Compression in both directions.
struct Deflate {
    compress: Compress,
    decompress: Decompress,
    /// Read, and not decompressed yet.
    pending: BytesMut,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            room: Vec::new(),
            deflate: None,
        }
    }

    /// Takes the stream out, to put it under TLS.
    pub(super) fn take_stream(&mut self) -> Stream {
        std::mem::replace(&mut self.stream, Stream::Gone)
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// Compresses from now on; `input` was read already.
    pub(super) fn compress(&mut self, input: &mut BytesMut) {
        self.deflate = Some(Box::new(Deflate {
            compress: Compress::new(Compression::fast(), false),
            decompress: Decompress::new(false),
            pending: input.split(),
        }));
    }

    /// Adds what came to `input`; 0 at the end. Cancelling loses nothing.
    pub(super) async fn read(&mut self, input: &mut BytesMut) -> io::Result<usize> {
        loop {
            if let Some(deflate) = &mut self.deflate {
                let count = deflate.inflate(input)?;
                if count > 0 {
                    return Ok(count);
                }
            }
            if self.room.is_empty() {
                self.room = vec![0; READ.0];
            }
            let count = self.stream.read(&mut self.room).await?;
            let came = &self.room[..count];
            match &mut self.deflate {
                Some(deflate) => deflate.pending.extend_from_slice(came),
                None => input.extend_from_slice(came),
            }
            self.fit_room(count);
            if count == 0 || self.deflate.is_none() {
                return Ok(count);
            }
        }
    }

    fn fit_room(&mut self, count: usize) {
        let room = self.room.len();
        if count == room && room < READ.1 {
            self.room = vec![0; room * 2];
        } else if count < room / 4 && room > READ.0 {
            self.room = vec![0; READ.0];
        }
    }

    /// Sends all of it.
    pub(super) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match &mut self.deflate {
            None => self.stream.write(octets).await,
            Some(deflate) => {
                let compressed = deflate.deflate(octets)?;
                self.stream.write(&compressed).await
            }
        }
    }

    pub(super) async fn close(&mut self) {
        self.stream.close().await;
    }
}

impl Deflate {
    fn inflate(&mut self, input: &mut BytesMut) -> io::Result<usize> {
        let mut piece = Vec::with_capacity(INFLATED);
        let before = self.decompress.total_in();
        self.decompress
            .decompress_vec(&self.pending, &mut piece, FlushDecompress::Sync)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let used = self.decompress.total_in() - before;
        let used = usize::try_from(used).unwrap_or(self.pending.len());
        drop(self.pending.split_to(used.min(self.pending.len())));
        input.extend_from_slice(&piece);
        Ok(piece.len())
    }

    fn deflate(&mut self, octets: &[u8]) -> io::Result<Vec<u8>> {
        let mut compressed = Vec::with_capacity(octets.len() / 2 + 64);
        let start = self.compress.total_in();
        loop {
            let used = usize::try_from(self.compress.total_in() - start).unwrap_or(octets.len());
            self.compress
                .compress_vec(&octets[used..], &mut compressed, FlushCompress::Sync)
                .map_err(io::Error::other)?;
            let taken = self.compress.total_in() - start == octets.len() as u64;
            // With room left, everything was flushed.
            if taken && compressed.len() < compressed.capacity() {
                return Ok(compressed);
            }
            compressed.reserve(octets.len() / 2 + 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back_in_pieces() {
        let mut deflate = Deflate {
            compress: Compress::new(Compression::fast(), false),
            decompress: Decompress::new(false),
            pending: BytesMut::new(),
        };
        let said = [b"* OK hello\r\n".to_vec(), vec![0; 1_000_000]].concat();
        let compressed = deflate.deflate(&said).unwrap();
        assert!(compressed.len() < 20_000);
        let mut heard = BytesMut::new();
        for octets in compressed.chunks(7) {
            deflate.pending.extend_from_slice(octets);
            while !deflate.pending.is_empty() {
                let count = deflate.inflate(&mut heard).unwrap();
                assert!(count <= INFLATED);
                if count == 0 {
                    break;
                }
            }
        }
        while deflate.inflate(&mut heard).unwrap() > 0 {}
        assert_eq!(heard, said);
    }
}
