//! The sweep: finds work in the ledger that no hint announces. Jobs that wait
//! for a slot, deferred jobs that have become due.

use std::sync::Arc;
use std::time::Duration;

use message::{Destination, Timestamp};
use station::Rounds;
use store::StoreError;

use crate::relay::Relay;

/// The shortest pause between two sweeps,
const SHORTEST: Duration = Duration::from_millis(100);
/// and the longest: what other instances or operators did is seen after it.
const LONGEST: Duration = Duration::from_secs(30);

/// The pause after one that the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How often destinations in trouble are looked through.
const TIDY: Duration = Duration::from_secs(600);

/// How many destinations are looked at with one request.
const PAGE: usize = 200;

/// How many such requests one sweep makes: pages may begin anew when what was
/// last on one is ready no more.
const PAGES: usize = 100;

impl Relay {
    /// Sweeps until the service stops.
    pub(crate) async fn sweep_on(self: &Arc<Self>) {
        let clock = self.ports.station.clock();
        let mut rounds = Rounds::of("looking for deferred work");
        let sweeping = async {
            let mut tidy_at = clock.monotonic() + TIDY;
            loop {
                if clock.monotonic() >= tidy_at {
                    tidy_at = clock.monotonic() + TIDY;
                    if let Err(error) = self.tidy().await {
                        tracing::warn!(%error, "looking at destinations in trouble");
                    }
                }
                let swept = self.sweep().await;
                rounds.ended(&swept);
                let pause = swept.unwrap_or(AFTER_FAILURE);
                clock.sleep(SHORTEST).await;
                tokio::select! {
                    () = clock.sleep(pause.saturating_sub(SHORTEST)) => {}
                    () = self.wake.notified() => {}
                    () = self.slots.freed() => {}
                }
            }
        };
        self.stopping.run_until_cancelled(sweeping).await;
    }

    /// Looks at all that is ready; returns how long to wait for more.
    async fn sweep(self: &Arc<Self>) -> Result<Duration, StoreError> {
        let mut after: Option<Destination> = None;
        for _ in 0..PAGES {
            let page = self.ports.ledger.ready(after.as_ref(), PAGE).await?;
            for destination in &page {
                self.look_at(destination).await?;
            }
            after = page.last().cloned();
            // Without a free slot there is no use in looking further.
            if page.len() < PAGE || self.slots.are_taken() {
                break;
            }
        }
        let due = self.ports.ledger.next_due().await?;
        Ok(self.until(due))
    }

    async fn look_at(self: &Arc<Self>, destination: &Destination) -> Result<(), StoreError> {
        if matches!(destination, Destination::Local) {
            return Ok(());
        }
        match self.ports.ledger.destination(destination).await? {
            None => {
                if let Some(slot) = self.slot(destination) {
                    self.start(slot, None, None);
                }
                Ok(())
            }
            Some(state) if self.is_probed(&state) => Ok(()),
            Some(state) if state.trouble.probe_at <= self.now() => self.probe(&state).await,
            Some(state) => self.put_to_sleep(&state).await,
        }
    }

    /// Forgets the troubles of destinations that no job has led to for long.
    async fn tidy(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut after: Option<Destination> = None;
        loop {
            let page = self.ports.ledger.troubled(after.as_ref(), PAGE).await?;
            for state in &page {
                let longest = *self.config.policy(&state.destination).max_retry;
                let idle = self.now().duration_since(state.trouble.probe_at);
                if Duration::try_from(idle).is_ok_and(|idle| idle > 2 * longest) {
                    self.probe(state).await?;
                }
            }
            after = page.last().map(|state| state.destination.clone());
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn until(&self, next: Option<Timestamp>) -> Duration {
        let Some(next) = next else { return LONGEST };
        let pause = next.duration_since(self.now());
        Duration::try_from(pause)
            .unwrap_or_default()
            .clamp(SHORTEST, LONGEST)
    }
}
