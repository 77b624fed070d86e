//! Destinations in trouble.

use async_trait::async_trait;
use message::Destination;
use redis::Value;

use super::super::RedisStore;
use super::reply::Reply;
use super::{ROWS, json, micros, or_empty, span};
use crate::StoreError;
use crate::ledger::{DestinationState, Destinations, Lease, Trouble};

#[async_trait]
impl Destinations for RedisStore {
    async fn destination(
        &self,
        destination: &Destination,
    ) -> Result<Option<DestinationState>, StoreError> {
        let call = self.reading("destination").arg(destination.to_string());
        match self.link.call(call).await? {
            Value::Nil => Ok(None),
            value => state(value).map(Some),
        }
    }

    async fn troubled(
        &self,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DestinationState>, StoreError> {
        let mut states: Vec<DestinationState> = Vec::new();
        while states.len() < limit {
            let last = states.last().map(|state| &state.destination);
            let wanted = ROWS.min(limit - states.len());
            let call = self.reading("troubled").arg(or_empty(last.or(after)));
            let page: Vec<Value> = self.link.call(call.arg(wanted)).await?;
            let found = page.len();
            for value in page {
                states.push(state(value)?);
            }
            if found < wanted {
                break;
            }
        }
        Ok(states)
    }

    async fn claim_probe(
        &self,
        destination: &Destination,
        lease: Lease,
    ) -> Result<bool, StoreError> {
        let call = self.ledger("claim_probe").arg(destination.to_string());
        self.link.call(call.arg(span(lease.0))).await
    }

    async fn destination_failed(
        &self,
        destination: &Destination,
        trouble: Trouble,
    ) -> Result<u32, StoreError> {
        let call = self.ledger("destination_failed");
        let call = call.arg(destination.to_string()).arg(json(&trouble)?);
        // Once more would count one more failure.
        self.link
            .call(call.arg(micros(trouble.probe_at)).once())
            .await
    }

    async fn destination_recovered(&self, destination: &Destination) -> Result<(), StoreError> {
        let call = self.ledger("destination_recovered");
        self.link.call(call.arg(destination.to_string())).await
    }
}

fn state(value: Value) -> Result<DestinationState, StoreError> {
    let mut reply = Reply::of(value)?;
    Ok(DestinationState {
        destination: reply.parsed()?,
        failures: reply.number()?,
        trouble: reply.json()?,
        probing_until: reply.optional_time()?,
    })
}
