//! A claimed job: for how long it is ours, judged by a monotonic clock that was
//! read before the store was asked, so that it ends here before it ends there.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use message::{Clock, JobKey};
use store::ledger::{Jobs, Lease};

/// How often a claim is renewed before it is given up: a process that stood
/// still while the store answered has a claim, but not for as long as it asked.
const RENEWALS: usize = 2;

/// The right to work on one job under one generation.
pub(crate) struct Claim<'a> {
    jobs: &'a dyn Jobs,
    clock: &'a dyn Clock,
    key: JobKey,
    generation: u32,
    lease: Duration,
    until: Mutex<Duration>,
}

/// The job is, or may be, another's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim on the job was lost")]
pub(crate) struct ClaimLost;

impl<'a> Claim<'a> {
    /// A claim of `lease`, asked for at `asked` of the monotonic clock.
    pub(crate) fn new(
        jobs: &'a dyn Jobs,
        clock: &'a dyn Clock,
        (key, generation): (JobKey, u32),
        lease: Duration,
        asked: Duration,
    ) -> Self {
        Self {
            jobs,
            clock,
            key,
            generation,
            lease,
            until: Mutex::new(asked + lease),
        }
    }

    /// How long the claim holds yet.
    pub(crate) fn remaining(&self) -> Duration {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.saturating_sub(self.clock.monotonic())
    }

    /// Makes sure that the claim holds for at least `span` from now.
    pub(crate) async fn extend(&self, span: Duration) -> Result<(), ClaimLost> {
        for _ in 0..RENEWALS {
            if self.remaining() >= span {
                return Ok(());
            }
            self.renew(span + self.lease).await?;
        }
        match self.remaining() >= span {
            true => Ok(()),
            false => Err(ClaimLost),
        }
    }

    /// Renews the claim again and again; returns when it is lost.
    pub(crate) async fn keep(&self) -> ClaimLost {
        loop {
            self.clock.sleep(self.lease / 3).await;
            // The final dot may have extended it further than we would.
            let lost = self.remaining() < self.lease && self.renew(self.lease).await.is_err();
            if lost || self.remaining().is_zero() {
                return ClaimLost;
            }
        }
    }

    /// A store that is away decides nothing: the claim holds as long as it did.
    async fn renew(&self, span: Duration) -> Result<(), ClaimLost> {
        let asked = self.clock.monotonic();
        match self
            .jobs
            .renew(self.key, self.generation, Lease(span))
            .await
        {
            Ok(true) => {
                let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
                *until = (*until).max(asked + span);
                Ok(())
            }
            Ok(false) => Err(ClaimLost),
            Err(error) => {
                tracing::warn!(job = %self.key, %error, "renewing the claim on a job");
                Ok(())
            }
        }
    }
}
