//! What ends a record: the prefix, and what recovery needs to know.

use bytes::Bytes;
use message::{Envelope, MessageId};

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
