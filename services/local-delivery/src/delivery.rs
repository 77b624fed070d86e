//! Putting one message into the mailboxes of its local recipients.
//!
//! Appending is idempotent: the mailbox keeps a record of each delivery, so a
//! job that comes twice, or is cut short by a crash anywhere, gives each
//! account one copy.

use std::sync::Arc;

use config::{Policy, Waiting};
use futures_util::{StreamExt, TryStreamExt, stream};
use message::{
    Clock, Diagnostic, EnhancedStatus, JobKey, MessageId, Outcome, Randomness, ReversePath, Verdict,
};
use store::ledger::{Entry, JobRecord, RecipientState, Recorded, Report, Retry};
use store::mailbox::{Appended, MailboxName, NewEntry};
use store::{Directory, Ledger, MailboxStore, StoreError};
use telemetry::{Metrics, Span};

/// Appends of one job under way at a time; they share an fsync.
const APPENDS: usize = 32;

/// What delivers.
pub(crate) struct Deliverer {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) mailbox: Arc<dyn MailboxStore>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Randomness>,
    pub(crate) policy: Policy,
    pub(crate) metrics: Metrics,
    /// Whether log lines tell mail addresses.
    pub(crate) addresses: bool,
}

impl Deliverer {
    /// Delivers to the open recipients of `job` and records what became of
    /// them; whether a notice is owed now.
    ///
    /// # Errors
    /// When a store is away; the job stays as it is.
    pub(crate) async fn deliver(
        &self,
        job: &JobRecord,
        entry: &Entry,
        span: &Span,
    ) -> Result<bool, StoreError> {
        let appends: Vec<_> = job
            .open_recipients()
            .map(|(index, recipient)| self.deliver_to(index, recipient, job, entry, span))
            .collect();
        let outcomes = stream::iter(appends)
            .buffered(APPENDS)
            .try_collect()
            .await?;
        let report = self.report(job, entry, outcomes);
        let outcomes = report.outcomes.clone();
        match self.ledger.record(job.key, job.generation, report).await? {
            Recorded::Stored { notice_owed } => {
                self.tell(job, entry, &outcomes);
                Ok(notice_owed)
            }
            Recorded::Stale => Ok(false),
        }
    }

    /// Counts what became of the recipients, with a line of the log for each.
    fn tell(&self, job: &JobRecord, entry: &Entry, outcomes: &[(u32, Outcome)]) {
        let now = self.clock.now();
        let since = now.duration_since(entry.accepted_at).unsigned_abs();
        for (index, outcome) in outcomes {
            self.metrics.recipient(outcome.verdict, since);
            let state = job.recipients.get(*index as usize);
            let recipient = state.filter(|_| self.addresses);
            tracing::info!(
                message_id = %job.key.message,
                destination = %job.destination,
                recipient = recipient.map(|state| display(&state.recipient.address)),
                outcome = outcome.verdict.name(),
                status = %outcome.status,
                // The text names the address.
                reply = recipient.map(|_| outcome.diagnostic.text()),
                attempts = job.attempts.saturating_add(1),
                delay = since.as_secs_f64(),
                "attempted"
            );
        }
    }

    async fn deliver_to(
        &self,
        index: u32,
        state: &RecipientState,
        job: &JobRecord,
        entry: &Entry,
        span: &Span,
    ) -> Result<(u32, Outcome), StoreError> {
        let address = &state.recipient.address;
        let account = match state.recipient.account {
            Some(id) => self.directory.account(id).await?,
            None => None,
        };
        let Some(account) = account else {
            let text = format!("{address}: the account was removed");
            return Ok((index, self.outcome(Verdict::Failed, NO_MAILBOX, text)));
        };
        let append = span.child("mailbox append");
        let new = new_entry(job.key.message, &job.return_path, state, entry);
        let inbox = MailboxName::inbox();
        let appended = self
            .mailbox
            .append(account.id, &inbox, new, account.quota)
            .await?;
        let outcome = match appended {
            Appended::Stored { uid, .. } => {
                let text = format!("{address}: in the mailbox as UID {uid}");
                self.outcome(Verdict::Delivered, DELIVERED, text)
            }
            Appended::AlreadyDelivered => {
                let text = format!("{address}: in the mailbox");
                self.outcome(Verdict::Delivered, DELIVERED, text)
            }
            Appended::OverQuota => {
                let text = format!("{address}: the mailbox is full");
                self.outcome(Verdict::Deferred, FULL, text)
            }
            Appended::NoSuchMailbox => {
                let text = format!("{address}: the account has no INBOX");
                self.outcome(Verdict::Deferred, DISABLED, text)
            }
        };
        if !outcome.verdict.is_final() {
            append.fail(outcome.diagnostic.text());
        }
        Ok((index, outcome))
    }

    fn outcome(&self, verdict: Verdict, status: EnhancedStatus, text: String) -> Outcome {
        Outcome {
            verdict,
            status,
            diagnostic: Diagnostic::ours(text),
            at: self.clock.now(),
        }
    }

    /// Deferred recipients are retried on schedule; after the last attempt they
    /// fail under the same reason.
    fn report(&self, job: &JobRecord, entry: &Entry, outcomes: Vec<(u32, Outcome)>) -> Report {
        let any_deferred = outcomes
            .iter()
            .any(|(_, outcome)| !outcome.verdict.is_final());
        if !any_deferred {
            return Report {
                outcomes,
                attempts: Vec::new(),
                retry: None,
            };
        }
        let waiting = Waiting {
            accepted_at: entry.accepted_at,
            null_sender: entry.acceptance.envelope.return_path.is_null(),
            attempts: job.attempts + 1,
        };
        match self
            .policy
            .after(waiting, self.clock.now(), self.random.fraction())
        {
            Some(next) => {
                let retry = Retry {
                    due: next.due,
                    warn_at: next.warn_at,
                    until: next.until,
                };
                Report {
                    outcomes,
                    attempts: Vec::new(),
                    retry: Some(retry),
                }
            }
            None => {
                let outcomes = outcomes
                    .into_iter()
                    .map(|(i, outcome)| (i, given_up(outcome)));
                Report {
                    outcomes: outcomes.collect(),
                    attempts: Vec::new(),
                    retry: None,
                }
            }
        }
    }
}

const DELIVERED: EnhancedStatus = EnhancedStatus::new(2, 0, 0);
const NO_MAILBOX: EnhancedStatus = EnhancedStatus::new(5, 1, 1);
const DISABLED: EnhancedStatus = EnhancedStatus::new(4, 2, 1);
const FULL: EnhancedStatus = EnhancedStatus::new(4, 2, 2);

fn given_up(outcome: Outcome) -> Outcome {
    if outcome.verdict.is_final() {
        return outcome;
    }
    Outcome {
        verdict: Verdict::Failed,
        status: outcome.status.with_class(5),
        ..outcome
    }
}

/// The entry as the mailbox keeps it, with what we put in front: the return
/// path (RFC 5321 §4.4) and the address that led here.
fn new_entry(
    message: MessageId,
    return_path: &ReversePath,
    state: &RecipientState,
    entry: &Entry,
) -> NewEntry {
    let address = &state.recipient.address;
    let prefix = format!("Return-Path: {return_path}\r\nDelivered-To: {address}\r\n");
    NewEntry {
        delivery: Some(message),
        content: entry.acceptance.content.clone(),
        size: entry.acceptance.size + prefix.len() as u64,
        prefix,
        internal_date: entry.accepted_at,
        flags: Vec::new(),
    }
}

/// The notice job of a message, as it is put on its topic.
pub(crate) fn notice_job(message: MessageId) -> message::Job {
    message::Job {
        key: JobKey::notice(message),
        generation: 0,
    }
}
