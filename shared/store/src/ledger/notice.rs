//! Notices: what senders are owed, gathered and told once.

use async_trait::async_trait;
use message::{
    Address, JobKey, MessageId, NoticeKind, Notify, OriginalRecipient, Outcome, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{Decision, Entry};
use crate::StoreError;

/// A notice that must be sent, and under which id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeClaim {
    /// The id under which the notice is accepted, however often it is composed.
    pub id: MessageId,
    /// Its kind.
    pub kind: NoticeKind,
    /// When it was first claimed: the notice's date.
    pub at: Timestamp,
    /// Whom it tells about, at least one.
    pub recipients: Vec<NoticeRecipient>,
}

/// A recipient as a notice reports it (RFC 3464 §2.3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeRecipient {
    /// The recipient's address in the envelope.
    pub original: Address,
    /// ORCPT, if the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<OriginalRecipient>,
    /// NOTIFY, as the sender gave it.
    pub notify: Notify,
    /// The address it ended at.
    pub last: Address,
    /// What became of it.
    pub outcome: Outcome,
    /// How many attempts there were.
    pub attempts: u32,
    /// When the next attempt is due, in a delay notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
    /// Until when it will be retried, in a delay notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_until: Option<Timestamp>,
}

impl NoticeRecipient {
    /// What is told of original recipient `original` that ended at `last`; none
    /// where the envelope does not have it.
    pub(crate) fn new(
        entry: &Entry,
        original: u32,
        last: &Address,
        outcome: Outcome,
    ) -> Option<Self> {
        let recipients = &entry.acceptance.envelope.recipients;
        let recipient = recipients.get(original as usize)?;
        Some(Self {
            original: recipient.address.clone(),
            orcpt: recipient.orcpt.clone(),
            notify: recipient.notify,
            last: last.clone(),
            outcome,
            attempts: 0,
            next_attempt: None,
            retry_until: None,
        })
    }

    /// What is told of a recipient that ended in routing.
    pub(crate) fn of_decision(entry: &Entry, decision: &Decision, original: u32) -> Option<Self> {
        let recipients = &entry.acceptance.envelope.recipients;
        let own = &recipients.get(original as usize)?.address;
        let followed = decision.to.as_ref().or(decision.chain.last());
        Self::new(
            entry,
            original,
            followed.unwrap_or(own),
            decision.outcome.clone()?,
        )
    }
}

/// A notice in the history of the message it tells about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// Its own message id.
    pub id: MessageId,
    /// Its kind.
    pub kind: NoticeKind,
    /// When it was claimed.
    pub at: Timestamp,
    /// Whether it has been accepted.
    pub accepted: bool,
}

/// Notices of the ledger.
///
/// What is owed follows from outcomes: failure, delay (once per recipient) and
/// success as each original recipient's NOTIFY says, never to a null return
/// path. Failures that may not be told are counted.
#[async_trait]
pub trait Notices: Send + Sync {
    /// All recipients of `message` still owed a notice of `kind`, under
    /// `reserve` if no notice is claimed yet; else the claimed one again. None
    /// while the notice job is held or dead.
    async fn claim_notice(
        &self,
        message: MessageId,
        kind: NoticeKind,
        reserve: MessageId,
    ) -> Result<Option<NoticeClaim>, StoreError>;

    /// The notice `id` is accepted: its recipients are owed it no more. The
    /// entry closes if nothing is left. Idempotent.
    async fn notice_accepted(
        &self,
        message: MessageId,
        kind: NoticeKind,
        id: MessageId,
    ) -> Result<(), StoreError>;

    /// The notice job of a message, if it is owed anything.
    async fn notice_job(&self, message: MessageId) -> Result<Option<JobKey>, StoreError>;
}
