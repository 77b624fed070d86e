//! Content on its way out, block by block.

use bytes::Bytes;
use content::Reader;
use smtp::client::{DotStuffer, Framing};

/// How much content is gathered before it is written.
const BLOCK: usize = 32 * 1024;

/// What is left to be sent of a content.
pub(super) struct Outflow<'a> {
    content: &'a mut dyn Reader,
    /// Read, and not part of a block yet.
    held: Option<Bytes>,
    /// From the first block on.
    stuffer: Option<DotStuffer>,
}

impl<'a> Outflow<'a> {
    pub(super) fn new(content: &'a mut dyn Reader) -> Self {
        Self {
            held: Some(content.prefix().clone()),
            content,
            stuffer: None,
        }
    }

    /// Makes `wire` the next block; whether it is the last one. A content that
    /// fits into one block is one.
    pub(super) async fn gather(
        &mut self,
        framing: Framing,
        wire: &mut Vec<u8>,
    ) -> Result<bool, content::Error> {
        wire.clear();
        let mut stuffer = self
            .stuffer
            .take()
            .unwrap_or_else(|| DotStuffer::framed(framing));
        if let Some(held) = self.held.take() {
            stuffer.push(&held, wire);
        }
        while let Some(piece) = self.content.read().await? {
            if wire.len() >= BLOCK {
                self.held = Some(piece);
                self.stuffer = Some(stuffer);
                return Ok(false);
            }
            stuffer.push(&piece, wire);
        }
        stuffer.finish(wire);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use async_trait::async_trait;
    use content::{Error, Trailer};
    use message::MessageId;

    use super::*;

    /// A content that is read in these pieces.
    struct Pieces {
        trailer: Trailer,
        pieces: VecDeque<Bytes>,
    }

    #[async_trait]
    impl Reader for Pieces {
        fn octets(&self) -> u64 {
            self.pieces.iter().map(|piece| piece.len() as u64).sum()
        }

        fn trailer(&self) -> &Trailer {
            &self.trailer
        }

        async fn read(&mut self) -> Result<Option<Bytes>, Error> {
            Ok(self.pieces.pop_front())
        }

        async fn read_range(&mut self, _offset: u64, _max: usize) -> Result<Bytes, Error> {
            Ok(Bytes::new())
        }
    }

    /// The blocks that a content of such pieces goes out in.
    async fn blocks(pieces: &[usize]) -> Vec<Vec<u8>> {
        let line = |octets: &usize| Bytes::from([vec![b'x'; octets - 2], b"\r\n".into()].concat());
        let mut content = Pieces {
            trailer: Trailer {
                message: MessageId::from_bits(1),
                prefix: Bytes::from_static(b"Received: us\r\n"),
                envelope: None,
            },
            pieces: pieces.iter().map(line).collect(),
        };
        let mut outflow = Outflow::new(&mut content);
        let mut blocks = Vec::new();
        loop {
            let mut wire = Vec::new();
            let last = outflow.gather(Framing::Dot, &mut wire).await.unwrap();
            blocks.push(wire);
            if last {
                return blocks;
            }
        }
    }

    #[tokio::test]
    async fn a_small_message_and_its_final_dot_are_one_block() {
        for pieces in [&[100][..], &[100; 20]] {
            let blocks = blocks(pieces).await;
            assert_eq!(blocks.len(), 1);
            assert!(blocks[0].starts_with(b"Received: us\r\nx"));
            assert!(blocks[0].ends_with(b"x\r\n.\r\n"));
        }
    }

    #[tokio::test]
    async fn the_final_dot_of_a_large_one_goes_with_its_last_octets() {
        let blocks = blocks(&[20_000; 5]).await;
        assert!(blocks.len() > 1);
        assert!(blocks.last().unwrap().ends_with(b"x\r\n.\r\n"));
        assert!(blocks.iter().all(|block| block.len() <= BLOCK + 20_000));
    }
}
