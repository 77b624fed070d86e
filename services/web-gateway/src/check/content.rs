//! Content that nobody refers to is reclaimed in time.

use std::collections::HashSet;
use std::time::Duration;

use ::content::Listed;
use message::ContentId;

use super::{Check, PAGE, Stop};
use crate::api::FindingKind;

/// How many condemned contents are kept in mind.
const MOST_CONDEMNED: usize = 100_000;

impl Check {
    pub(super) async fn contents(&mut self) -> Result<(), Stop> {
        let mut condemned = None;
        let mut after = None;
        loop {
            let page = self
                .ports
                .content
                .list(after, PAGE)
                .await
                .map_err(Stop::Content)?;
            for damage in page.damage {
                self.found(FindingKind::ContentDamaged, "content", damage.to_string())
                    .await?;
            }
            for listed in page.contents {
                self.summary.contents += 1;
                if self.ports.ledger.holders(&listed.id).await?.is_empty() {
                    self.summary.unreferenced += 1;
                    self.unreferenced(listed, &mut condemned).await?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn unreferenced(
        &mut self,
        listed: Listed,
        condemned: &mut Option<HashSet<ContentId>>,
    ) -> Result<(), Stop> {
        if listed.stored_at > self.unreferenced_since {
            return Ok(());
        }
        if condemned.is_none() {
            *condemned = Some(self.condemned().await?);
        }
        let waits = |set: &HashSet<_>| set.contains(&listed.id) || set.len() >= MOST_CONDEMNED;
        if condemned.as_ref().is_some_and(waits) {
            return Ok(());
        }
        // It may have been condemned, referred to or reclaimed since.
        if self.condemned().await?.contains(&listed.id)
            || !self.ports.ledger.holders(&listed.id).await?.is_empty()
            || self.ports.content.open(&listed.id).await.is_err()
        {
            return Ok(());
        }
        let detail = format!(
            "{} octets since {}; nobody refers to it",
            listed.octets, listed.stored_at
        );
        let subject = format!("content {}", listed.id);
        self.found(FindingKind::ContentWithoutReference, subject, detail)
            .await
    }

    async fn condemned(&self) -> Result<HashSet<ContentId>, Stop> {
        let soon = self.ports.clock.now() + Duration::from_secs(60);
        let contents = self.ports.ledger.condemned(soon, MOST_CONDEMNED).await?;
        Ok(contents.into_iter().collect())
    }
}
