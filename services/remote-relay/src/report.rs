//! From rulings to what the ledger records.

use std::collections::BTreeMap;

use config::{Policy, Schedule, Waiting};
use message::{Outcome, Timestamp, Verdict};
use store::ledger::{Attempt, Claimed, Report, Retry, Trouble};

use crate::classify::Cause;

/// By what a report is made.
#[derive(Clone, Copy)]
pub(crate) struct Basis<'a> {
    pub(crate) claimed: &'a Claimed,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
    /// From 0 to 1, for the jitter.
    pub(crate) chance: f64,
}

impl Basis<'_> {
    /// The results of an attempt. What is deferred too late, or too often, fails.
    pub(crate) fn attempted(
        &self,
        results: BTreeMap<u32, (Verdict, Cause)>,
        attempts: Vec<Attempt>,
    ) -> Report {
        let at = self.now;
        let outcome = |(index, (verdict, cause)): (u32, (Verdict, Cause))| {
            let Cause { status, diagnostic } = cause;
            (
                index,
                Outcome {
                    verdict,
                    status,
                    diagnostic,
                    at,
                },
            )
        };
        self.conclude(results.into_iter().map(outcome).collect(), attempts)
    }

    /// What the trouble of the destination means for a job that was not tried
    /// itself. The result of a probe counts once as an attempt of every job; a
    /// job that has heard of it already only goes on sleeping.
    pub(crate) fn slept(&self, trouble: &Trouble) -> Report {
        let at = trouble.at.max(self.claimed.entry.accepted_at);
        let mut news = false;
        let open = self.claimed.job.open_recipients();
        let outcomes: Vec<_> = open
            .map(|(index, state)| match &state.outcome {
                Some(known) if known.at >= at => (index, known.clone()),
                Some(_) | None => {
                    news = true;
                    let (status, diagnostic) = (trouble.status, trouble.diagnostic.clone());
                    (
                        index,
                        Outcome {
                            verdict: Verdict::Deferred,
                            status,
                            diagnostic,
                            at,
                        },
                    )
                }
            })
            .collect();
        if !news {
            return self.postponed(outcomes, trouble.probe_at);
        }
        let told = Attempt {
            at: self.now,
            host: None,
            peer: None,
            tls: None,
            result: format!("not tried itself: {}", trouble.diagnostic.text()),
        };
        let mut report = self.conclude(outcomes, vec![told]);
        if let Some(retry) = &mut report.retry {
            retry.due = retry.due.max(trouble.probe_at);
        }
        report
    }

    /// Puts a job back as it was: its turn comes later.
    pub(crate) fn untouched(&self) -> Report {
        let open = self.claimed.job.open_recipients();
        let known = open.filter_map(|(index, state)| Some((index, state.outcome.clone()?)));
        let pause = self.policy.pause(self.claimed.job.attempts, self.chance);
        self.postponed(known.collect(), self.now + pause)
    }

    fn conclude(&self, mut outcomes: Vec<(u32, Outcome)>, attempts: Vec<Attempt>) -> Report {
        let job = &self.claimed.job;
        let waiting = Waiting {
            accepted_at: self.claimed.entry.accepted_at,
            null_sender: job.return_path.is_null(),
            attempts: job.attempts.saturating_add(1),
        };
        let deferred = outcomes
            .iter()
            .any(|(_, outcome)| !outcome.verdict.is_final());
        let schedule = match deferred {
            true => self.policy.after(waiting, self.now, self.chance),
            false => None,
        };
        if deferred && schedule.is_none() {
            outcomes
                .iter_mut()
                .for_each(|(_, outcome)| give_up(outcome));
        }
        let retry = schedule.map(
            |Schedule {
                 due,
                 warn_at,
                 until,
             }| Retry {
                due,
                warn_at,
                until,
            },
        );
        Report {
            outcomes,
            attempts,
            retry,
        }
    }

    fn postponed(&self, outcomes: Vec<(u32, Outcome)>, due: Timestamp) -> Report {
        let job = &self.claimed.job;
        let until = job.retry_until.unwrap_or(due);
        let warn_at = job.warn_at.unwrap_or(until);
        Report {
            outcomes,
            attempts: Vec::new(),
            retry: Some(Retry {
                due,
                warn_at,
                until,
            }),
        }
    }
}

/// A temporary failure that has lasted too long (RFC 3463, class 5).
fn give_up(outcome: &mut Outcome) {
    if outcome.verdict == Verdict::Deferred {
        outcome.verdict = Verdict::Failed;
        outcome.status = outcome.status.with_class(5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Relay;
    use message::{
        Body, Diagnostic, EnhancedStatus, Envelope, JobKey, MessageId, Protocol, TraceContext,
        Transaction,
    };
    use store::ledger::{Acceptance, Entry, FinalRecipient, JobRecord, JobState, RecipientState};

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    fn outcome(at: Timestamp) -> Outcome {
        let status = EnhancedStatus::new(4, 4, 1);
        let diagnostic = Diagnostic::ours("no connection");
        Outcome {
            verdict: Verdict::Deferred,
            status,
            diagnostic,
            at,
        }
    }

    fn claimed(known: Option<Outcome>) -> Claimed {
        let recipient = FinalRecipient {
            address: "bob@example.org".parse().unwrap(),
            account: None,
            originals: vec![0],
        };
        let state = RecipientState {
            recipient,
            outcome: known,
            delay_told: false,
        };
        Claimed {
            job: JobRecord {
                key: JobKey::work(MessageId::from_bits(1), 0),
                generation: 1,
                state: JobState::Pending,
                destination: "example.org".parse().unwrap(),
                return_path: "<a@b.example>".parse().unwrap(),
                recipients: vec![state],
                passed_on_by: Vec::new(),
                expanded: Vec::new(),
                attempts: 3,
                tries: 0,
                warn_at: None,
                retry_until: None,
                log: Vec::new(),
            },
            entry: Entry {
                acceptance: acceptance(),
                accepted_at: at(0),
            },
        }
    }

    fn acceptance() -> Acceptance {
        Acceptance {
            message: MessageId::from_bits(1),
            envelope: Envelope {
                return_path: "<a@b.example>".parse().unwrap(),
                recipients: Vec::new(),
                ret: None,
                envelope_id: None,
                body: Body::SevenBit,
                smtputf8: false,
                transaction: Transaction {
                    protocol: Protocol::Smtp,
                    client: None,
                    helo: None,
                    account: None,
                    tls: None,
                },
            },
            content: "c".parse().unwrap(),
            size: 1,
            trace: TraceContext {
                trace: MessageId::from_bits(1),
                span: 1,
                sampled: false,
            },
            notice_of: None,
        }
    }

    fn trouble(hour: i64) -> Trouble {
        let Outcome {
            status, diagnostic, ..
        } = outcome(at(hour));
        Trouble {
            status,
            diagnostic,
            at: at(hour),
            probe_at: at(hour + 1),
        }
    }

    fn slept(known: Option<Outcome>, trouble_at: i64, now: i64) -> (Verdict, Option<i64>) {
        let claimed = claimed(known);
        let policy = Relay::default().policy(&claimed.job.destination);
        let basis = Basis {
            claimed: &claimed,
            policy: &policy,
            now: at(now),
            chance: 0.5,
        };
        let report = basis.slept(&trouble(trouble_at));
        let due = report
            .retry
            .map(|retry| (retry.due.as_second() - at(now).as_second()) / 60);
        (report.outcomes[0].1.verdict, due)
    }

    #[test]
    fn sleepers_wait_for_the_probe_and_hear_of_its_failure_once() {
        assert_eq!(
            slept(None, 1, 1),
            (Verdict::Deferred, Some(60)),
            "a new job"
        );
        let known = Some(outcome(at(1)));
        assert_eq!(
            slept(known.clone(), 1, 1),
            (Verdict::Deferred, Some(60)),
            "no news"
        );
        assert_eq!(slept(known, 2, 2), (Verdict::Deferred, Some(60)), "news");
    }

    #[test]
    fn time_alone_ends_nothing() {
        let late = 24 * 5 + 1;
        let known = Some(outcome(at(2)));
        assert_eq!(
            slept(known.clone(), 2, late).0,
            Verdict::Deferred,
            "no news"
        );
        assert_eq!(
            slept(known, late, late),
            (Verdict::Failed, None),
            "a probe failed"
        );
    }

    #[test]
    fn giving_up_fails_only_who_was_deferred() {
        let claimed = claimed(None);
        let policy = Relay::default().policy(&claimed.job.destination);
        let policy = Policy {
            max_attempts: Some(4),
            ..policy
        };
        let basis = Basis {
            claimed: &claimed,
            policy: &policy,
            now: at(1),
            chance: 0.5,
        };
        let cause = |class| Cause {
            status: EnhancedStatus::new(class, 2, 1),
            diagnostic: Diagnostic::ours("text"),
        };
        let results = BTreeMap::from([
            (0, (Verdict::Deferred, cause(4))),
            (1, (Verdict::Relayed { dsn: true }, cause(2))),
        ]);
        let report = basis.attempted(results, Vec::new());
        let shown: Vec<_> = report
            .outcomes
            .iter()
            .map(|(_, o)| (o.verdict, o.status.class()))
            .collect();
        assert_eq!(
            shown,
            [(Verdict::Failed, 5), (Verdict::Relayed { dsn: true }, 2)]
        );
        assert!(report.retry.is_none());
    }
}
