//! Routes: recorded once.

use async_trait::async_trait;
use message::{AccountId, JobKey, MessageId};

use super::super::RedisStore;
use super::super::connection::Call;
use super::super::failure::corrupt;
use super::record::{entry, jobs, verdict};
use super::reply::Reply;
use super::{JOBS, json};
use crate::StoreError;
use crate::ledger::{Decision, Entry, FinalRecipient, JobRecord, NewJob, Route, Routed, Routes};

#[async_trait]
impl Routes for RedisStore {
    async fn record_route(
        &self,
        message: MessageId,
        route: Route,
    ) -> Result<Option<Routed>, StoreError> {
        let call = tell_route(self.ledger("record_route"), message, &route)?;
        match self.link.call::<String>(call).await?.as_str() {
            "closed" | "stopped" => Ok(None),
            "routed" => self.route(message).await,
            "recorded" => Ok(Some(as_recorded(message, route, false))),
            "owed" => Ok(Some(as_recorded(message, route, true))),
            other => Err(corrupt("a reply", other)),
        }
    }

    async fn unrouted(&self, message: MessageId) -> Result<Option<Entry>, StoreError> {
        let call = self.reading("unrouted").arg(message.to_string());
        let reply = Reply::some(self.link.call(call).await?)?;
        reply.map(|mut reply| entry(&mut reply)).transpose()
    }

    async fn route(&self, message: MessageId) -> Result<Option<Routed>, StoreError> {
        let call = self.reading("route").arg(message.to_string()).arg(JOBS);
        let Some(mut reply) = Reply::some(self.link.call(call).await?)? else {
            return Ok(None);
        };
        let decisions = reply.json()?;
        let notice_owed = reply.flag()?;
        let first = jobs(message, reply.value())?;
        let jobs = self.with_further_jobs(message, first).await?;
        let route = Route {
            decisions,
            jobs: jobs.iter().map(JobRecord::as_routed).collect(),
        };
        Ok(Some(Routed {
            route,
            jobs,
            notice_owed,
        }))
    }
}

impl RedisStore {
    /// Settles a message that is not routed yet by `route`; false where its
    /// routing cannot be overruled.
    pub(super) async fn overrule_routing(
        &self,
        message: MessageId,
        route: &Route,
    ) -> Result<bool, StoreError> {
        let call = tell_route(self.ledger("overrule_routing"), message, route)?;
        match self.link.call::<String>(call).await?.as_str() {
            "closed" | "stopped" | "routed" => Ok(false),
            "recorded" | "owed" => Ok(true),
            other => Err(corrupt("a reply", other)),
        }
    }
}

/// The route as it is right after it was recorded.
fn as_recorded(message: MessageId, route: Route, notice_owed: bool) -> Routed {
    let jobs = (0..).zip(&route.jobs);
    let jobs = jobs.map(|(number, job)| JobRecord::new(JobKey::work(message, number), job.clone()));
    Routed {
        jobs: jobs.collect(),
        route,
        notice_owed,
    }
}

/// Adds what the functions must know of a route.
fn tell_route(call: Call, message: MessageId, route: &Route) -> Result<Call, StoreError> {
    let covered = route
        .covered()
        .map_err(|what| StoreError::Misused(format!("the route of {message} {what}")))?;
    let call = call.arg(message.to_string()).arg(covered);
    let call = tell_ended(call.arg(json(&route.decisions)?), &route.decisions);
    let call = call.arg(route.jobs.len());
    route.jobs.iter().try_fold(call, tell_job)
}

/// Adds the place, recipient and verdict of each decision that is an outcome.
fn tell_ended(call: Call, decisions: &[Decision]) -> Call {
    let ended: Vec<_> = (0_u32..)
        .zip(decisions)
        .filter_map(|(place, decision)| Some((place, decision, decision.outcome.as_ref()?)))
        .collect();
    let call = call.arg(ended.len());
    ended
        .into_iter()
        .fold(call, |call, (place, decision, outcome)| {
            call.arg(place).arg(decision.original).arg(verdict(outcome))
        })
}

/// Adds a job: all of it for us; its destination, its recipients and those of
/// them that were expanded for the functions.
fn tell_job(call: Call, job: &NewJob) -> Result<Call, StoreError> {
    let recipients: Vec<_> = job.recipients.iter().map(told_recipient).collect();
    Ok(call
        .arg(json(job)?)
        .arg(job.destination.to_string())
        .arg(json(&recipients)?)
        .arg(json(&job.expanded)?))
}

fn told_recipient(recipient: &FinalRecipient) -> (Holder, &[u32]) {
    let account = recipient.account.map_or(Holder::None(false), Holder::Some);
    (account, &recipient.originals)
}

/// An account, or `false`, which Lua can have in a list.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Holder {
    Some(AccountId),
    None(bool),
}
