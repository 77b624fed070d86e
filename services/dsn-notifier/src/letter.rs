//! A notice on its way into the content store: composed, put together with what
//! it returns of the message, and made durable.

use bytes::Bytes;
use content::{ContentStore, Reader, Trailer, Writer};
use message::{
    Address, ContentId, Envelope, Notify, Protocol, Recipient, ReversePath, Transaction,
};
use store::ledger::{Entry, NoticeClaim};

use crate::Error;
use crate::notice::{Extent, Headers, Notice, Reporter};

/// A notice that is durable, and what accepting it needs.
pub(crate) struct Letter {
    /// Where it is.
    pub(crate) content: ContentId,
    /// Its octets.
    pub(crate) size: u64,
    /// Its envelope.
    pub(crate) envelope: Envelope,
}

/// What a notice is made from.
#[derive(Clone, Copy)]
pub(crate) struct Draft<'a> {
    /// Whom it tells about.
    pub(crate) claim: &'a NoticeClaim,
    /// The message it tells about.
    pub(crate) entry: &'a Entry,
    /// Whom it goes to: that message's return path.
    pub(crate) to: &'a Address,
    /// Who sends it.
    pub(crate) reporter: &'a Reporter,
    /// The largest message that is returned whole.
    pub(crate) max_return: u64,
}

impl Draft<'_> {
    /// Makes the notice durable. A message that is gone or damaged is not
    /// returned; its sender is told all the same.
    pub(crate) async fn put(self, store: &dyn ContentStore) -> Result<Letter, Error> {
        match self.put_returning(store).await {
            Err(error) if error.lost_the_message() => {
                let message = self.entry.acceptance.message;
                tracing::error!(%message, %error, "a notice goes without its message");
                self.put_alone(store).await
            }
            result => result,
        }
    }

    /// With what the message's sender asked to get back of it.
    async fn put_returning(self, store: &dyn ContentStore) -> Result<Letter, Error> {
        let opened = store.open(&self.entry.acceptance.content).await;
        let mut original = opened.map_err(Error::Original)?;
        let headers = Headers::read(original.as_mut()).await;
        let headers = headers.map_err(Error::Original)?;
        let extent = Extent::of(self.claim.kind, self.entry, self.max_return);
        let notice = self.compose(&headers, extent);
        let mut writer = begin(store, &notice).await?;
        if extent == Extent::Whole {
            copy(original.as_mut(), writer.as_mut()).await?;
        }
        self.finish(writer, &notice).await
    }

    async fn put_alone(self, store: &dyn ContentStore) -> Result<Letter, Error> {
        let notice = self.compose(&Headers::default(), Extent::Nothing);
        let writer = begin(store, &notice).await?;
        self.finish(writer, &notice).await
    }

    fn compose(self, headers: &Headers, extent: Extent) -> Notice {
        Notice::compose(self.claim, self.entry, headers, extent, self.reporter)
    }

    async fn finish(self, mut writer: Box<dyn Writer>, notice: &Notice) -> Result<Letter, Error> {
        let envelope = self.envelope(notice);
        writer.write(&notice.tail).await.map_err(Error::Notice)?;
        let trailer = Trailer {
            message: self.claim.id,
            prefix: Bytes::new(),
            envelope: Some(envelope.clone()),
        };
        let stored = writer.finish(trailer).await.map_err(Error::Notice)?;
        Ok(Letter {
            content: stored.id,
            size: stored.octets,
            envelope,
        })
    }

    /// RFC 3464 §2: from nobody, so that no notice about it can come back.
    fn envelope(self, notice: &Notice) -> Envelope {
        Envelope {
            return_path: ReversePath::Null,
            recipients: vec![Recipient {
                address: self.to.clone(),
                notify: Notify::Never,
                orcpt: None,
            }],
            ret: None,
            envelope_id: None,
            body: notice.body,
            smtputf8: notice.smtputf8,
            transaction: Transaction::by(Protocol::Notice),
        }
    }
}

async fn begin(store: &dyn ContentStore, notice: &Notice) -> Result<Box<dyn Writer>, Error> {
    let mut writer = store.create().await.map_err(Error::Notice)?;
    writer.write(&notice.head).await.map_err(Error::Notice)?;
    Ok(writer)
}

/// Streams the whole message: our prefix, then the octets as received.
async fn copy(original: &mut dyn Reader, to: &mut dyn Writer) -> Result<(), Error> {
    let prefix = original.prefix().clone();
    to.write(&prefix).await.map_err(Error::Notice)?;
    while let Some(octets) = original.read().await.map_err(Error::Original)? {
        to.write(&octets).await.map_err(Error::Notice)?;
    }
    Ok(())
}
