//! The store's epoch: how often it may have lost what it had answered.
//!
//! A store loses nothing by a restart. It does when an older copy takes its
//! place: a replica, which lags behind, a backup, or an empty store. UIDs and
//! modification sequences that clients have seen would then be given again, to
//! other messages, and mail that was accepted has content but no entry. So the
//! epoch rises, each mailbox's next numbers jump, and until an operator has
//! confirmed the epoch the store is not *settled*: what nobody refers to may be
//! such mail, and must not be swept up.
//!
//! | what took the store's place | is found by |
//! | --- | --- |
//! | a promoted replica (Redis) | every process, within a second |
//! | a copy older than some seconds, while processes run (Redis) | the same |
//! | a copy, or an empty store, while nothing ran | the router at its start, by contents that were stored in the store's [`Absence`] |
//! | one that is only minutes old, or whose contents are as old | nobody: the operator [declares](Cause::Declared) it |

use std::time::Duration;

use async_trait::async_trait;
use message::Timestamp;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// For how long nobody must have used a store before it counts as absent.
pub(crate) const ABSENCE: Duration = Duration::from_secs(5 * 60);

/// By how much the times of an absence may be wrong: nobody writes into a store
/// all the time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(2 * 60);

/// How the store stands after losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// How often it may have lost what it had answered.
    pub epoch: u64,
    /// The epoch that an operator has seen to.
    pub confirmed: u64,
    /// Why it rose the last time; none if it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Until when the copy in use certainly knows all that was answered, where
    /// that is known: what was answered later may be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_until: Option<Timestamp>,
    /// When nobody used the store the last time, unless an operator has seen to
    /// what may have happened then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<Absence>,
}

impl Standing {
    /// Whether nothing is lost that an operator has not seen to. Until then,
    /// content without an entry may be mail whose entry was lost.
    pub fn is_settled(&self) -> bool {
        self.epoch == self.confirmed
    }

    pub(crate) fn raise(&mut self, cause: Cause) {
        self.epoch += 1;
        self.cause = Some(cause);
        self.known_until = self.absence.and_then(|absence| absence.from);
    }

    pub(crate) fn confirm(&mut self, epoch: u64) {
        self.confirmed = self.confirmed.max(epoch.min(self.epoch));
        if self.is_settled() {
            self.absence = None;
        }
    }
}

/// Why the epoch rose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// An older copy took the store's place.
    Restored,
    /// A replica became the primary.
    Promoted,
    /// An operator said that an older copy was put in place.
    Declared,
}

impl Cause {
    /// Its name, as it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Promoted => "promoted",
            Self::Declared => "declared",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let causes = [Self::Restored, Self::Promoted, Self::Declared];
        causes.into_iter().find(|cause| cause.name() == name)
    }
}

/// A time in which nobody used the store. While nobody uses it nothing is
/// accepted, so content that was stored then belongs to another copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// When it was last in use; none for a store that was new afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When it was in use again.
    pub until: Timestamp,
}

impl Absence {
    /// Whether `at` lies within it beyond doubt.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at > from + MARGIN) && at < self.until - MARGIN
    }
}

/// The part of the port of mailboxes that tells whether the store is settled.
#[async_trait]
pub trait Epochs: Send + Sync {
    /// How the store stands; also notes that it is in use.
    async fn standing(&self) -> Result<Standing, StoreError>;

    /// Says that an older copy of the store is in use: the next numbers of all
    /// mailboxes jump. Saying it again makes them jump again.
    async fn raise_epoch(&self, cause: Cause) -> Result<Standing, StoreError>;

    /// Says that an operator has seen to what was lost up to `epoch`.
    async fn confirm_epoch(&self, epoch: u64) -> Result<Standing, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_leaves_out_what_is_doubtful() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let until = at("2026-11-23T14:00:00Z");
        let from = Some(at("2026-11-23T13:00:00Z"));
        for (from, time, expected) in [
            (from, "2026-11-23T13:01:59Z", false),
            (from, "2026-11-23T13:02:01Z", true),
            (from, "2026-11-23T13:57:59Z", true),
            (from, "2026-11-23T13:58:01Z", false),
            (None, "2020-01-01T00:00:00Z", true),
        ] {
            let absence = Absence { from, until };
            assert_eq!(absence.covers(at(time)), expected, "{time}");
        }
    }

    #[test]
    fn a_rise_that_the_operator_has_not_seen_is_not_confirmed() {
        let mut standing = Standing::default();
        assert!(standing.is_settled());
        standing.raise(Cause::Promoted);
        let seen = standing.epoch;
        standing.raise(Cause::Declared);
        standing.confirm(seen);
        assert!(!standing.is_settled());
        standing.confirm(7);
        assert_eq!((standing.epoch, standing.confirmed), (2, 2));
    }
}
