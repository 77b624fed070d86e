//! Destinations that cannot be talked to: backed off as a whole, probed by one
//! job at a time, their other jobs asleep.
//!
//! | state of the destination | its waiting and due jobs |
//! | --- | --- |
//! | healthy | are tried |
//! | in trouble, before its time | sleep until the probe |
//! | in trouble, its time has come | the first one due is the probe |
//! | being probed | stay as they are |
//! | healthy again | are tried, whether due or not |
//!
//! State and probe lease live in the ledger, shared by all instances. Each job
//! hears of a failed probe once, as of an attempt of its own: so its delay is
//! told and its end comes, and never by the clock alone.

use std::sync::Arc;
use std::time::Duration;

use config::Policy;
use message::{Destination, Timestamp};
use store::StoreError;
use store::ledger::{Claimed, DestinationState, Lease, Trouble};
use telemetry::Span;

use crate::classify::Cause;
use crate::relay::{Errand, Relay, Taken};

/// No destination is kept from being probed for longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30 * 60);

/// How long a probe may take before another one is made.
const PROBE: Lease = Lease(Duration::from_secs(15 * 60));

/// How many jobs are put to sleep in one go.
const BEDTIME: usize = 1000;

impl Relay {
    /// Takes the right to probe a destination, if its time has come.
    pub(crate) async fn may_probe(&self, state: &DestinationState) -> Result<bool, StoreError> {
        match state.trouble.probe_at <= self.now() && !self.is_probed(state) {
            true => {
                self.ports
                    .ledger
                    .claim_probe(&state.destination, PROBE)
                    .await
            }
            false => Ok(false),
        }
    }

    pub(crate) fn is_probed(&self, state: &DestinationState) -> bool {
        state.probing_until.is_some_and(|until| until > self.now())
    }

    /// Probes a destination with the first of its jobs, if its time has come.
    /// One without jobs is forgotten: the next job finds out how it is.
    pub(crate) async fn probe(
        self: &Arc<Self>,
        state: &DestinationState,
    ) -> Result<(), StoreError> {
        let destination = &state.destination;
        let Some(slot) = self.slot(destination) else {
            return Ok(());
        };
        if !self.may_probe(state).await? {
            return Ok(());
        }
        let asked = self.monotonic();
        match self
            .ports
            .ledger
            .claim_next(destination, self.lease(), true)
            .await?
        {
            Some(claimed) => {
                let errand = Errand::Probe;
                self.start(
                    slot,
                    Some(Taken {
                        claimed,
                        asked,
                        parent: None,
                        errand,
                    }),
                    None,
                );
                Ok(())
            }
            None => self.ports.ledger.destination_recovered(destination).await,
        }
    }

    /// Lets the due and waiting jobs of a destination in trouble sleep.
    pub(crate) async fn put_to_sleep(&self, state: &DestinationState) -> Result<(), StoreError> {
        for _ in 0..BEDTIME {
            let claimed = self
                .ports
                .ledger
                .claim_next(&state.destination, self.lease(), false);
            let Some(claimed) = claimed.await? else { break };
            self.sleep_on(&claimed, &state.trouble).await?;
        }
        Ok(())
    }

    /// Lets a claimed job sleep until the destination is probed.
    pub(crate) async fn sleep_on(
        &self,
        claimed: &Claimed,
        trouble: &Trouble,
    ) -> Result<(), StoreError> {
        let report = self.report(claimed, |basis| basis.slept(trouble));
        let job = &claimed.job;
        let recorded = self
            .ports
            .ledger
            .record(job.key, job.generation, report.clone())
            .await?;
        let Some(entry) = self.ports.ledger.entry(job.key.message).await? else {
            return Ok(());
        };
        let span = Span::silent(entry.acceptance.trace);
        self.follow_up(claimed, &report, recorded, &span).await;
        Ok(())
    }

    /// An attempt could not talk to the destination. Returns when it is probed.
    pub(crate) async fn meet_trouble(
        &self,
        destination: &Destination,
        cause: &Cause,
        errand: Errand,
    ) -> Result<Timestamp, StoreError> {
        let known = self.ports.ledger.destination(destination).await?;
        let failures = match (&known, errand) {
            (None, _) => 1,
            (Some(state), Errand::Probe) => state.failures.saturating_add(1),
            // Another attempt has told of it, or a probe will.
            (Some(state), Errand::Ordinary | Errand::Insisted) => {
                return Ok(state.trouble.probe_at);
            }
        };
        let at = self.now();
        let probe_at = probe_at(&self.config.policy(destination), failures, at);
        let Cause { status, diagnostic } = cause.clone();
        tracing::info!(%destination, failures, reason = diagnostic.text(), "destination in trouble");
        let trouble = Trouble {
            status,
            diagnostic,
            at,
            probe_at,
        };
        self.ports
            .ledger
            .destination_failed(destination, trouble)
            .await?;
        Ok(probe_at)
    }
}

/// When a destination is probed that failed `failures` times in a row.
fn probe_at(policy: &Policy, failures: u32, now: Timestamp) -> Timestamp {
    let pause = policy.pause(failures, 0.5);
    let longest = LONGEST_BACKOFF.max(*policy.first_retry);
    now.checked_add(pause.min(longest))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_probed_at_least_every_half_hour() {
        let now = Timestamp::UNIX_EPOCH;
        let policy = config::Relay::default().policy(&"example.org".parse().unwrap());
        let minutes = |failures| probe_at(&policy, failures, now).as_second() / 60;
        assert_eq!([1, 2, 3, 4, 50].map(minutes), [5, 10, 20, 30, 30]);
    }
}
