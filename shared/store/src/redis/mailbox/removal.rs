//! Removing mailboxes and accounts for good. The first step hides them; what they
//! held goes in steps of [`CHUNK`], which whoever looks for releases goes on with
//! after a crash.

use super::super::connection::Call;
use super::CHUNK;
use super::account::Owner;
use crate::StoreError;
use crate::mailbox::{Deleted, MailboxId};

impl Owner<'_> {
    pub(super) async fn delete(&self, mailbox: MailboxId) -> Result<Deleted, StoreError> {
        if mailbox == MailboxId::INBOX {
            return Ok(Deleted::IsInbox);
        }
        let hide = |call: Call| call.arg(mailbox.number());
        let deleted = self.busy::<String>("mailbox_delete", hide).await?;
        while !self.empty_shelf().await? {}
        match deleted.as_str() {
            "deleted" => Ok(Deleted::Deleted),
            "has inferiors" => Ok(Deleted::HasInferiors),
            _missing => Ok(Deleted::NoSuchMailbox),
        }
    }

    pub(super) async fn remove(&self) -> Result<(), StoreError> {
        self.busy::<u64>("mailbox_remove", |call| call).await?;
        while !self.release_some().await? {}
        Ok(())
    }

    /// Empties some of a shelf whose mailbox was deleted; true if there is none.
    pub(super) async fn empty_shelf(&self) -> Result<bool, StoreError> {
        let some = |call: Call| call.arg(CHUNK);
        self.busy("mailbox_empty_shelf", some).await
    }

    /// Releases some of what a removed account showed; true if it shows nothing.
    pub(super) async fn release_some(&self) -> Result<bool, StoreError> {
        let some = |call: Call| call.arg(CHUNK);
        self.busy("mailbox_release_shown", some).await
    }
}
