//! What final outcomes lead to: counts, notices owed, references dropped.

use std::collections::BTreeSet;

use message::{AccountId, MessageId, NoticeKind, Part, Verdict};

use super::super::engine::Read;
use super::keys::{self, Owed};
use super::progress::Progress;
use super::row::{Feeding, JobRow};
use super::turn::{Turn, each_job, known_progress};
use super::wishes::Wishes;
use crate::StoreError;
use crate::ledger::{Holder, RecipientState};

/// A recipient of a job, or, for [`Part::Route`], a decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    pub(super) message: MessageId,
    pub(super) part: Part,
    pub(super) recipient: u32,
}

impl Who {
    fn owed(self, kind: NoticeKind, original: u32) -> Owed {
        Owed {
            message: self.message,
            kind,
            part: self.part,
            recipient: self.recipient,
            original,
        }
    }
}

impl Turn<'_, '_> {
    /// Counts a final outcome and puts down whom it is to be told for; whether
    /// that is anyone.
    pub(super) fn tell(
        &mut self,
        progress: &mut Progress,
        wishes: &Wishes,
        who: Who,
        originals: &[u32],
        verdict: Verdict,
    ) -> Result<bool, StoreError> {
        let mut told = false;
        for original in originals {
            if let Some(kind) = wishes.owed_for(verdict, *original) {
                self.owe(progress, who.owed(kind, *original));
                told = true;
            }
        }
        let counts = self.counts()?;
        match verdict {
            Verdict::Delivered => counts.delivered += 1,
            Verdict::Relayed { .. } => counts.relayed += 1,
            Verdict::Deleted => counts.deleted += 1,
            Verdict::Failed => {
                counts.failed += 1;
                counts.untold += u64::from(!told);
            }
            Verdict::Expanded | Verdict::Deferred => {}
        }
        Ok(told)
    }

    /// Recipients of a job have just got their final outcomes, which `row`
    /// holds; whether anyone is to be told. A notice job that begins is fed as
    /// `feeding` says.
    pub(super) fn settle(
        &mut self,
        row: &JobRow,
        indexes: &[u32],
        feeding: Feeding,
    ) -> Result<bool, StoreError> {
        if indexes.is_empty() {
            return Ok(false);
        }
        let message = row.job.key.message;
        let mut progress = known_progress(self.step, message)?;
        let told = self.settle_recipients(&mut progress, row, indexes)?;
        self.keep_progress(message, progress, feeding)?;
        Ok(told)
    }

    fn settle_recipients(
        &mut self,
        progress: &mut Progress,
        row: &JobRow,
        indexes: &[u32],
    ) -> Result<bool, StoreError> {
        let key = row.job.key;
        let mut told = false;
        let mut unserved = Vec::new();
        for (index, state) in picked(row, indexes) {
            let Some(outcome) = &state.outcome else {
                continue;
            };
            let who = Who {
                message: key.message,
                part: key.part,
                recipient: index,
            };
            let originals = &state.recipient.originals;
            progress.unsettled = progress.unsettled.saturating_sub(1);
            if state.delay_told {
                self.drop_delay(progress, who, originals)?;
            }
            told |= self.tell(progress, &row.wishes, who, originals, outcome.verdict)?;
            if is_unserved(outcome.verdict) {
                unserved.extend(state.recipient.account);
            }
        }
        self.drop_references(progress, row, unserved)?;
        Ok(told)
    }

    /// The time has come to tell the delay of a job's open recipients.
    pub(super) fn warn(&mut self, progress: &mut Progress, row: &mut JobRow) {
        let key = row.job.key;
        for (index, state) in (0..).zip(&mut row.job.recipients) {
            if state.is_settled() || state.delay_told {
                continue;
            }
            state.delay_told = true;
            let who = Who {
                message: key.message,
                part: key.part,
                recipient: index,
            };
            for original in &state.recipient.originals {
                if row.wishes.want(NoticeKind::Delay, *original) {
                    self.owe(progress, who.owed(NoticeKind::Delay, *original));
                }
            }
        }
        row.job.warn_at = None;
    }

    fn owe(&mut self, progress: &mut Progress, owed: Owed) {
        self.step.put(keys::owed(owed), Vec::new());
        progress.owed += 1;
    }

    /// A delay is no news any more once there is an outcome.
    fn drop_delay(
        &mut self,
        progress: &mut Progress,
        who: Who,
        originals: &[u32],
    ) -> Result<(), StoreError> {
        for original in originals {
            let key = keys::owed(who.owed(NoticeKind::Delay, *original));
            if self.step.exists(&key)? {
                self.step.delete(key);
                progress.owed = progress.owed.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// Accounts that did not get the message by one recipient lose their
    /// reference, unless they got it, or may yet get it, by another.
    fn drop_references(
        &mut self,
        progress: &Progress,
        row: &JobRow,
        unserved: Vec<AccountId>,
    ) -> Result<(), StoreError> {
        if unserved.is_empty() {
            return Ok(());
        }
        let mut served: BTreeSet<AccountId> = served_accounts(row).collect();
        each_job(self.step, row.job.key.message, |other| {
            if other.job.key != row.job.key {
                served.extend(served_accounts(&other));
            }
            true
        })?;
        for account in unserved {
            if !served.contains(&account) {
                self.release(&progress.content, Holder::Account(account))?;
            }
        }
        Ok(())
    }
}

fn picked<'r>(
    row: &'r JobRow,
    indexes: &'r [u32],
) -> impl Iterator<Item = (u32, &'r RecipientState)> {
    indexes
        .iter()
        .filter_map(|index| Some((*index, row.job.recipients.get(*index as usize)?)))
}

/// Accounts that have the message by this job, or may yet get it.
fn served_accounts(row: &JobRow) -> impl Iterator<Item = AccountId> {
    row.job
        .recipients
        .iter()
        .filter(|state| {
            let outcome = state.outcome.as_ref();
            !outcome.is_some_and(|outcome| is_unserved(outcome.verdict))
        })
        .filter_map(|state| state.recipient.account)
}

fn is_unserved(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Failed | Verdict::Deleted)
}
