//! Routes: recorded once, and what follows from them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use message::{JobKey, MessageId, Outcome, Part, Verdict};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read};
use super::keys;
use super::progress::Progress;
use super::row::{Feeding, JobRow};
use super::settle::Who;
use super::state::{Event, after};
use super::turn::{Turn, each_job, known_entry, progress};
use super::wishes::Wishes;
use crate::StoreError;
use crate::ledger::{Decision, Entry, Holder, JobState, Route, Routed, Routes, Why};

#[async_trait]
impl Routes for EmbeddedStore {
    async fn record_route(
        &self,
        message: MessageId,
        route: Route,
    ) -> Result<Option<Routed>, StoreError> {
        self.turn(Durability::Relaxed, move |turn| {
            turn.record_route(message, route)
        })
        .await
    }

    async fn route(&self, message: MessageId) -> Result<Option<Routed>, StoreError> {
        self.engine.read(|read| routed(read, message))
    }
}

impl Turn<'_, '_> {
    fn record_route(
        &mut self,
        message: MessageId,
        route: Route,
    ) -> Result<Option<Routed>, StoreError> {
        let Some(progress) = progress(self.step, message)? else {
            return Ok(None);
        };
        if !progress.is_routed() {
            // A held or dead routing job is an operator's to decide.
            if after(progress.routing.state, Event::Settle).is_none() {
                return Ok(None);
            }
            let entry = known_entry(self.step, message)?;
            let feeding = Feeding::by_caller(self.now, &self.rules);
            self.enact(&entry, progress, route, feeding)?;
        }
        routed(self.step, message)
    }

    /// Every recipient of a message that is not routed yet ends with `outcome`.
    pub(super) fn settle_unrouted(
        &mut self,
        message: MessageId,
        progress: Progress,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let entry = known_entry(self.step, message)?;
        let originals = 0..entry.acceptance.envelope.recipients.len() as u32;
        let decisions = originals.map(|original| Decision {
            original,
            why: Why::Unroutable,
            chain: Vec::new(),
            to: None,
            outcome: Some(outcome.clone()),
        });
        let route = Route {
            decisions: decisions.collect(),
            jobs: Vec::new(),
        };
        self.enact(&entry, progress, route, Feeding::by_feeder(self.now))
    }

    fn enact(
        &mut self,
        entry: &Entry,
        mut progress: Progress,
        route: Route,
        feeding: Feeding,
    ) -> Result<(), StoreError> {
        let message = entry.acceptance.message;
        check(&route, entry)?;
        progress.routing.state = JobState::Settled;
        let wishes = Wishes::of(entry);
        for (index, decision) in (0..).zip(&route.decisions) {
            if let Some(outcome) = &decision.outcome {
                let who = Who {
                    message,
                    part: Part::Route,
                    recipient: index,
                };
                let originals = [decision.original];
                self.tell(&mut progress, &wishes, who, &originals, outcome.verdict)?;
            }
        }
        self.step.put_json(keys::route(message), &route.decisions)?;
        let wishes = wishes.after_expansion(&route.decisions);
        for (number, job) in (0..).zip(route.jobs) {
            let row = JobRow {
                wishes: wishes.for_job(&job),
                ..JobRow::new(
                    JobKey::work(message, number),
                    job,
                    progress.accepted_at,
                    feeding,
                )
            };
            self.begin_job(&row, &mut progress)?;
        }
        self.keep_progress(message, progress, feeding)
    }

    fn begin_job(&mut self, row: &JobRow, progress: &mut Progress) -> Result<(), StoreError> {
        let recipients = &row.job.recipients;
        for account in recipients
            .iter()
            .filter_map(|state| state.recipient.account)
        {
            self.refer(&progress.content, Holder::Account(account))?;
        }
        progress.unsettled += recipients.len() as u32;
        self.keep_job(row)
    }
}

/// A route that forgets a recipient would lose mail; it is refused.
fn check(route: &Route, entry: &Entry) -> Result<(), StoreError> {
    let known = entry.acceptance.envelope.recipients.len() as u32;
    let ended = |decision: &&Decision| {
        let outcome = decision.outcome.as_ref();
        outcome.is_some_and(|o| o.verdict.is_final() && o.verdict != Verdict::Expanded)
    };
    let ends = route
        .decisions
        .iter()
        .filter(ended)
        .map(|decision| decision.original);
    let finals = || route.jobs.iter().flat_map(|job| &job.recipients);
    let goes_on = finals().flat_map(|recipient| recipient.originals.iter().copied());
    let covered: BTreeSet<u32> = ends.chain(goes_on).collect();
    let message = entry.acceptance.message;
    let misused = |what: &str| {
        Err(StoreError::Misused(format!(
            "the route of {message} {what}"
        )))
    };
    if !covered.iter().copied().eq(0..known) {
        return misused("does not cover its recipients");
    }
    let deferred = |decision: &Decision| {
        let outcome = decision.outcome.as_ref();
        decision.original >= known || outcome.is_some_and(|outcome| !outcome.verdict.is_final())
    };
    if route.decisions.iter().any(deferred) {
        return misused("decides nothing for a recipient");
    }
    if route.jobs.iter().any(|job| job.recipients.is_empty())
        || finals().any(|recipient| recipient.originals.is_empty())
    {
        return misused("has a job for nobody");
    }
    Ok(())
}

/// The route in force; none before routing.
pub(super) fn routed(read: &impl Read, message: MessageId) -> Result<Option<Routed>, StoreError> {
    let Some(decisions) = read.get_json(&keys::route(message))? else {
        return Ok(None);
    };
    let mut routed = Routed {
        route: Route {
            decisions,
            jobs: Vec::new(),
        },
        jobs: Vec::new(),
        notice_owed: progress(read, message)?.is_some_and(|progress| progress.owes()),
    };
    each_job(read, message, |row| {
        routed.route.jobs.push(row.as_routed());
        routed.jobs.push(row.job);
        true
    })?;
    Ok(Some(routed))
}
