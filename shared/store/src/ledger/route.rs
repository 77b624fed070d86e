//! Routing, recorded once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use message::{Address, Destination, MessageId, Outcome, ReversePath, Verdict};
use serde::{Deserialize, Serialize};

use super::{Entry, FinalRecipient, JobRecord};
use crate::StoreError;
use crate::directory::Via;

/// What was decided for a message: for each original recipient why it goes
/// where, and the jobs that follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// One or more per original recipient.
    pub decisions: Vec<Decision>,
    /// The jobs; job `n` becomes [`message::JobKey::work`] `n`. Only their
    /// first state; [`super::Jobs`] has the present one.
    pub jobs: Vec<NewJob>,
}

impl Route {
    /// How many original recipients it covers: all below that number.
    ///
    /// # Errors
    /// With what is wrong with a route that would lose mail.
    pub(crate) fn covered(&self) -> Result<u32, &'static str> {
        let finals = || self.jobs.iter().flat_map(|job| &job.recipients);
        if self.jobs.iter().any(|job| job.recipients.is_empty())
            || finals().any(|recipient| recipient.originals.is_empty())
        {
            return Err("has a job for nobody");
        }
        let ends = self.decisions.iter().filter(|decision| decision.ends());
        let ends = ends.map(|decision| decision.original);
        let goes_on = finals().flat_map(|recipient| recipient.originals.iter().copied());
        let covered: BTreeSet<u32> = ends.chain(goes_on).collect();
        let known = covered.len() as u32;
        if !covered.iter().copied().eq(0..known) {
            return Err("does not cover its recipients");
        }
        let deferred = |decision: &Decision| {
            let outcome = decision.outcome.as_ref();
            decision.original >= known || outcome.is_some_and(|o| !o.verdict.is_final())
        };
        if self.decisions.iter().any(deferred) {
            return Err("decides nothing for a recipient");
        }
        Ok(known)
    }

    /// The route on which each of so many recipients ends with `outcome`.
    pub(crate) fn to_nowhere(recipients: u32, outcome: &Outcome) -> Self {
        let decisions = (0..recipients).map(|original| Decision {
            original,
            why: Why::Unroutable,
            chain: Vec::new(),
            to: None,
            outcome: Some(outcome.clone()),
        });
        Self {
            decisions: decisions.collect(),
            jobs: Vec::new(),
        }
    }
}

/// What was decided for one original recipient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Its index in the envelope.
    pub original: u32,
    /// Why.
    pub why: Why,
    /// The aliases followed, the recipient itself first; empty if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Address>,
    /// Where to: the final address. None where the recipient ended here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Address>,
    /// What the recipient itself came to, where routing settles it: it failed,
    /// or it was expanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl Decision {
    /// Whether the recipient ends here, and goes on as no other.
    fn ends(&self) -> bool {
        let outcome = self.outcome.as_ref();
        outcome.is_some_and(|o| o.verdict.is_final() && o.verdict != Verdict::Expanded)
    }
}

/// Why a recipient goes where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// An account here, found by that rule.
    Account(Via),
    /// The servers that DNS names.
    Dns,
    /// A configured smarthost: the domain's own, or the default one.
    Smarthost,
    /// It has become other recipients.
    Expanded,
    /// It cannot be routed; the outcome says why.
    Unroutable,
}

/// A job that routing makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// Where to.
    pub destination: Destination,
    /// The return path on that way.
    pub return_path: ReversePath,
    /// At least one; referred to by index from then on.
    pub recipients: Vec<FinalRecipient>,
    /// The aliases that pass the message on, the first one first: what goes
    /// out names them in Delivered-To. None where it leaves by no alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_on_by: Vec<Address>,
    /// The original recipients among those of this job that were expanded:
    /// the expansion was their success (RFC 3461 §5.2.7.2 c).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expanded: Vec<u32>,
}

/// The route that is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed {
    /// What was recorded first, which may not be what was offered now.
    pub route: Route,
    /// Its jobs as they are now, to be published where they are pending.
    pub jobs: Vec<JobRecord>,
    /// Whether a notice is owed already (for recipients that failed in routing).
    pub notice_owed: bool,
}

/// Routing of messages.
#[async_trait]
pub trait Routes: Send + Sync {
    /// Records `route` unless one is recorded, creates its jobs as pending,
    /// refers each local account to the content, and settles the routing job.
    /// None where the message is unknown or closed, or its routing job held or
    /// dead.
    async fn record_route(
        &self,
        message: MessageId,
        route: Route,
    ) -> Result<Option<Routed>, StoreError>;

    /// The entry of a message that is to be routed; none where it is unknown or
    /// has its route.
    async fn unrouted(&self, message: MessageId) -> Result<Option<Entry>, StoreError>;

    /// The recorded route, with its jobs as they are now.
    async fn route(&self, message: MessageId) -> Result<Option<Routed>, StoreError>;
}
