//! The names that an account has subscribed to.

use super::account::Owner;
use crate::StoreError;
use crate::mailbox::{MAX_MAILBOXES, MailboxName};

impl Owner<'_> {
    pub(super) async fn subscribe(&self, name: &MailboxName) -> Result<bool, StoreError> {
        let call = self.write("mailbox_subscribe").arg(name.as_str());
        self.call(call.arg(MAX_MAILBOXES)).await
    }

    pub(super) async fn unsubscribe(&self, name: &MailboxName) -> Result<(), StoreError> {
        let call = self.write("mailbox_unsubscribe").arg(name.as_str());
        self.call::<u64>(call).await.map(drop)
    }

    pub(super) async fn subscriptions(&self) -> Result<Vec<MailboxName>, StoreError> {
        let names: Vec<String> = self.call(self.read("mailbox_subscriptions")).await?;
        names.into_iter().map(|name| self.name(name)).collect()
    }
}
