//! router: decides for every recipient of a message where it goes.
//!
//! Takes jobs from `mail.accepted`, follows each recipient through the
//! directory, records the route once, and publishes the jobs it makes. It also
//! keeps the ledger moving: the [`feeder`] publishes what makes no progress, the
//! [`upkeep`] forgets what is over and reclaims content that nobody refers to.
//!
//! The router never waits for a topic: what is refused stays in the ledger. It
//! reads content only where an alias passes a message on, and of that only the
//! header section, to see whether the message has been here before.
//!
//! | crash | then |
//! | --- | --- |
//! | before the route is recorded | the message is routed again |
//! | after that, before its jobs are published | the feeder publishes them |

mod decision;
mod feeder;
mod grouping;
mod reclaimer;
mod standing;
mod trail;
mod upkeep;

use std::sync::Arc;

use async_trait::async_trait;
use config::{Config, SecretsError};
use content::ContentStore;
use message::srs::Rewriter;
use message::{Job, JobKey, MessageId, Randomness, Topic, TraceContext};
use station::{HandleError, Handler, Station};
use store::ledger::{Decision, Entry, JobState, Routed};
use store::{Directory, Ledger, MailboxStore, StoreError};
use telemetry::{Span, names};
use tokio_util::sync::CancellationToken;

pub use decision::{Routing, Ways};
use feeder::Feeder;
use reclaimer::Reclaimer;
use standing::Lookout;
use upkeep::Upkeep;

/// Messages routed at a time.
const CONCURRENCY: usize = 64;

/// What the router stands on.
pub struct Ports {
    /// Its place at the topics.
    pub station: Station,
    /// Who lives here.
    pub directory: Arc<dyn Directory>,
    /// Mailboxes, for their releases and delivery records only.
    pub mailbox: Arc<dyn MailboxStore>,
    /// What became of messages.
    pub ledger: Arc<dyn Ledger>,
    /// Content, for removing it and for reading header sections.
    pub content: Arc<dyn ContentStore>,
    /// For the name under which this instance holds leases.
    pub random: Arc<dyn Randomness>,
}

/// Why a message was not routed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory or the ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The header section of a message cannot be read.
    #[error("cannot read the header section: {0}")]
    Header(#[source] content::Error),
}

/// Routes until `shutdown`, then lets running decisions end.
///
/// # Errors
/// When the secrets of rewritten return paths cannot be had; nothing is routed
/// then.
pub async fn run(
    config: &Config,
    ports: Ports,
    shutdown: CancellationToken,
) -> Result<(), SecretsError> {
    let rewriter = config.rewriter()?;
    let Ports {
        station,
        directory,
        mailbox,
        ledger,
        content,
        random,
    } = ports;
    let clock = station.clock().clone();
    let upkeep = Upkeep {
        owner: MessageId::draw(clock.as_ref(), random.as_ref()).to_string(),
        feeder: Feeder {
            ledger: ledger.clone(),
            station: station.clone(),
        },
        reclaimer: Reclaimer {
            lookout: Lookout::new(mailbox.clone(), station.metrics().clone()),
            ledger: ledger.clone(),
            mailbox,
            content: content.clone(),
            clock: clock.clone(),
        },
        ledger: ledger.clone(),
        clock,
        keep_closed: config.queue.keep_closed.duration(),
    };
    let router = Router {
        directory,
        content,
        ledger,
        ways: config.router.clone(),
        rewriter,
        station: station.clone(),
        addresses: config.telemetry.addresses,
    };
    tokio::join!(
        station.consume(
            Topic::Accepted,
            CONCURRENCY,
            Arc::new(router),
            shutdown.clone()
        ),
        upkeep.run(shutdown),
    );
    Ok(())
}

struct Router {
    directory: Arc<dyn Directory>,
    content: Arc<dyn ContentStore>,
    ledger: Arc<dyn Ledger>,
    ways: config::Router,
    rewriter: Option<Rewriter>,
    station: Station,
    /// Whether log lines tell mail addresses.
    addresses: bool,
}

impl Router {
    async fn route(&self, message: MessageId, span: &Span) -> Result<(), Error> {
        let Some(entry) = self.ledger.unrouted(message).await? else {
            // Routed before: its jobs were published then, or the feeder does it.
            tracing::debug!(message_id = %message, "nothing to route");
            return Ok(());
        };
        let work = span.child("route");
        let routing = Routing {
            directory: self.directory.as_ref(),
            content: self.content.as_ref(),
            ways: &self.ways,
            rewriter: self.rewriter.as_ref(),
            now: self.station.clock().now(),
        };
        let route = routing.decide(&entry).await?;
        if let Some(routed) = self.ledger.record_route(message, route).await? {
            let (recipients, jobs) = (routed.route.decisions.len(), routed.jobs.len());
            work.set(names::RECIPIENTS, recipients as i64);
            tracing::info!(message_id = %message, recipients, jobs, "routed");
            for decision in &routed.route.decisions {
                tell(message, decision, self.addresses.then_some(&entry));
            }
            drop(work);
            self.publish(message, &routed, span.context()).await;
        }
        Ok(())
    }

    async fn publish(&self, message: MessageId, routed: &Routed, context: TraceContext) {
        let pending = routed
            .jobs
            .iter()
            .filter(|job| job.state == JobState::Pending);
        let jobs = pending.map(|job| {
            (
                job.destination.topic(),
                Job {
                    key: job.key,
                    generation: job.generation,
                },
            )
        });
        let notice = Job {
            key: JobKey::notice(message),
            generation: 0,
        };
        for (topic, job) in jobs.chain(routed.notice_owed.then_some((Topic::Outcome, notice))) {
            // Refused or lost, it is published by the feeder.
            let _ = self.station.publish(topic, job, 0, context).await;
        }
    }
}

/// A line for a recipient whose way ends at the router.
fn tell(message: MessageId, decision: &Decision, addresses: Option<&Entry>) {
    let Some(outcome) = &decision.outcome else {
        return;
    };
    let envelope = addresses.map(|entry| &entry.acceptance.envelope);
    let original = envelope.and_then(|it| it.recipients.get(decision.original as usize));
    tracing::info!(
        message_id = %message,
        recipient = original.map(|recipient| display(&recipient.address)),
        outcome = outcome.verdict.name(),
        status = %outcome.status,
        // The text names the address.
        reply = original.map(|_| outcome.diagnostic.text()),
        "routed to nobody"
    );
}

#[async_trait]
impl Handler for Router {
    async fn handle(&self, job: Job, span: &Span) -> Result<(), HandleError> {
        let routed = self.route(job.key.message, span).await;
        routed.map_err(|error| match error {
            Error::Store(error) => error.into(),
            Error::Header(ref cause) => HandleError::of(cause.is_outage(), error),
        })
    }

    async fn failed(&self, job: Job, problem: &str) -> Result<(), HandleError> {
        Ok(self.ledger.tried(job.key, job.generation, problem).await?)
    }

    async fn probe(&self) -> Result<(), HandleError> {
        self.ledger.counts().await?;
        Ok(())
    }
}
