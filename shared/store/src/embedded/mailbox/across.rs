//! What spans accounts, in pages.

use message::{AccountId, MessageId};

use super::super::EmbeddedStore;
use super::super::key::{Key, KeyReader, Space};
use super::{page, shown};
use crate::StoreError;
use crate::mailbox::Release;

pub(super) fn delivered_key(account: AccountId, message: MessageId) -> Key {
    Key::new(Space::Delivered)
        .u64(account.bits())
        .u128(message.bits())
}

impl EmbeddedStore {
    /// Releases that wait; also goes on emptying what a crash left of deleted
    /// mailboxes.
    pub(super) async fn waiting_releases(&self, limit: usize) -> Result<Vec<Release>, StoreError> {
        self.empty_doomed().await?;
        let prefix = Key::new(Space::Release);
        self.engine
            .read(|read| page(read, &prefix, None, limit, |key, _| shown::read_back(key)))
    }

    /// Delivery records above `after`, by account and message.
    pub(super) fn all_deliveries(
        &self,
        after: Option<(AccountId, MessageId)>,
        limit: usize,
    ) -> Result<Vec<(AccountId, MessageId)>, StoreError> {
        let prefix = Key::new(Space::Delivered);
        let after = after.map(|(account, message)| delivered_key(account, message));
        self.engine.read(|read| {
            page(read, &prefix, after.as_ref(), limit, |key, _| {
                let mut parts = KeyReader::new(key);
                let account = AccountId::from_bits(parts.u64()?);
                Ok((account, MessageId::from_bits(parts.u128()?)))
            })
        })
    }

    /// What mailboxes show above `after`, by account and content.
    pub(super) fn all_shown(
        &self,
        after: Option<&Release>,
        limit: usize,
    ) -> Result<Vec<Release>, StoreError> {
        let prefix = Key::new(Space::Shown);
        let after = after.map(|after| shown::key(after.account, &after.content));
        self.engine.read(|read| {
            page(read, &prefix, after.as_ref(), limit, |key, _| {
                shown::read_back(key)
            })
        })
    }
}
