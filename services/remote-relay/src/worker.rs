//! Workers: each has a slot of one destination and works off its jobs, one
//! after the other.

use std::sync::Arc;
use std::time::Duration;

use message::{Job, JobKey, Timestamp, Topic, Verdict};
use store::StoreError;
use store::ledger::{Claimed, Recorded, Report};
use telemetry::{Span, names};

use crate::attempt::{self, Abandoned, Attempted, Contact, Means, Work};
use crate::claim::{Claim, ClaimLost};
use crate::connection::Terms;
use crate::relay::{Errand, Relay, Taken};
use crate::report::Basis;
use crate::slots::Slot;

/// The first and the longest pause before results are offered to the store again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// That all jobs of a destination are tried, due or not, because it answers
/// again; those tried since then are through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drain {
    since: Timestamp,
}

/// What a job says about the next ones of its destination.
enum Mood {
    /// Go on: it talks to us.
    Fine,
    /// It answers again.
    Recovered,
    /// It cannot be talked to.
    Troubled,
    /// Something fails that is not the destination's as a whole; the sweep
    /// will see when it works again.
    Stuck,
}

impl Relay {
    /// Starts a worker, with a job or to look for one.
    pub(crate) fn start(self: &Arc<Self>, slot: Slot, first: Option<Taken>, drain: Option<Drain>) {
        let relay = Arc::clone(self);
        let abandoned = self.abandoned.clone();
        self.tasks.spawn(async move {
            abandoned
                .run_until_cancelled(relay.work(slot, first, drain))
                .await;
        });
    }

    async fn work(self: Arc<Self>, slot: Slot, first: Option<Taken>, mut drain: Option<Drain>) {
        let mut next = first;
        let mut talked = None;
        loop {
            let taken = match next.take() {
                Some(taken) => taken,
                None => match self.take_next(&slot, talked, &mut drain).await {
                    Ok(Some(taken)) => taken,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::warn!(destination = %slot.destination(), %error, "taking a job");
                        return;
                    }
                },
            };
            match self.serve(taken, &slot).await {
                Mood::Fine => talked = Some(self.now()),
                Mood::Recovered => drain = Some(Drain { since: self.now() }),
                Mood::Troubled | Mood::Stuck => return,
            }
            if self.stopping.is_cancelled() || slot.is_wanted() {
                // Who waits is seen by the next sweep.
                self.wake.notify_one();
                return;
            }
        }
    }

    /// Claims the next job of the slot's destination, and calls a colleague if
    /// there is one, for where one job waits there may be more.
    async fn take_next(
        self: &Arc<Self>,
        slot: &Slot,
        talked: Option<Timestamp>,
        drain: &mut Option<Drain>,
    ) -> Result<Option<Taken>, StoreError> {
        let destination = slot.destination();
        if let Some(state) = self.ports.ledger.destination(destination).await? {
            // Others met trouble, and later it talked to us: it is no trouble
            // of the destination as a whole.
            if talked.is_none_or(|at| at <= state.trouble.at) {
                return Ok(None);
            }
            self.ports.ledger.destination_recovered(destination).await?;
            *drain = Some(Drain { since: self.now() });
        }
        let asked = self.monotonic();
        let claimed = self
            .ports
            .ledger
            .claim_next(destination, self.lease(), drain.is_some());
        let Some(claimed) = claimed.await? else {
            return Ok(None);
        };
        if drain.is_some_and(|drain| drain.has_seen(&claimed)) {
            self.put_back(&claimed).await?;
            return Ok(None);
        }
        if let Some(slot) = self.slot(destination) {
            self.start(slot, None, *drain);
        }
        Ok(Some(Taken {
            claimed,
            asked,
            parent: None,
            errand: Errand::Ordinary,
        }))
    }

    async fn put_back(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let report = self.report(claimed, |basis| basis.untouched());
        let job = &claimed.job;
        self.ports
            .ledger
            .record(job.key, job.generation, report)
            .await
            .map(drop)
    }

    /// Makes an attempt at a job and records what it came to.
    async fn serve(&self, taken: Taken, slot: &Slot) -> Mood {
        let Taken {
            claimed,
            asked,
            parent,
            errand,
        } = taken;
        let key = claimed.job.key;
        let entry = match self.ports.ledger.entry(key.message).await {
            Ok(Some(entry)) => entry,
            Ok(None) => {
                return self
                    .failed(&claimed, "the ledger has no entry for it")
                    .await;
            }
            Err(error) => return self.failed(&claimed, &error.to_string()).await,
        };
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
            entry: &entry,
            claim: &claim,
            span: &span,
        };
        let started = self.monotonic();
        let made = tokio::select! {
            biased;
            lost = claim.keep() => Err(lost.into()),
            made = attempt::make(&means, work) => made,
        };
        match made {
            Ok(attempted) => {
                let contact = attempted.contact.clone();
                self.conclude(&claimed, attempted, &claim, &span).await;
                self.judge(slot, contact, errand, started).await
            }
            Err(Abandoned::ClaimLost(ClaimLost)) => {
                tracing::warn!(message = %key.message, job = %key, "the claim was lost; the attempt is dropped");
                span.fail(ClaimLost);
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
                ..self.terms.clone()
            },
        }
    }

    /// Records the results, publishes what follows, and ends the session.
    async fn conclude(
        &self,
        claimed: &Claimed,
        attempted: Attempted,
        claim: &Claim<'_>,
        span: &Span,
    ) {
        let Attempted {
            results,
            log,
            connection,
            ..
        } = attempted;
        let report = self.report(claimed, |basis| basis.attempted(results, log));
        let key = claimed.job.key;
        match self.record(claimed, &report, claim).await {
            Some(recorded @ Recorded::Stored { .. }) => {
                span.describe(names::OUTCOME, summary(&report));
                self.follow_up(claimed, &report, recorded, span).await;
            }
            Some(Recorded::Stale) => {
                tracing::warn!(message = %key.message, job = %key, "the results came too late");
                span.fail("the results came too late");
            }
            None => span.fail("the results were not recorded"),
        }
        if report.retry.is_some() {
            self.wake.notify_one();
        }
        if let Some(connection) = connection {
            connection.quit().await;
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
            tracing::error!(message = %key.message, job = %key, %error, "recording results");
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
        let since = self.now().duration_since(claimed.accepted_at);
        let since = Duration::try_from(since).unwrap_or_default();
        for (_, outcome) in &report.outcomes {
            self.ports
                .station
                .metrics()
                .recipient(outcome.verdict, since);
        }
    }

    /// Draws conclusions for the destination as a whole.
    async fn judge(
        &self,
        slot: &Slot,
        contact: Contact,
        errand: Errand,
        started: Duration,
    ) -> Mood {
        let destination = slot.destination();
        let judged = match contact {
            // It talks to others of us, and to no more at a time.
            Contact::Unreachable(_) if slot.talked_since(started) => Ok(Mood::Stuck),
            Contact::Unreachable(cause) => {
                let met = self.meet_trouble(destination, cause, errand).await;
                met.map(|()| Mood::Troubled)
            }
            Contact::Talked | Contact::Absent => {
                slot.note_talk(self.monotonic());
                match errand {
                    Errand::Ordinary => Ok(Mood::Fine),
                    Errand::Insisted | Errand::Probe => {
                        let recovered = self.ports.ledger.destination_recovered(destination);
                        recovered.await.map(|()| Mood::Recovered)
                    }
                }
            }
        };
        judged.unwrap_or_else(|error| {
            tracing::warn!(%destination, %error, "noting the state of a destination");
            Mood::Stuck
        })
    }

    /// Has a try without a result counted.
    async fn failed(&self, claimed: &Claimed, problem: &str) -> Mood {
        let key = claimed.job.key;
        tracing::error!(message = %key.message, job = %key, problem, "an attempt failed");
        let counted = self
            .ports
            .ledger
            .tried(key, claimed.job.generation, problem)
            .await;
        if let Err(error) = counted {
            tracing::error!(message = %key.message, job = %key, %error, "counting a try");
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

impl Drain {
    /// Whether the job has been tried since the drain began.
    fn has_seen(self, claimed: &Claimed) -> bool {
        let outcomes = claimed
            .job
            .open_recipients()
            .filter_map(|(_, state)| state.outcome.as_ref());
        outcomes
            .map(|outcome| outcome.at)
            .max()
            .is_some_and(|at| at > self.since)
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
