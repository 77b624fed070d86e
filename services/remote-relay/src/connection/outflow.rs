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
