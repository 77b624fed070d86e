//! What senders want to hear, as far as they may be told.

use std::collections::{BTreeMap, BTreeSet};

use message::{NoticeKind, Notify, Verdict};
use serde::{Deserialize, Serialize};

use crate::ledger::{Decision, Entry, NewJob};

/// What is to be told of each original recipient; of those not named here, what
/// mail servers always told. Each job keeps those of its own, so that no result
/// needs the whole envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Wishes(BTreeMap<u32, Notify>);

impl Wishes {
    /// The wishes of an envelope: none of a null return path.
    pub(super) fn of(entry: &Entry) -> Self {
        let envelope = &entry.acceptance.envelope;
        let null = envelope.return_path.is_null();
        let notify = envelope.recipients.iter().map(|recipient| {
            if null {
                Notify::Never
            } else {
                recipient.notify
            }
        });
        let named = (0..)
            .zip(notify)
            .filter(|(_, notify)| *notify != Notify::default());
        Self(named.collect())
    }

    /// The wishes after routing: where a recipient was expanded, that was its
    /// success (RFC 3461 §5.2.7).
    pub(super) fn after_expansion(mut self, decisions: &[Decision]) -> Self {
        for decision in decisions {
            let outcome = decision.outcome.as_ref();
            if outcome.is_some_and(|outcome| outcome.verdict == Verdict::Expanded) {
                self.forget_success(decision.original);
            }
        }
        self
    }

    /// Those that a job's recipients come from.
    pub(super) fn for_job(&self, job: &NewJob) -> Self {
        let originals: BTreeSet<u32> = job
            .recipients
            .iter()
            .flat_map(|recipient| recipient.originals.iter().copied())
            .collect();
        let named = originals
            .into_iter()
            .filter_map(|original| Some((original, *self.0.get(&original)?)));
        let mut wishes = Self(named.collect());
        for original in &job.expanded {
            wishes.forget_success(*original);
        }
        wishes
    }

    fn forget_success(&mut self, original: u32) {
        if let Some(Notify::When { success, .. }) = self.0.get_mut(&original) {
            *success = false;
        }
    }

    /// Whether a notice of this kind is to tell of `original`.
    pub(super) fn want(&self, kind: NoticeKind, original: u32) -> bool {
        let notify = self.0.get(&original).copied().unwrap_or_default();
        match kind {
            NoticeKind::Delay => notify.wants_delay(),
            NoticeKind::Failure => notify.wants_failure(),
            NoticeKind::Success => notify.wants_success(),
        }
    }

    /// As what a final verdict is to be told of `original`, if at all. A server
    /// that offers DSN reports success itself.
    pub(super) fn owed_for(&self, verdict: Verdict, original: u32) -> Option<NoticeKind> {
        let kind = match verdict {
            Verdict::Failed => NoticeKind::Failure,
            Verdict::Expanded | Verdict::Delivered | Verdict::Relayed { dsn: false } => {
                NoticeKind::Success
            }
            Verdict::Relayed { dsn: true } | Verdict::Deleted | Verdict::Deferred => return None,
        };
        self.want(kind, original).then_some(kind)
    }
}
