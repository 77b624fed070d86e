//! What changes of an open message, apart from its jobs: one small row, whatever
//! the number of its recipients.

use message::{ContentId, NoticeKind, Part, Timestamp};
use serde::{Deserialize, Serialize};

use super::row::{Chore, Course, Feeding, is_default};
use crate::ledger::JobState;

/// A notice that is claimed and not accepted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) kind: NoticeKind,
    /// Its number among the notices of the message.
    pub(super) number: u32,
}

/// How far an open message has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) accepted_at: Timestamp,
    pub(super) content: ContentId,
    /// The routing job; settled once the route is recorded.
    pub(super) routing: Chore,
    /// Recipients of jobs without a final outcome.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) unsettled: u32,
    /// What is owed and not claimed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) owed: u32,
    /// At most one of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) claims: Vec<Claim>,
    /// How many notices were claimed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) notices: u32,
    /// The notice job; settled while nothing is owed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) notice: Chore,
}

impl Progress {
    /// A message that was just accepted, whose routing job the caller publishes.
    pub(super) fn new(content: ContentId, accepted_at: Timestamp, feeding: Feeding) -> Self {
        Self {
            accepted_at,
            content,
            routing: Chore::pending(feeding),
            unsettled: 0,
            owed: 0,
            claims: Vec::new(),
            notices: 0,
            notice: Chore::default(),
        }
    }

    pub(super) fn is_routed(&self) -> bool {
        matches!(self.routing.state, JobState::Settled)
    }

    /// Whether the sender is to hear of something.
    pub(super) fn owes(&self) -> bool {
        self.owed > 0 || !self.claims.is_empty()
    }

    /// Whether nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        self.is_routed() && self.unsettled == 0 && !self.owes()
    }

    /// The routing or notice job; none for work jobs, or where it has nothing to
    /// do any more.
    pub(super) fn chore(&self, part: Part) -> Option<&Chore> {
        match part {
            Part::Route => Some(&self.routing),
            Part::Notice => Some(&self.notice),
            Part::Work(_) => None,
        }
        .filter(|chore| !matches!(chore.state, JobState::Settled))
    }

    /// The same, to be changed.
    pub(super) fn course(&mut self, part: Part) -> Option<Course<'_>> {
        match part {
            Part::Route => Some(self.routing.course()),
            Part::Notice => Some(self.notice.course()),
            Part::Work(_) => None,
        }
    }

    /// Lets the notice job begin where something is owed, and end where
    /// nothing is.
    pub(super) fn adjust_notice(&mut self, feeding: Feeding) {
        let resting = matches!(self.notice.state, JobState::Settled);
        let placed = self.notice.placed;
        if self.owes() && resting {
            self.notice = Chore::pending(feeding);
        } else if !self.owes() && !resting {
            self.notice = Chore::default();
        }
        self.notice.placed = placed;
    }
}
