//! What ends a record: the prefix, and what recovery needs to know.

use bytes::{Buf, Bytes};
use message::{Envelope, MessageId};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Stored with the octets, so that a content explains itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Trailer {
    /// The message that the content came with.
    pub message: MessageId,
    /// What we put in front of the octets (`Received:`), ending in CRLF, or
    /// empty.
    pub prefix: Bytes,
    /// The envelope as accepted; none where a client put the content into a
    /// mailbox directly.
    pub envelope: Option<Envelope>,
}

/// The part that is JSON.
#[derive(Serialize, Deserialize)]
struct Explanation<E> {
    message: MessageId,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    envelope: Option<E>,
}

fn none<E>() -> Option<E> {
    None
}

impl Trailer {
    /// The longest trailer, encoded: far above a thousand recipients with all
    /// their parameters.
    pub const MAX: usize = 4 * 1024 * 1024;

    /// The prefix behind its length in 4 octets (little-endian), then JSON.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        let explanation = Explanation {
            message: self.message,
            envelope: self.envelope.as_ref(),
        };
        let mut encoded = (self.prefix.len() as u32).to_le_bytes().to_vec();
        encoded.extend_from_slice(&self.prefix);
        serde_json::to_writer(&mut encoded, &explanation).map_err(Error::Envelope)?;
        if encoded.len() > Self::MAX {
            return Err(Error::TrailerTooLong {
                octets: encoded.len(),
                limit: Self::MAX,
            });
        }
        Ok(encoded)
    }

    /// Reads what [`Trailer::encode`] wrote; none if it did not.
    pub(crate) fn decode(mut encoded: Bytes) -> Option<Self> {
        let length = encoded.try_get_u32_le().ok()? as usize;
        if length > encoded.len() {
            return None;
        }
        let prefix = encoded.split_to(length);
        let Explanation { message, envelope } = serde_json::from_slice(&encoded).ok()?;
        Some(Self {
            message,
            prefix,
            envelope,
        })
    }
}
