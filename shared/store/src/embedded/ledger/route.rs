//! Routes: recorded once, and what follows from them.

use async_trait::async_trait;
use message::{JobKey, MessageId, Outcome, Part};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read};
use super::keys;
use super::progress::Progress;
use super::row::{Feeding, JobRow};
use super::settle::Who;
use super::state::{Event, after};
use super::turn::{Turn, each_job, entry, known_entry, progress};
use super::wishes::Wishes;
use crate::StoreError;
use crate::ledger::{Entry, Holder, JobState, Route, Routed, Routes};

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

    async fn unrouted(&self, message: MessageId) -> Result<Option<Entry>, StoreError> {
        self.engine
            .read(|read| match read.exists(&keys::route(message))? {
                true => Ok(None),
                false => entry(read, message),
            })
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
        let recipients = entry.acceptance.envelope.recipients.len() as u32;
        let route = Route::to_nowhere(recipients, outcome);
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
    let covered = route.covered().and_then(|covered| {
        let all = covered == known;
        all.then_some(()).ok_or("does not cover its recipients")
    });
    covered.map_err(|what| {
        let message = entry.acceptance.message;
        StoreError::Misused(format!("the route of {message} {what}"))
    })
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
        routed.route.jobs.push(row.job.as_routed());
        routed.jobs.push(row.job);
        true
    })?;
    Ok(Some(routed))
}
