//! The maildrop's lock: one session at a time (RFC 1939 §4), whichever instance
//! it is at.
//!
//! It is a lease in the store, renewed while the session lives. A process that
//! dies leaves it to run out; a session whose lease could not be renewed in time
//! has lost it, and ends without removing anything.

use std::sync::Arc;
use std::time::Duration;

use message::{AccountId, Clock, Randomness};
use store::mailbox::LockHolder;
use store::{MailboxStore, StoreError};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a lock outlives its holder at most.
const LEASE: Duration = Duration::from_secs(60);

/// The tries to renew it within a lease.
const RENEWALS: u32 = 4;

/// A lock held.
pub(super) struct Lease {
    mailboxes: Arc<dyn MailboxStore>,
    account: AccountId,
    holder: LockHolder,
    lost: CancellationToken,
    _renewing: DropGuard,
}

impl Lease {
    /// Takes the lock, or says that somebody else has it.
    pub(super) async fn take(
        mailboxes: &Arc<dyn MailboxStore>,
        account: AccountId,
        clock: &Arc<dyn Clock>,
        random: &dyn Randomness,
    ) -> Result<Option<Self>, StoreError> {
        let holder = LockHolder::draw(random);
        let since = clock.monotonic();
        if !mailboxes.lock(account, holder, LEASE).await? {
            return Ok(None);
        }
        let (lost, over) = (CancellationToken::new(), CancellationToken::new());
        let renewal = Renewal {
            mailboxes: Arc::clone(mailboxes),
            account,
            holder,
            clock: Arc::clone(clock),
            lost: lost.clone(),
        };
        let ended = over.clone();
        tokio::spawn(async move {
            ended.run_until_cancelled(renewal.renew(since)).await;
        });
        Ok(Some(Self {
            mailboxes: Arc::clone(mailboxes),
            account,
            holder,
            lost,
            _renewing: over.drop_guard(),
        }))
    }

    /// Returns once the lock is lost.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Whether the lock was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Gives the lock back. Otherwise it runs out.
    pub(super) async fn give_back(self) {
        if let Err(error) = self.mailboxes.unlock(self.account, self.holder).await {
            tracing::warn!(%error, "a maildrop stays locked until its lease is over");
        }
    }
}

/// What keeps a lock.
struct Renewal {
    mailboxes: Arc<dyn MailboxStore>,
    account: AccountId,
    holder: LockHolder,
    clock: Arc<dyn Clock>,
    lost: CancellationToken,
}

impl Renewal {
    /// Renews until the lock is lost. `since` was read before the lease began.
    async fn renew(self, mut since: Duration) {
        loop {
            self.clock.sleep(LEASE / RENEWALS).await;
            let now = self.clock.monotonic();
            match self.mailboxes.lock(self.account, self.holder, LEASE).await {
                Ok(true) => since = now,
                Ok(false) => return self.lost.cancel(),
                Err(error) => tracing::warn!(%error, "cannot renew a maildrop's lock"),
            }
            if self.clock.monotonic().saturating_sub(since) + LEASE / RENEWALS >= LEASE {
                return self.lost.cancel();
            }
        }
    }
}
