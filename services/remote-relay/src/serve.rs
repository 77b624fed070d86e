//! One job in the hands of a worker: the attempt, its results in the ledger,
//! and what they say about the destination.

use std::time::Duration;

use message::{Job, JobKey, Timestamp, Topic, Verdict};
use store::ledger::{Claimed, JobRecord, Lease, Recorded, Report};
use telemetry::{Span, names};

use crate::attempt::{self, Abandoned, Attempted, Means, Work};
use crate::claim::{Claim, ClaimLost};
use crate::connection::{HostConnection, Terms};
use crate::relay::{Errand, Relay, Taken};
use crate::report::Basis;
use crate::slots::Slot;
use crate::tally::Contact;
use crate::worker::Mood;

/// The first and the longest pause before results are offered to the store again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An attempt found nobody to talk to.
enum Trouble {
    /// It talks to others of us, and to no more at a time.
    Crowded,
    /// The destination as a whole is in trouble.
    Met {
        /// When it is probed, if the store could tell.
        probe_at: Option<Timestamp>,
    },
}

impl Trouble {
    fn probe_at(&self) -> Option<Timestamp> {
        match self {
            Self::Crowded => None,
            Self::Met { probe_at } => *probe_at,
        }
    }
}

impl Relay {
    /// Makes an attempt at a job and records what it came to. The connection it
    /// ended with is left in `kept`, where there may be one from before.
    pub(crate) async fn serve(
        &self,
        taken: Taken,
        slot: &Slot,
        kept: &mut Option<HostConnection>,
    ) -> Mood {
        let Taken {
            claimed,
            asked,
            parent,
            errand,
        } = taken;
        let key = claimed.job.key;
        let entry = &claimed.entry;
        let tracer = self.ports.station.tracer();
        let span = tracer.work("relay", parent.unwrap_or(entry.acceptance.trace));
        describe(&span, &claimed);
        let clock = self.ports.station.clock().as_ref();
        let ours = (key, claimed.job.generation);
        let lease = *self.config.lease;
        let claim = Claim::new(self.ports.ledger.as_ref(), clock, ours, lease, asked);
        let means = self.means(&claimed);
        let work = Work {
            job: &claimed.job,
            entry,
            claim: &claim,
            span: &span,
        };
        let rested = match kept.take() {
            None => self.rested(slot.destination()).await,
            some => some,
        };
        let started = self.monotonic();
        let made = tokio::select! {
            biased;
            lost = claim.keep() => Err(lost.into()),
            made = attempt::make(&means, work, rested) => made,
        };
        match made {
            Ok(mut attempted) => {
                let stranded = attempted.stranded;
                let connection = attempted.connection.take();
                slot.prove(connection.is_some() || stranded);
                *kept = connection.and_then(|connection| self.unless_worn(connection));
                let trouble = self
                    .note_trouble(slot, &attempted.contact, errand, started)
                    .await;
                let asleep_until = trouble.as_ref().and_then(Trouble::probe_at);
                self.conclude(&claimed, attempted, asleep_until, &claim, &span)
                    .await;
                match trouble {
                    None => match self.note_talk(slot, errand).await {
                        // The other jobs have no content to send either.
                        Mood::Fine | Mood::Recovered if stranded => Mood::Stuck,
                        mood => mood,
                    },
                    Some(Trouble::Met { .. }) => Mood::Troubled,
                    Some(Trouble::Crowded) => Mood::Stuck,
                }
            }
            Err(Abandoned::ClaimLost(ClaimLost)) => {
                tracing::warn!(message_id = %key.message, job = %key, "the claim was lost; the attempt is dropped");
                span.fail(ClaimLost);
                self.let_go(&claimed).await;
                Mood::Stuck
            }
            Err(problem @ (Abandoned::Content(_) | Abandoned::Misrouted)) => {
                span.fail(&problem);
                self.failed(&claimed, &problem.to_string()).await
            }
        }
    }

    fn means(&self, claimed: &Claimed) -> Means<'_> {
        let policy = self.config.policy(&claimed.job.destination);
        Means {
            resolver: self.ports.resolver.as_ref(),
            content: self.ports.content.as_ref(),
            clock: self.ports.station.clock().as_ref(),
            random: self.ports.random.as_ref(),
            metrics: self.ports.station.metrics(),
            ourselves: &self.ourselves,
            port: self.config.port,
            terms: Terms {
                policy: policy.tls,
                login: self.logins.get(&claimed.job.destination).cloned(),
                ..self.terms.clone()
            },
        }
    }

    /// The connection, unless it has carried as many messages as it may.
    fn unless_worn(&self, connection: HostConnection) -> Option<HostConnection> {
        if connection.messages() < self.config.per_connection {
            return Some(connection);
        }
        self.part_with(connection);
        None
    }

    /// Records the results, and publishes what follows.
    async fn conclude(
        &self,
        claimed: &Claimed,
        attempted: Attempted,
        asleep_until: Option<Timestamp>,
        claim: &Claim<'_>,
        span: &Span,
    ) {
        let Attempted { results, log, .. } = attempted;
        let mut report = self.report(claimed, |basis| basis.attempted(results, log));
        if let Some(retry) = &mut report.retry {
            // Before the destination is probed, it would only sleep on.
            retry.due = retry.due.max(asleep_until.unwrap_or(retry.due));
        }
        let key = claimed.job.key;
        match self.record(claimed, &report, claim).await {
            Some(recorded @ Recorded::Stored { .. }) => {
                span.describe(names::OUTCOME, summary(&report));
                self.follow_up(claimed, &report, recorded, span).await;
            }
            Some(Recorded::Stale) => {
                tracing::warn!(message_id = %key.message, job = %key, "the results came too late");
                span.fail("the results came too late");
            }
            None => {
                tracing::error!(message_id = %key.message, job = %key, "the results are lost; the job is done again");
                span.fail("the results were not recorded");
            }
        }
        if report.retry.is_some() {
            self.wake.notify_one();
        }
    }

    /// Offers the results to the store until it takes them or the claim is over.
    async fn record(
        &self,
        claimed: &Claimed,
        report: &Report,
        claim: &Claim<'_>,
    ) -> Option<Recorded> {
        let (key, generation) = (claimed.job.key, claimed.job.generation);
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self
                .ports
                .ledger
                .record(key, generation, report.clone())
                .await
            {
                Ok(recorded) => return Some(recorded),
                Err(error) => error,
            };
            if pause == FIRST_PAUSE {
                tracing::error!(message_id = %key.message, job = %key, %error, "recording results");
            }
            if !error.is_outage() || claim.remaining().is_zero() {
                return None;
            }
            self.ports.station.clock().sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Results stand: they are counted, and the sender is told where it is owed.
    pub(crate) async fn follow_up(
        &self,
        claimed: &Claimed,
        report: &Report,
        recorded: Recorded,
        span: &Span,
    ) {
        if let Recorded::Stored { notice_owed } = recorded {
            self.count(claimed, report);
            if notice_owed {
                self.publish_notice(claimed.job.key, span).await;
            }
        }
    }

    async fn publish_notice(&self, key: JobKey, span: &Span) {
        let job = Job {
            key: JobKey::notice(key.message),
            generation: 0,
        };
        let station = &self.ports.station;
        // Refused or lost, it is published by the feeder.
        let _ = station
            .publish(Topic::Outcome, job, 0, span.context())
            .await;
    }

    fn count(&self, claimed: &Claimed, report: &Report) {
        let since = self.now().duration_since(claimed.entry.accepted_at);
        let since = Duration::try_from(since).unwrap_or_default();
        for (_, outcome) in &report.outcomes {
            self.ports
                .station
                .metrics()
                .recipient(outcome.verdict, since);
        }
        // Without an attempt a job has only been put off again.
        if !report.attempts.is_empty() {
            self.tell(&claimed.job, report, since);
        }
    }

    /// A line for each recipient that the attempt was about.
    fn tell(&self, job: &JobRecord, report: &Report, since: Duration) {
        for (index, outcome) in &report.outcomes {
            let state = job.recipients.get(*index as usize);
            let recipient = state.filter(|_| self.addresses);
            tracing::info!(
                message_id = %job.key.message,
                destination = %job.destination,
                recipient = recipient.map(|state| display(&state.recipient.address)),
                outcome = outcome.verdict.name(),
                host = outcome.diagnostic.host().map(display),
                status = %outcome.status,
                reply = outcome.diagnostic.text(),
                attempts = job.attempts.saturating_add(1),
                delay = since.as_secs_f64(),
                "attempted"
            );
        }
    }

    /// Puts down that the destination could not be talked to, if so: before
    /// the results, so that the job knows until when to sleep.
    async fn note_trouble(
        &self,
        slot: &Slot,
        contact: &Contact,
        errand: Errand,
        started: Duration,
    ) -> Option<Trouble> {
        let Contact::Unreachable(cause) = contact else {
            return None;
        };
        if slot.talked_since(started) {
            return Some(Trouble::Crowded);
        }
        let destination = slot.destination();
        let met = self.meet_trouble(destination, cause, errand).await;
        let probe_at = met.inspect_err(|error| {
            tracing::warn!(%destination, %error, "noting the trouble of a destination");
        });
        Some(Trouble::Met {
            probe_at: probe_at.ok(),
        })
    }

    /// Puts down that the destination talked to us.
    async fn note_talk(&self, slot: &Slot, errand: Errand) -> Mood {
        slot.note_talk(self.monotonic());
        match errand {
            Errand::Ordinary => Mood::Fine,
            Errand::Insisted | Errand::Probe => {
                let destination = slot.destination();
                match self.ports.ledger.destination_recovered(destination).await {
                    Ok(()) => Mood::Recovered,
                    Err(error) => {
                        tracing::warn!(%destination, %error, "noting that a destination recovered");
                        Mood::Stuck
                    }
                }
            }
        }
    }

    /// Gives back a job whose claim was lost here only: a process that stood
    /// still doubts a lease that the store still holds for it, and nobody could
    /// have the job until that ended.
    async fn let_go(&self, claimed: &Claimed) {
        let ledger = &self.ports.ledger;
        let (key, generation) = (claimed.job.key, claimed.job.generation);
        let released = match ledger
            .renew(key, generation, Lease(*self.config.lease))
            .await
        {
            Ok(true) => ledger.tried(key, generation, &ClaimLost.to_string()).await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = released {
            tracing::warn!(message_id = %key.message, job = %key, %error, "giving a job back");
        }
    }

    /// Has a try without a result counted.
    async fn failed(&self, claimed: &Claimed, problem: &str) -> Mood {
        let key = claimed.job.key;
        tracing::error!(message_id = %key.message, job = %key, problem, "an attempt failed");
        let counted = self
            .ports
            .ledger
            .tried(key, claimed.job.generation, problem)
            .await;
        if let Err(error) = counted {
            tracing::error!(message_id = %key.message, job = %key, %error, "counting a try");
        }
        Mood::Stuck
    }

    /// A report on `claimed`, made now.
    pub(crate) fn report(
        &self,
        claimed: &Claimed,
        make: impl FnOnce(Basis<'_>) -> Report,
    ) -> Report {
        let policy = self.config.policy(&claimed.job.destination);
        let (now, chance) = (self.now(), self.ports.random.fraction());
        make(Basis {
            claimed,
            policy: &policy,
            now,
            chance,
        })
    }
}

fn describe(span: &Span, claimed: &Claimed) {
    span.describe(names::MESSAGE_ID, claimed.job.key.message);
    span.describe(names::JOB, claimed.job.key);
    span.describe(names::DESTINATION, &claimed.job.destination);
    span.set(names::ATTEMPT, i64::from(claimed.job.attempts) + 1);
}

/// What became of the recipients, counted.
fn summary(report: &Report) -> String {
    let of = |name: &str, is: fn(&Verdict) -> bool| {
        let verdicts = report.outcomes.iter().map(|(_, outcome)| &outcome.verdict);
        match verdicts.filter(|verdict| is(verdict)).count() {
            0 => None,
            count => Some(format!("{count} {name}")),
        }
    };
    let counted = [
        of("relayed", |verdict| {
            matches!(verdict, Verdict::Relayed { .. })
        }),
        of("deferred", |verdict| matches!(verdict, Verdict::Deferred)),
        of("failed", |verdict| matches!(verdict, Verdict::Failed)),
    ];
    counted.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
