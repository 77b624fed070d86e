//! Who has which account's mailboxes for itself. Kept in memory: with the
//! process go the sessions that hold locks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use message::AccountId;

use crate::mailbox::LockHolder;

/// The locks held, each until when on the monotonic clock.
#[derive(Default)]
pub(in super::super) struct Locks(Mutex<HashMap<AccountId, (LockHolder, Duration)>>);

impl Locks {
    /// Takes or prolongs a lock; false while somebody else holds it.
    pub(super) fn take(
        &self,
        account: AccountId,
        holder: LockHolder,
        now: Duration,
        lease: Duration,
    ) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = held
            .get(&account)
            .is_none_or(|(other, until)| *other == holder || *until <= now);
        if free {
            held.insert(account, (holder, now.saturating_add(lease)));
        }
        free
    }

    pub(super) fn give_back(&self, account: AccountId, holder: LockHolder) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held
            .get(&account)
            .is_some_and(|(other, _)| *other == holder)
        {
            held.remove(&account);
        }
    }
}
