//! Every reference leads to content, and is held by someone who needs it.

use message::{AccountId, ContentId, MessageId};
use store::ledger::{Holder, JobState};
use store::mailbox::Release;

use super::{Check, Condition, PAGE, Stop};
use crate::api::FindingKind;

impl Check {
    pub(super) async fn references(&mut self) -> Result<(), Stop> {
        let mut after: Option<(ContentId, Holder)> = None;
        let mut last: Option<(ContentId, Condition)> = None;
        loop {
            let page = self.ports.ledger.references(after.as_ref(), PAGE).await?;
            for (content, holder) in &page {
                self.summary.references += 1;
                // References come by content: many accounts may hold the same.
                if last.as_ref().is_none_or(|(seen, _)| seen != content) {
                    last = Some((content.clone(), self.condition(content).await?));
                }
                if let Some((_, condition)) = &last {
                    self.reference(content, *holder, condition).await?;
                }
            }
            if page.len() < PAGE {
                return Ok(());
            }
            after = page.into_iter().last();
        }
    }

    async fn reference(
        &mut self,
        content: &ContentId,
        holder: Holder,
        condition: &Condition,
    ) -> Result<(), Stop> {
        let needed = match holder {
            Holder::Entry(message) => self.entry_needs(message).await?,
            Holder::Account(account) => self.account_needs(account, content, condition).await?,
        };
        let sound = needed && matches!(condition, Condition::There(_));
        // Between the page and now it may have been released.
        if sound || !self.ports.ledger.holders(content).await?.contains(&holder) {
            return Ok(());
        }
        let subject = format!("content {content} held by {}", holder_name(holder));
        self.expect_content(condition, FindingKind::ReferenceWithoutContent, &subject)
            .await?;
        if needed {
            return Ok(());
        }
        if let (Holder::Account(_), Condition::There(message)) = (holder, condition)
            && message.timestamp() > self.unreferenced_since
        {
            self.summary.unclaimed += 1;
            return Ok(());
        }
        let detail = "the holder does not need it any more, yet it was not released";
        self.found(FindingKind::ReferenceWithoutHolder, subject, detail)
            .await
    }

    async fn entry_needs(&self, message: MessageId) -> Result<bool, Stop> {
        let history = self.ports.ledger.history(message).await?;
        Ok(history.is_some_and(|history| history.closed_at.is_none()))
    }

    /// An account needs what it shows, what is on its way to it, and, until the
    /// ledger has heard of it, what it has given up.
    async fn account_needs(
        &self,
        account: AccountId,
        content: &ContentId,
        condition: &Condition,
    ) -> Result<bool, Stop> {
        if self.ports.mailboxes.shows(account, content).await? {
            return Ok(true);
        }
        if let Condition::There(message) = condition
            && self.is_on_its_way(*message, account).await?
        {
            return Ok(true);
        }
        let release = Release {
            account,
            content: content.clone(),
        };
        let waiting = self.ports.mailboxes.releases(PAGE).await?;
        // A full page says nothing of the releases behind it.
        Ok(waiting.len() == PAGE || waiting.contains(&release))
    }

    async fn is_on_its_way(&self, message: MessageId, account: AccountId) -> Result<bool, Stop> {
        let Some(history) = self.ports.ledger.history(message).await? else {
            return Ok(false);
        };
        let open = history
            .jobs
            .iter()
            .filter(|job| job.state != JobState::Settled);
        let mut recipients = open.flat_map(|job| &job.recipients);
        Ok(recipients.any(|recipient| recipient.recipient.account == Some(account)))
    }
}

fn holder_name(holder: Holder) -> String {
    match holder {
        Holder::Entry(message) => format!("message {message}"),
        Holder::Account(account) => format!("account {account}"),
    }
}
