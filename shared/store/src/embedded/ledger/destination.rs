//! Destinations in trouble.

use async_trait::async_trait;
use message::{Destination, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read, from_json};
use super::super::key::{Key, Space};
use super::super::page::page;
use super::keys::{self, is_due};
use super::turn::{Turn, later};
use crate::StoreError;
use crate::ledger::{DestinationState, Destinations, Lease, Trouble};

/// A destination in trouble, and in which run that was written: probes of
/// earlier runs are over.
#[derive(Serialize, Deserialize)]
pub(super) struct Troubled {
    run: u64,
    state: DestinationState,
}

impl Troubled {
    fn seen(self, run: u64, now: Timestamp) -> DestinationState {
        let mut state = self.state;
        let probing = state.probing_until;
        state.probing_until = probing.filter(|until| self.run == run && !is_due(*until, now));
        state
    }
}

#[async_trait]
impl Destinations for EmbeddedStore {
    async fn destination(
        &self,
        destination: &Destination,
    ) -> Result<Option<DestinationState>, StoreError> {
        let (run, now) = (self.run().await?, self.clock.now());
        self.engine
            .read(|read| look_up(read, destination, run, now))
    }

    async fn troubled(
        &self,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DestinationState>, StoreError> {
        let (run, now) = (self.run().await?, self.clock.now());
        let prefix = Key::new(Space::LedgerDestination);
        let after = after.map(keys::destination);
        self.engine.read(|read| {
            page(read, &prefix, after.as_ref(), limit, |key, value| {
                Ok(from_json::<Troubled>(key, value)?.seen(run, now))
            })
        })
    }

    async fn claim_probe(
        &self,
        destination: &Destination,
        lease: Lease,
    ) -> Result<bool, StoreError> {
        let destination = destination.clone();
        self.turn(Durability::Relaxed, move |turn| {
            turn.claim_probe(&destination, lease)
        })
        .await
    }

    async fn destination_failed(
        &self,
        destination: &Destination,
        trouble: Trouble,
    ) -> Result<u32, StoreError> {
        let destination = destination.clone();
        self.turn(Durability::Relaxed, move |turn| {
            let state = turn.troubled(&destination)?;
            let failures = state.map_or(0, |state| state.failures).saturating_add(1);
            turn.keep_trouble(DestinationState {
                destination,
                failures,
                trouble,
                probing_until: None,
            })?;
            Ok(failures)
        })
        .await
    }

    async fn destination_recovered(&self, destination: &Destination) -> Result<(), StoreError> {
        let key = keys::destination(destination);
        // Healthy ones are told of each time: that must cost nothing.
        if !self.engine.read(|read| read.exists(&key))? {
            return Ok(());
        }
        self.turn(Durability::Relaxed, move |turn| {
            turn.step.delete(key);
            Ok(())
        })
        .await
    }
}

impl Turn<'_, '_> {
    fn claim_probe(&mut self, destination: &Destination, lease: Lease) -> Result<bool, StoreError> {
        let Some(mut state) = self.troubled(destination)? else {
            return Ok(false);
        };
        if state.probing_until.is_some() || !is_due(state.trouble.probe_at, self.now) {
            return Ok(false);
        }
        state.probing_until = Some(later(self.now, lease.0));
        self.keep_trouble(state)?;
        Ok(true)
    }

    fn troubled(&self, destination: &Destination) -> Result<Option<DestinationState>, StoreError> {
        look_up(self.step, destination, self.rules.run, self.now)
    }

    fn keep_trouble(&mut self, state: DestinationState) -> Result<(), StoreError> {
        let key = keys::destination(&state.destination);
        let run = self.rules.run;
        self.step.put_json(key, &Troubled { run, state })
    }
}

fn look_up(
    read: &impl Read,
    destination: &Destination,
    run: u64,
    now: Timestamp,
) -> Result<Option<DestinationState>, StoreError> {
    let troubled = read.get_json::<Troubled>(&keys::destination(destination))?;
    Ok(troubled.map(|troubled| troubled.seen(run, now)))
}
