//! Messages, routes and results for the cases.

use std::sync::Arc;
use std::time::Duration;

use message::time::ManualClock;
use message::{
    AccountId, Address, Body, Clock, ContentId, Destination, Diagnostic, EnhancedStatus, Envelope,
    JobKey, MessageId, Notify, Outcome, Protocol, Recipient, ReversePath, Timestamp, TraceContext,
    Transaction, Verdict,
};

use crate::Ledger;
use crate::directory::Via;
use crate::ledger::{
    Acceptance, Accepted, Attempt, Claimed, Decision, FinalRecipient, JobRecord, JobState, Lease,
    NewJob, QueueFilter, Recorded, Report, Retry, Route, Routed, Why,
};

pub(super) const LEASE: Lease = Lease(Duration::from_secs(60));
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) const ALL: Notify = Notify::When {
    success: true,
    failure: true,
    delay: true,
};

pub(super) fn message(number: u32) -> MessageId {
    MessageId::from_bits(u128::from(number))
}

/// The id of a notice, after those of messages.
pub(super) fn notice_id(number: u32) -> MessageId {
    MessageId::from_bits((1 << 64) | u128::from(number))
}

pub(super) fn key(number: u32, job: u32) -> JobKey {
    JobKey::work(message(number), job)
}

pub(super) fn content(number: u32) -> ContentId {
    format!("content-{number}").parse().unwrap()
}

pub(super) fn account(number: u64) -> AccountId {
    AccountId::from_bits(number)
}

pub(super) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(super) fn destination(text: &str) -> Destination {
    text.parse().unwrap()
}

/// A message from `sender@here.example`.
pub(super) fn acceptance(number: u32, recipients: &[(&str, Notify)]) -> Acceptance {
    let recipient = |(text, notify): &(&str, Notify)| Recipient {
        notify: *notify,
        ..Recipient::new(address(text))
    };
    Acceptance {
        message: message(number),
        envelope: Envelope {
            return_path: ReversePath::Address(address("sender@here.example")),
            recipients: recipients.iter().map(recipient).collect(),
            ret: None,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction::by(Protocol::Smtp),
        },
        content: content(number),
        size: 1_000,
        trace: TraceContext {
            trace: message(number),
            span: 7,
            sampled: true,
        },
        notice_of: None,
    }
}

/// A message to one recipient.
pub(super) fn plain(number: u32) -> Acceptance {
    acceptance(number, &[("b@there.example", Notify::Unspecified)])
}

/// A job for some originals, each reaching an address of its own.
pub(super) fn remote(to: &str, originals: &[u32]) -> NewJob {
    let recipient = |original: &u32| FinalRecipient {
        address: address(&format!("r{original}@final.example")),
        account: None,
        originals: vec![*original],
    };
    NewJob {
        destination: destination(to),
        return_path: ReversePath::Address(address("sender@here.example")),
        recipients: originals.iter().map(recipient).collect(),
        passed_on_by: Vec::new(),
        expanded: Vec::new(),
    }
}

/// A job for accounts here, one for each original from 0 on.
pub(super) fn local(accounts: &[u64]) -> NewJob {
    let mut job = remote("local", &(0..accounts.len() as u32).collect::<Vec<_>>());
    for (recipient, number) in job.recipients.iter_mut().zip(accounts) {
        recipient.account = Some(account(*number));
    }
    job
}

/// The route that makes these jobs.
pub(super) fn route(jobs: Vec<NewJob>) -> Route {
    let recipients = jobs.iter().flat_map(|job| &job.recipients);
    let decisions = recipients.flat_map(|recipient| {
        recipient.originals.iter().map(|original| Decision {
            original: *original,
            why: match recipient.account {
                Some(_) => Why::Account(Via::Exact),
                None => Why::Dns,
            },
            chain: Vec::new(),
            to: Some(recipient.address.clone()),
            outcome: None,
        })
    });
    Route {
        decisions: decisions.collect(),
        jobs,
    }
}

pub(super) fn ended(original: u32, outcome: Outcome) -> Decision {
    Decision {
        original,
        why: Why::Unroutable,
        chain: Vec::new(),
        to: None,
        outcome: Some(outcome),
    }
}

pub(super) const DELIVERED: Verdict = Verdict::Delivered;
pub(super) const RELAYED: Verdict = Verdict::Relayed { dsn: false };
pub(super) const DEFERRED: Verdict = Verdict::Deferred;
pub(super) const FAILED: Verdict = Verdict::Failed;

/// A ledger, and the clock that it goes by.
pub(super) struct Setting {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) clock: ManualClock,
}

impl Setting {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn outcome(&self, verdict: Verdict) -> Outcome {
        let status = match verdict {
            Verdict::Failed => EnhancedStatus::new(5, 1, 1),
            Verdict::Deferred => EnhancedStatus::new(4, 4, 1),
            Verdict::Delivered | Verdict::Relayed { .. } | Verdict::Expanded | Verdict::Deleted => {
                EnhancedStatus::new(2, 0, 0)
            }
        };
        Outcome {
            verdict,
            status,
            diagnostic: Diagnostic::ours("as the case wants it"),
            at: self.now(),
        }
    }

    /// These verdicts for the recipients of these indexes; a retry in an hour
    /// with a warning in two, which is used only where one is deferred.
    pub(super) fn report(&self, verdicts: &[(u32, Verdict)]) -> Report {
        Report {
            outcomes: verdicts
                .iter()
                .map(|(index, verdict)| (*index, self.outcome(*verdict)))
                .collect(),
            attempts: vec![self.attempt("as the case wants it")],
            retry: Some(self.retry(HOUR)),
        }
    }

    pub(super) fn retry(&self, span: Duration) -> Retry {
        Retry {
            due: self.now() + span,
            warn_at: self.now() + 2 * HOUR,
            until: self.now() + 100 * HOUR,
        }
    }

    pub(super) fn attempt(&self, result: &str) -> Attempt {
        Attempt {
            at: self.now(),
            host: None,
            peer: None,
            tls: None,
            result: result.into(),
        }
    }

    pub(super) async fn accept(&self, acceptance: Acceptance) {
        assert_eq!(
            self.ledger.accept(acceptance).await.unwrap(),
            Accepted::Taken
        );
    }

    pub(super) async fn route(&self, number: u32, jobs: Vec<NewJob>) -> Routed {
        let recorded = self.ledger.record_route(message(number), route(jobs)).await;
        recorded.unwrap().expect("an open message")
    }

    /// Accepts and routes a message to one remote recipient.
    pub(super) async fn one(&self, number: u32, to: &str) -> JobKey {
        self.accept(plain(number)).await;
        self.route(number, vec![remote(to, &[0])]).await;
        key(number, 0)
    }

    pub(super) async fn job(&self, key: JobKey) -> JobRecord {
        self.ledger.job(key).await.unwrap().expect("a job")
    }

    pub(super) async fn state(&self, key: JobKey) -> JobState {
        self.job(key).await.state
    }

    pub(super) async fn claim(&self, key: JobKey) -> Claimed {
        let generation = self.job(key).await.generation;
        let claimed = self.ledger.claim(key, generation, LEASE).await.unwrap();
        claimed.expect("the job can be claimed")
    }

    /// Records under the present generation; whether a notice became owed.
    pub(super) async fn record(&self, key: JobKey, report: Report) -> bool {
        let generation = self.job(key).await.generation;
        match self.ledger.record(key, generation, report).await.unwrap() {
            Recorded::Stored { notice_owed } => notice_owed,
            Recorded::Stale => panic!("the results of {key} are stale"),
        }
    }

    /// Records one verdict for all open recipients.
    pub(super) async fn finish(&self, key: JobKey, verdict: Verdict) -> bool {
        let job = self.job(key).await;
        let verdicts: Vec<_> = job.open_recipients().map(|(i, _)| (i, verdict)).collect();
        self.record(key, self.report(&verdicts)).await
    }

    /// A deferred job, due in an hour.
    pub(super) async fn deferred(&self, number: u32, to: &str) -> JobKey {
        let key = self.one(number, to).await;
        self.finish(key, DEFERRED).await;
        key
    }

    pub(super) async fn is_closed(&self, number: u32) -> bool {
        let history = self.ledger.history(message(number)).await.unwrap();
        history.expect("a history").closed_at.is_some()
    }

    /// Accepted = settled + in flight, and the queue shows what is in flight.
    pub(super) async fn balances(&self) {
        let counts = self.ledger.counts().await.unwrap();
        assert_eq!(
            counts.accepted,
            counts.settled + counts.in_flight,
            "{counts:?}"
        );
        let all = QueueFilter::default();
        let mut listed = 0;
        let mut after = None;
        loop {
            let (items, next) = self.ledger.queue(&all, after, 100).await.unwrap();
            listed += items.len() as u64;
            if next.is_none() {
                break;
            }
            after = next;
        }
        assert_eq!(listed, counts.in_flight);
    }
}
