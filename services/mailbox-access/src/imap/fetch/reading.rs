//! What FETCH reads before it answers, as far as its plan needs it: many messages
//! in one go.

use std::iter;
use std::sync::Arc;

use message::AccountId;
use store::mailbox::{MailboxEntry, MailboxId};

use super::plan::Plan;
use crate::imap::answer::Failure;
use crate::imap::session::Session;
use crate::mail::{SMALL, Source, Summary, summaries, summaries_where};

impl Session {
    /// The entries of UIDs, which rise: a page where no other lies between them.
    pub(super) async fn entries_of(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        uids: &[u32],
    ) -> Result<Vec<MailboxEntry>, Failure> {
        let (_, view) = self.view()?;
        let before = match uids {
            [first, .., last] if view.within(*first..=*last).len() == uids.len() => {
                first.checked_sub(1)
            }
            _ => None,
        };
        let mailboxes = &self.service.mailboxes;
        let Some(before) = before else {
            return Ok(mailboxes.entries_at(account, mailbox, uids).await?);
        };
        let page = mailboxes.entries(account, mailbox, before, uids.len());
        let mut entries = page.await?;
        // Where some are gone, others have moved up.
        entries.retain(|entry| uids.binary_search(&entry.uid).is_ok());
        Ok(entries)
    }

    /// What is kept of entries, as far as the plan needs it.
    pub(super) async fn summaries_for(
        &self,
        plan: &Plan,
        entries: &[MailboxEntry],
    ) -> Vec<Option<Arc<Summary>>> {
        let content = self.service.content.as_ref();
        match (plan.summary, plan.header && !plan.octets) {
            (true, _) => summaries(content, entries).await,
            // To read all of what is long, just for its header, does not pay.
            (false, true) => summaries_where(content, entries, |entry| entry.size <= SMALL).await,
            (false, false) => vec![None; entries.len()],
        }
    }

    /// The octets of entries, as far as the plan needs them.
    pub(super) async fn sources_for(
        &self,
        plan: &Plan,
        entries: &[MailboxEntry],
        kept: &[Option<Arc<Summary>>],
    ) -> Vec<Option<Source>> {
        let content = self.service.content.as_ref();
        match (plan.octets, plan.header) {
            (true, _) => Source::open_all(content, entries).await,
            (false, true) => Source::headers(content, entries, kept).await,
            (false, false) => iter::repeat_with(|| None).take(entries.len()).collect(),
        }
    }
}
