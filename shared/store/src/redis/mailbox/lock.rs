//! Who has an account's mailboxes for itself.

use std::time::Duration;

use super::super::connection::Call;
use super::account::Owner;
use super::state::MAX_MODSEQ;
use crate::StoreError;
use crate::mailbox::LockHolder;

impl Owner<'_> {
    pub(super) async fn lock(
        &self,
        holder: LockHolder,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let lease = u64::try_from(lease.as_micros()).unwrap_or(u64::MAX);
        let call = Call::write("mailbox_lock", &self.key)
            .arg(format!("{holder:?}"))
            .arg(lease.min(MAX_MODSEQ))
            .arg(self.link.now());
        self.link.call(call).await
    }

    pub(super) async fn unlock(&self, holder: LockHolder) -> Result<(), StoreError> {
        let call = Call::write("mailbox_unlock", &self.key)
            .arg(format!("{holder:?}"))
            .arg(self.link.now());
        self.link.call::<u64>(call).await.map(drop)
    }
}
