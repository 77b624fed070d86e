//! Reclaiming the space of content that nobody refers to.
//!
//! | step | crash after it |
//! | --- | --- |
//! | an account's last entry is gone, its release queued (one step of the mailbox) | the release is taken up again |
//! | the ledger drops the reference; the last one condemns the content | dropping again changes nothing |
//! | the grace is over, the octets are removed | removing again changes nothing |
//! | the condemnation is forgotten | – |

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use content::ContentStore;
use futures_util::{TryStreamExt, stream};
use message::{Clock, ContentId};
use store::ledger::Holder;
use store::mailbox::{Absence, Cause};
use store::{Ledger, MailboxStore, StoreError};

use crate::standing::Lookout;

/// How long condemned content stays, longer than any read.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// How long a content that nobody ever referred to may be in the making.
const SWEEP_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many are handled in one step.
const PAGE: usize = 256;

/// How many holders of a content the ledger tells at once.
const MOST_HOLDERS: usize = 1000;

/// How many condemned contents are kept in mind.
const MOST_CONDEMNED: usize = 100_000;

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
    pub(crate) lookout: Lookout,
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

    /// Raises the epoch where contents tell of mail that this copy of the store
    /// never knew.
    pub(crate) async fn look_back(&self) -> Result<(), ReclaimError> {
        let standing = self.lookout.look().await?;
        let (true, Some(absence)) = (standing.is_settled(), standing.absence) else {
            return Ok(());
        };
        let Some(stray) = self.stray(&absence).await? else {
            return Ok(());
        };
        // Another router may have been faster.
        if self.lookout.look().await? == standing {
            tracing::error!(
                content = %stray,
                "contents were stored while this copy of the store was not in use: an older copy \
                 took its place"
            );
            self.mailbox.raise_epoch(Cause::Restored).await?;
            self.lookout.look().await?;
        }
        Ok(())
    }

    /// A content that was stored in `absence` and that nobody ever referred to.
    async fn stray(&self, absence: &Absence) -> Result<Option<ContentId>, ReclaimError> {
        let mut condemned = HashSet::new();
        let mut after = None;
        loop {
            let page = self.content.list(after, PAGE).await?;
            for listed in page.contents {
                if absence.covers(listed.stored_at)
                    && self.ledger.holders(&listed.id).await?.is_empty()
                    && !self.is_condemned(&listed.id, &mut condemned).await?
                {
                    return Ok(Some(listed.id));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// Whether somebody referred to a content until it was condemned.
    async fn is_condemned(
        &self,
        content: &ContentId,
        known: &mut HashSet<ContentId>,
    ) -> Result<bool, StoreError> {
        if !known.contains(content) {
            let now = self.clock.now() + GRACE;
            let condemned = self.ledger.condemned(now, MOST_CONDEMNED).await?;
            known.extend(condemned);
        }
        Ok(known.contains(content))
    }

    /// Gives back what nobody needs of old contents, as crashes leave it: the
    /// content itself, between content and ledger, and the reference of an account,
    /// between referring and appending. False where it stopped because the store is
    /// not settled any more.
    pub(crate) async fn sweep(&self) -> Result<bool, ReclaimError> {
        let before = self.clock.now() - SWEEP_AGE;
        let mut after = None;
        loop {
            let page = self.content.list(after, PAGE).await?;
            if !self.lookout.look().await?.is_settled() {
                return Ok(false);
            }
            for listed in page
                .contents
                .iter()
                .filter(|listed| listed.stored_at < before)
            {
                self.sweep_content(&listed.id).await?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(true),
            }
        }
    }

    async fn sweep_content(&self, content: &ContentId) -> Result<(), StoreError> {
        let holders = self.holders(content).await?;
        if holders.is_empty() && self.ledger.condemn(content).await? {
            tracing::info!(%content, "swept up content that nobody refers to");
        }
        // As long as its message is open it may be on its way to an account.
        let is_entry = |holder: &Holder| matches!(holder, Holder::Entry(_));
        if holders.iter().any(is_entry) {
            return Ok(());
        }
        for holder in holders {
            if let Holder::Account(account) = holder
                && !self.mailbox.shows(account, content).await?
            {
                self.ledger.release(content, holder).await?;
                tracing::info!(%content, %account, "released content that its holder does not show");
            }
        }
        Ok(())
    }

    /// Who refers to a content, however many they are.
    async fn holders(&self, content: &ContentId) -> Result<Vec<Holder>, StoreError> {
        let mut holders = self.ledger.holders(content).await?;
        while holders.len() >= MOST_HOLDERS
            && let Some(last) = holders.last()
        {
            let after = (content.clone(), *last);
            let page = self.ledger.references(Some(&after), PAGE).await?;
            let (more, seen) = (page.into_iter(), holders.len());
            let more = more.take_while(|(other, _)| other == content);
            holders.extend(more.map(|(_, holder)| holder));
            if holders.len() == seen {
                break;
            }
        }
        Ok(holders)
    }
}

#[cfg(test)]
mod tests;
