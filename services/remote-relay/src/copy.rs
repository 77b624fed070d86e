//! What goes out: the message, and before it where it was passed on.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use content::{Error, Reader, Trailer};
use message::{Body, Envelope};
use store::ledger::JobRecord;

/// The Delivered-To fields of a job's copies (RFC 9228), the last alias first,
/// as trace fields are put one before the other.
///
/// Names in UTF-8 are left out of a message that is not internationalised
/// (RFC 6531): they are aliases within, behind one in ASCII that is named.
pub(crate) fn delivered_to(job: &JobRecord, envelope: &Envelope) -> String {
    let aliases = job.passed_on_by.iter().rev();
    let writable = aliases.filter(|alias| envelope.smtputf8 || !alias.needs_smtputf8());
    writable
        .map(|alias| format!("Delivered-To: {alias}\r\n"))
        .collect()
}

/// What the message with `fields` before it needs of the transport.
pub(crate) fn body(envelope: &Envelope, fields: &str) -> Body {
    match fields.is_ascii() {
        true => envelope.body,
        false => Body::EightBit,
    }
}

/// A content with fields before its prefix.
pub(crate) struct Copy {
    content: Box<dyn Reader>,
    prefix: Bytes,
}

impl Copy {
    pub(crate) fn new(content: Box<dyn Reader>, fields: &str) -> Self {
        let mut prefix = BytesMut::from(fields);
        prefix.extend_from_slice(content.prefix());
        Self {
            content,
            prefix: prefix.freeze(),
        }
    }
}

#[async_trait]
impl Reader for Copy {
    fn octets(&self) -> u64 {
        self.content.octets()
    }

    fn trailer(&self) -> &Trailer {
        self.content.trailer()
    }

    fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        self.content.read().await
    }

    async fn read_range(&mut self, offset: u64, max: usize) -> Result<Bytes, Error> {
        self.content.read_range(offset, max).await
    }
}
