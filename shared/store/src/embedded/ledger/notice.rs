//! Notices: gathered when claimed, repeated until accepted.

use async_trait::async_trait;
use message::{JobKey, MessageId, NoticeKind, Part};
use serde::{Deserialize, Serialize};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read, from_json};
use super::super::key::Key;
use super::super::page::{corrupt, page};
use super::keys;
use super::progress::{Claim, Progress};
use super::row::{Feeding, JobRow};
use super::turn::{Turn, job, known_entry, progress};
use crate::StoreError;
use crate::ledger::{
    Decision, Entry, JobState, NoticeClaim, NoticeRecipient, NoticeRecord, Notices,
};

/// A claimed notice; its recipients are forgotten once it is accepted.
#[derive(Serialize, Deserialize)]
pub(super) struct NoticeRow {
    record: NoticeRecord,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recipients: Vec<NoticeRecipient>,
}

#[async_trait]
impl Notices for EmbeddedStore {
    async fn claim_notice(
        &self,
        message: MessageId,
        kind: NoticeKind,
        reserve: MessageId,
    ) -> Result<Option<NoticeClaim>, StoreError> {
        self.turn(Durability::Relaxed, move |turn| {
            turn.claim_notice(message, kind, reserve)
        })
        .await
    }

    async fn notice_accepted(
        &self,
        message: MessageId,
        kind: NoticeKind,
        id: MessageId,
    ) -> Result<(), StoreError> {
        self.turn(Durability::Relaxed, move |turn| {
            turn.notice_accepted(message, kind, id)
        })
        .await
    }

    async fn notice_job(&self, message: MessageId) -> Result<Option<JobKey>, StoreError> {
        let progress = self.engine.read(|read| progress(read, message))?;
        Ok(progress
            .filter(|progress| progress.notice.state == JobState::Pending)
            .map(|_| JobKey::notice(message)))
    }
}

impl Turn<'_, '_> {
    fn claim_notice(
        &mut self,
        message: MessageId,
        kind: NoticeKind,
        reserve: MessageId,
    ) -> Result<Option<NoticeClaim>, StoreError> {
        let open = progress(self.step, message)?;
        // A held or dead notice job is an operator's to decide.
        let Some(mut progress) = open.filter(|open| open.notice.state == JobState::Pending) else {
            return Ok(None);
        };
        if let Some(claim) = progress.claims.iter().find(|claim| claim.kind == kind) {
            let row = self.known_notice(message, claim.number)?;
            return Ok(Some(row.into()));
        }
        let owed = page(
            self.step,
            &keys::owed_of(message, kind),
            None,
            usize::MAX,
            |key, _| Ok(Key::read(key)),
        )?;
        if owed.is_empty() {
            return Ok(None);
        }
        let row = NoticeRow {
            record: NoticeRecord {
                id: reserve,
                kind,
                at: self.now,
                accepted: false,
            },
            recipients: gather(self.step, message, &owed)?,
        };
        let number = progress.notices;
        progress.notices += 1;
        progress.claims.push(Claim { kind, number });
        progress.owed = progress.owed.saturating_sub(owed.len() as u32);
        owed.into_iter().for_each(|key| self.step.delete(key));
        self.step.put_json(keys::notice(message, number), &row)?;
        self.keep_progress(message, progress, Feeding::default())?;
        Ok(Some(row.into()))
    }

    fn notice_accepted(
        &mut self,
        message: MessageId,
        kind: NoticeKind,
        id: MessageId,
    ) -> Result<(), StoreError> {
        let Some(mut progress) = progress(self.step, message)? else {
            return Ok(());
        };
        let Some(claim) = progress
            .claims
            .iter()
            .find(|claim| claim.kind == kind)
            .copied()
        else {
            return Ok(());
        };
        let mut row = self.known_notice(message, claim.number)?;
        if row.record.id != id {
            return Ok(());
        }
        row.record.accepted = true;
        row.recipients.clear();
        self.step
            .put_json(keys::notice(message, claim.number), &row)?;
        progress.claims.retain(|open| open.number != claim.number);
        progress.notice.tries = 0;
        self.keep_progress(message, progress, Feeding::default())
    }

    /// An operator wants nobody told of what is owed now.
    pub(super) fn drop_notices(
        &mut self,
        message: MessageId,
        progress: &mut Progress,
    ) -> Result<(), StoreError> {
        for kind in NoticeKind::ALL {
            let prefix = keys::owed_of(message, kind);
            let owed = page(self.step, &prefix, None, usize::MAX, |key, _| {
                Ok(Key::read(key))
            })?;
            owed.into_iter().for_each(|key| self.step.delete(key));
        }
        for claim in std::mem::take(&mut progress.claims) {
            self.step.delete(keys::notice(message, claim.number));
        }
        progress.owed = 0;
        Ok(())
    }

    fn known_notice(&self, message: MessageId, number: u32) -> Result<NoticeRow, StoreError> {
        let key = keys::notice(message, number);
        self.step
            .get_json(&key)?
            .ok_or_else(|| corrupt(key.as_bytes(), "a claimed notice is gone"))
    }
}

impl From<NoticeRow> for NoticeClaim {
    fn from(row: NoticeRow) -> Self {
        Self {
            id: row.record.id,
            kind: row.record.kind,
            at: row.record.at,
            recipients: row.recipients,
        }
    }
}

/// The notices of a message, in the order they were claimed.
pub(super) fn notices(
    read: &impl Read,
    message: MessageId,
) -> Result<Vec<NoticeRecord>, StoreError> {
    page(
        read,
        &keys::notices(message),
        None,
        usize::MAX,
        |key, value| Ok(from_json::<NoticeRow>(key, value)?.record),
    )
}

/// What a notice says of those it is owed for, in the order of their jobs.
fn gather(
    read: &impl Read,
    message: MessageId,
    owed: &[Key],
) -> Result<Vec<NoticeRecipient>, StoreError> {
    let entry = known_entry(read, message)?;
    let decisions: Vec<Decision> = read.get_json(&keys::route(message))?.unwrap_or_default();
    let mut current: Option<JobRow> = None;
    let mut recipients = Vec::with_capacity(owed.len());
    for key in owed {
        let (part, index, original) = keys::read_owed(key.as_bytes())?;
        let told = if let Part::Work(_) = part {
            let key = JobKey { message, part };
            if current.as_ref().is_none_or(|row| row.job.key != key) {
                current = job(read, key)?;
            }
            current
                .as_ref()
                .and_then(|row| of_job(&entry, row, index, original))
        } else {
            decisions
                .get(index as usize)
                .and_then(|decision| NoticeRecipient::of_decision(&entry, decision, original))
        };
        recipients.push(told.ok_or_else(|| corrupt(key.as_bytes(), "nothing to tell of"))?);
    }
    Ok(recipients)
}

fn of_job(entry: &Entry, row: &JobRow, index: u32, original: u32) -> Option<NoticeRecipient> {
    let state = row.job.recipients.get(index as usize)?;
    let next_attempt = match row.job.state {
        JobState::Deferred { due } => Some(due),
        JobState::Pending
        | JobState::Working { .. }
        | JobState::Waiting
        | JobState::Held
        | JobState::Dead
        | JobState::Settled => None,
    };
    let is_open = !state.is_settled();
    Some(NoticeRecipient {
        attempts: row.job.attempts,
        next_attempt: next_attempt.filter(|_| is_open),
        retry_until: row.job.retry_until.filter(|_| is_open),
        ..NoticeRecipient::new(
            entry,
            original,
            &state.recipient.address,
            state.outcome.clone()?,
        )?
    })
}
