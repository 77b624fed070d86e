//! The octets of a mailbox entry: its prefix, the content's prefix, the content
//! as received. They are streamed; no more than a chunk is in memory. Where
//! reading fails, the connection breaks off short of the announced length.

use bytes::Bytes;
use content::Reader;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use store::mailbox::MailboxEntry;

/// How many octets [`stream`] gives.
pub(crate) fn length(entry: &MailboxEntry, reader: &dyn Reader) -> u64 {
    (entry.prefix.len() + reader.prefix().len()) as u64 + reader.octets()
}

/// The octets, from the first to the last.
pub(crate) fn stream(
    entry: &MailboxEntry,
    reader: Box<dyn Reader>,
) -> impl Stream<Item = Result<Bytes, content::Error>> + Send + use<> {
    let head = [entry.prefix.as_bytes(), reader.prefix()].concat();
    try_unfold(
        (Bytes::from(head), reader),
        |(head, mut reader)| async move {
            if !head.is_empty() {
                return Ok(Some((head, (Bytes::new(), reader))));
            }
            let octets = reader.read().await?;
            Ok(octets.map(|octets| (octets, (Bytes::new(), reader))))
        },
    )
}
