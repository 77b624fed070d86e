//! Reclaiming the space of content that nobody refers to.
//!
//! | step | crash after it |
//! | --- | --- |
//! | an account's last entry is gone, its release queued (one step of the mailbox) | the release is taken up again |
//! | the ledger drops the reference; the last one condemns the content | dropping again changes nothing |
//! | the grace is over, the octets are removed | removing again changes nothing |
//! | the condemnation is forgotten | – |

use std::sync::Arc;
use std::time::Duration;

use content::ContentStore;
use futures_util::{TryStreamExt, stream};
use message::{Clock, ContentId};
use store::ledger::Holder;
use store::{Ledger, MailboxStore, StoreError};

/// How long condemned content stays, longer than any read.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// How long a content that nobody ever referred to may be in the making.
const SWEEP_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many are handled in one step.
const PAGE: usize = 256;

/// How many are removed at the same time: on S3 each waits for requests.
const AT_ONCE: usize = 16;

/// Why reclaiming stopped; it goes on at the next round.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReclaimError {
    #[error("cannot read or settle references: {0}")]
    Store(#[from] StoreError),
    #[error("cannot remove content: {0}")]
    Content(#[from] content::Error),
}

/// The reclaimer; one instance runs it at a time.
pub(crate) struct Reclaimer {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) mailbox: Arc<dyn MailboxStore>,
    pub(crate) content: Arc<dyn ContentStore>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Reclaimer {
    /// Passes on what mailboxes released.
    pub(crate) async fn pass_on_releases(&self) -> Result<(), ReclaimError> {
        loop {
            let releases = self.mailbox.releases(PAGE).await?;
            for release in &releases {
                // It may be shown again: released, then delivered anew.
                if !self
                    .mailbox
                    .shows(release.account, &release.content)
                    .await?
                {
                    let holder = Holder::Account(release.account);
                    self.ledger.release(&release.content, holder).await?;
                }
            }
            self.mailbox.released(&releases).await?;
            if releases.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Removes the octets of what was condemned long enough ago.
    pub(crate) async fn remove_condemned(&self) -> Result<(), ReclaimError> {
        let before = self.clock.now() - GRACE;
        loop {
            let condemned = self.ledger.condemned(before, PAGE).await?;
            stream::iter(condemned.iter().map(Ok))
                .try_for_each_concurrent(AT_ONCE, |content| self.content.remove(content))
                .await?;
            self.ledger.reclaimed(&condemned).await?;
            if condemned.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Condemns old content that no acceptance ever referred to, as a crash
    /// between content and ledger leaves it.
    pub(crate) async fn sweep(&self) -> Result<(), ReclaimError> {
        let before = self.clock.now() - SWEEP_AGE;
        let mut after = None;
        loop {
            let page = self.content.list(after, PAGE).await?;
            for listed in page
                .contents
                .iter()
                .filter(|listed| listed.stored_at < before)
            {
                self.condemn_unreferenced(&listed.id).await?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn condemn_unreferenced(&self, content: &ContentId) -> Result<(), StoreError> {
        let unreferenced = self.ledger.holders(content).await?.is_empty();
        if unreferenced && self.ledger.condemn(content).await? {
            tracing::info!(%content, "swept up content that nobody refers to");
        }
        Ok(())
    }
}
