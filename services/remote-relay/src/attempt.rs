//! One attempt at a job: from host to host until each recipient has a ruling,
//! or no host is left.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use content::ContentStore;
use dns::Resolver;
use message::{Address, Clock, Randomness, Recipient, Verdict};
use smtp::client::{Answer, Stage, Transaction};
use store::ledger::{Attempt, Entry, JobRecord};
use telemetry::{Metrics, Span, names};

use crate::claim::{Claim, ClaimLost};
use crate::classify::{self, Cause, Ruling};
use crate::connection::{Broken, Failure, HostConnection, Terms};
use crate::copy::{self, Copy};
use crate::mail_route::{Finder, MailRoute, Ourselves, Target};
use crate::recipients;
use crate::tally::{Contact, Tally};

/// What attempts are made with.
pub(crate) struct Means<'a> {
    pub(crate) resolver: &'a dyn Resolver,
    pub(crate) content: &'a dyn ContentStore,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) random: &'a dyn Randomness,
    pub(crate) metrics: &'a Metrics,
    pub(crate) ourselves: &'a Ourselves,
    /// The port of hosts that DNS names.
    pub(crate) port: u16,
    pub(crate) terms: Terms,
}

/// The job of an attempt.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) job: &'a JobRecord,
    pub(crate) entry: &'a Entry,
    pub(crate) claim: &'a Claim<'a>,
    pub(crate) span: &'a Span,
}

/// What an attempt came to.
pub(crate) struct Attempted {
    /// Each recipient that was open: relayed, failed or deferred, and why.
    pub(crate) results: BTreeMap<u32, (Verdict, Cause)>,
    pub(crate) log: Vec<Attempt>,
    pub(crate) contact: Contact,
    /// Our own content store is away.
    pub(crate) stranded: bool,
    /// The session that is still open, fit for another job.
    pub(crate) connection: Option<HostConnection>,
}

/// Why an attempt has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Abandoned {
    /// Our own content store, for good: missing, or damaged.
    #[error("reading the content: {0}")]
    Content(#[from] content::Error),
    /// Another instance may have the job.
    #[error(transparent)]
    ClaimLost(#[from] ClaimLost),
    /// The job is for local mailboxes.
    #[error("a job for local mailboxes was given to remote-relay")]
    Misrouted,
}

/// Makes one attempt, over the connection that was `kept` where it still lives.
pub(crate) async fn make(
    means: &Means<'_>,
    work: Work<'_>,
    kept: Option<HostConnection>,
) -> Result<Attempted, Abandoned> {
    let open = recipients::open(work.job, &work.entry.acceptance.envelope);
    let mut tally = Tally::new(open);
    let mut connection = match kept {
        Some(kept) => try_kept(means, work, &mut tally, kept).await?,
        None => None,
    };
    if !tally.open.is_empty() {
        match find_route(means, work).await {
            Ok(None) => return Err(Abandoned::Misrouted),
            Ok(Some(mut route)) => {
                connection = try_hosts(means, work, &mut tally, &mut route).await?;
            }
            Err(ruling) => tally.conclude(means.clock.now(), ruling),
        }
    }
    let contact = tally.contact();
    Ok(Attempted {
        results: tally.results,
        log: tally.log,
        contact,
        stranded: tally.stranded,
        connection,
    })
}

async fn find_route<'a>(
    means: &Means<'a>,
    work: Work<'_>,
) -> Result<Option<MailRoute<'a>>, Ruling> {
    let span = work.span.client("resolve mx");
    span.describe(names::DNS_QUESTION, &work.job.destination);
    let finder = Finder {
        resolver: means.resolver,
        random: means.random,
        ourselves: means.ourselves,
        port: means.port,
    };
    let found = finder.find(&work.job.destination).await;
    if let Err(ruling) = &found {
        span.fail(ruling.cause().diagnostic.text());
    }
    found
}

/// Sends over a connection from before. One that ended while nobody used it is
/// no news of its host; it is as if there had been none.
async fn try_kept(
    means: &Means<'_>,
    work: Work<'_>,
    tally: &mut Tally,
    mut kept: HostConnection,
) -> Result<Option<HostConnection>, Abandoned> {
    let target = kept.target().clone();
    let mut visit = Visit::new(means, work, &target);
    kept.rested();
    let sent = visit.send_over(&mut kept, tally).await;
    match sent {
        Err(Failure::Stale(_)) => return Ok(None),
        Ok(()) | Err(Failure::Broken(_) | Failure::Content(_) | Failure::ClaimLost(_)) => {
            tally.talked = true;
            visit.log(tally);
        }
    }
    match sent {
        Ok(()) => Ok(Some(kept)),
        Err(Failure::Broken(_) | Failure::Stale(_)) => Ok(None),
        Err(Failure::Content(error)) => strand(tally, work, error).map(|()| None),
        Err(Failure::ClaimLost(lost)) => Err(lost.into()),
    }
}

/// Goes from host to host while recipients are open.
async fn try_hosts(
    means: &Means<'_>,
    work: Work<'_>,
    tally: &mut Tally,
    route: &mut MailRoute<'_>,
) -> Result<Option<HostConnection>, Abandoned> {
    let mut last = None;
    while let Some(target) = route.next().await {
        let mut visit = Visit::new(means, work, &target);
        let outcome = visit.make(tally).await;
        visit.log(tally);
        match outcome {
            Ok(connection) => return Ok(Some(connection)),
            Err(Failure::Content(error)) => return strand(tally, work, error).map(|()| None),
            Err(Failure::ClaimLost(lost)) => return Err(lost.into()),
            Err(Failure::Broken(broken) | Failure::Stale(broken)) => {
                last = Some(classify::broken(&broken, &target.host));
            }
        }
        if tally.open.is_empty() {
            return Ok(None);
        }
    }
    match last {
        Some(ruling) => tally.settle_open(ruling.later()),
        None => tally.conclude(means.clock.now(), route.dead_end()),
    }
    Ok(None)
}

/// The content was not read to its end. While its store is away the recipients
/// are deferred; what others have answered stands.
fn strand(tally: &mut Tally, work: Work<'_>, error: content::Error) -> Result<(), Abandoned> {
    if !error.is_outage() {
        return Err(error.into());
    }
    tracing::warn!(message_id = %work.job.key.message, %error, "the content store is away");
    tally.strand();
    Ok(())
}

/// One host, and what was heard from it.
struct Visit<'a> {
    means: &'a Means<'a>,
    work: Work<'a>,
    target: &'a Target,
    span: Span,
    tls: Option<&'static str>,
    relayed: usize,
    last: Option<(Verdict, String)>,
}

impl<'a> Visit<'a> {
    fn new(means: &'a Means<'a>, work: Work<'a>, target: &'a Target) -> Self {
        let span = work.span.client("smtp send");
        span.set(names::NETWORK_PROTOCOL, "smtp");
        span.describe(names::SERVER_ADDRESS, &target.host);
        span.set(names::SERVER_PORT, i64::from(target.address.port()));
        span.describe(names::PEER_ADDRESS, target.address.ip());
        span.set(names::PEER_PORT, i64::from(target.address.port()));
        Self {
            means,
            work,
            target,
            span,
            tls: None,
            relayed: 0,
            last: None,
        }
    }

    /// Opens a session and sends the message to all that are open.
    async fn make(&mut self, tally: &mut Tally) -> Result<HostConnection, Failure> {
        let opened = HostConnection::open(self.target, &self.means.terms).await;
        let mut connection = opened.inspect_err(|broken| self.note_broken(broken))?;
        tally.talked = true;
        self.send_over(&mut connection, tally).await?;
        Ok(connection)
    }

    /// Sends the message to all that are open over a session.
    async fn send_over(
        &mut self,
        connection: &mut HostConnection,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        self.tls = connection.tls_version();
        let sent = self.send(connection, tally).await;
        match &sent {
            Err(Failure::Broken(broken)) => self.note_broken(broken),
            Err(Failure::Content(error)) => self.note(Verdict::Deferred, error.to_string()),
            Ok(()) | Err(Failure::Stale(_) | Failure::ClaimLost(_)) => {}
        }
        sent
    }

    async fn send(
        &mut self,
        connection: &mut HostConnection,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        while !tally.open.is_empty() {
            let batch = tally.next_batch();
            let recipients = batch
                .iter()
                .filter_map(|index| tally.open.get(index).cloned());
            let fields = copy::delivered_to(self.work.job, &self.work.entry.acceptance.envelope);
            let transaction = self.transaction(recipients.collect(), &fields);
            if let Some(unfit) = transaction.unfit(connection.offered()) {
                let ruling = classify::unfit(unfit, &self.target.host);
                let text = ruling.cause().diagnostic.text().to_owned();
                self.note(Verdict::Failed, text);
                tally.settle_these(&batch, &ruling);
                continue;
            }
            let id = &self.work.entry.acceptance.content;
            let mut content = Copy::new(self.means.content.open(id).await?, &fields);
            let dsn = connection.offered().dsn;
            let sent = connection
                .send(transaction, &mut content, self.work.claim)
                .await;
            match sent {
                Ok(answers) => {
                    let answers: Vec<_> = answers.into_iter().map(Some).collect();
                    self.settle(tally, &batch, &answers, dsn);
                }
                Err(stale @ Failure::Stale(_)) => return Err(stale),
                Err(failure) => {
                    self.settle(tally, &batch, &connection.answers(), dsn);
                    // In doubt is only who was in this transaction.
                    if let Failure::Broken(broken) = &failure {
                        let ruling = classify::broken(broken, &self.target.host);
                        if matches!(ruling, Ruling::Defer(_)) {
                            tally.settle_these(&batch, &ruling);
                        }
                    }
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// What is said of the message with `fields` before it.
    fn transaction(&self, recipients: Vec<Recipient>, fields: &str) -> Transaction {
        let acceptance = &self.work.entry.acceptance;
        let return_path = &self.work.job.return_path;
        // An alias may lead to an address that the sender did not know of.
        let smtputf8 = acceptance.envelope.smtputf8
            || return_path.address().is_some_and(Address::needs_smtputf8)
            || recipients
                .iter()
                .any(|recipient| recipient.address.needs_smtputf8());
        Transaction {
            return_path: return_path.clone(),
            recipients,
            size: acceptance.size + fields.len() as u64,
            body: copy::body(&acceptance.envelope, fields),
            smtputf8,
            ret: acceptance.envelope.ret,
            envelope_id: acceptance.envelope.envelope_id.clone(),
        }
    }

    /// Rules on the recipients that have an answer.
    fn settle(&mut self, tally: &mut Tally, batch: &[u32], answers: &[Option<Answer>], dsn: bool) {
        let relayed = |answer: &Answer| answer.stage == Stage::Dot && answer.reply.is_positive();
        let others_relayed = answers.iter().flatten().any(relayed);
        for (index, answer) in batch.iter().zip(answers) {
            let Some(answer) = answer else { continue };
            let ruling = classify::answer(answer, &self.target.host, others_relayed);
            let verdict = ruling.verdict(dsn);
            self.note(verdict, answer.reply.to_string());
            self.relayed += usize::from(matches!(verdict, Verdict::Relayed { .. }));
            self.span
                .set(names::SMTP_REPLY, i64::from(answer.reply.code()));
            self.span
                .describe(names::SMTP_STATUS, ruling.cause().status);
            if !matches!(ruling, Ruling::AtOnce(_) | Ruling::NextHost(_)) {
                tally.settle(*index, verdict, ruling.into_cause());
            }
        }
    }

    fn note(&mut self, verdict: Verdict, text: String) {
        self.last = Some((verdict, text));
    }

    fn note_broken(&mut self, broken: &Broken) {
        let ruling = classify::broken(broken, &self.target.host);
        self.note(
            Verdict::Deferred,
            ruling.cause().diagnostic.text().to_owned(),
        );
    }

    /// Puts the visit down: in the job's log, in the trace, in the metrics.
    fn log(self, tally: &mut Tally) {
        let (verdict, text) = self
            .last
            .unwrap_or((Verdict::Deferred, "abandoned".to_owned()));
        let verdict = match self.relayed {
            0 => verdict,
            _ => Verdict::Relayed { dsn: false },
        };
        let mut result = String::new();
        if self.relayed > 0 {
            let _ = write!(result, "relayed to {}: ", self.relayed);
        } else {
            self.span.fail(&text);
        }
        result.push_str(&text);
        self.span.set(names::RECIPIENTS, self.relayed as i64);
        if let Some(version) = self.tls {
            self.span.set(names::TLS_VERSION, version);
        }
        self.means.metrics.attempt(verdict);
        tally.log.push(Attempt {
            at: self.means.clock.now(),
            host: Some(self.target.host.clone()),
            peer: Some(self.target.address),
            tls: self.tls.map(str::to_owned),
            result,
        });
    }
}
