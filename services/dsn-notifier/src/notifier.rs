//! The steps from what a sender is owed to an accepted notice.

use std::time::Duration;

use async_trait::async_trait;
use config::Config;
use message::{Address, Domain, Job, JobKey, LocalPart, MessageId, NoticeKind, Topic};
use station::{HandleError, Handler};
use store::ledger::{Acceptance, Accepted, Entry, NoticeClaim, NoticeOf};
use telemetry::{Span, names};

use crate::letter::{Draft, Letter};
use crate::notice::Reporter;
use crate::{Error, Ports};

/// How often a notice is put anew because its content was condemned.
const PUTS: usize = 3;
/// How long to wait after an outage: the ledger may answer the station's probe
/// while the content store refuses to be written.
const OUTAGE_PAUSE: Duration = Duration::from_secs(1);

/// Tells senders what they are owed.
pub(crate) struct Notifier {
    ports: Ports,
    hostname: Domain,
    name: String,
    local_part: LocalPart,
    /// The configured domain in From.
    domain: Option<Domain>,
    max_return: u64,
}

impl Notifier {
    pub(crate) fn new(config: &Config, ports: Ports) -> Self {
        Self {
            ports,
            hostname: config.server.hostname.clone(),
            name: config.notices.name.clone(),
            local_part: config.notices.local_part.clone(),
            domain: config.notices.domain.clone(),
            max_return: config.notices.max_return.octets(),
        }
    }

    /// Sends every notice that is owed about a message.
    async fn notify(&self, message: MessageId, span: &Span) -> Result<(), Error> {
        let entry = self.ports.ledger.entry(message).await;
        let Some(entry) = entry.map_err(Error::ledger("read the entry"))? else {
            return Ok(());
        };
        // The ledger owes nothing to a null return path.
        let Some(to) = entry.acceptance.envelope.return_path.address() else {
            return Ok(());
        };
        for kind in NoticeKind::ALL {
            if let Some(claim) = self.claim(message, kind).await? {
                self.send(&claim, &entry, to, span).await?;
            }
        }
        Ok(())
    }

    async fn claim(
        &self,
        message: MessageId,
        kind: NoticeKind,
    ) -> Result<Option<NoticeClaim>, Error> {
        let clock = self.ports.station.clock().as_ref();
        let reserve = MessageId::draw(clock, self.ports.random.as_ref());
        let claim = self.ports.ledger.claim_notice(message, kind, reserve).await;
        claim.map_err(Error::ledger("claim a notice"))
    }

    /// From the claim on; whatever was done before a crash is not done again.
    async fn send(
        &self,
        claim: &NoticeClaim,
        entry: &Entry,
        to: &Address,
        span: &Span,
    ) -> Result<(), Error> {
        let ledger = &self.ports.ledger;
        let known = ledger.entry(claim.id).await;
        if known
            .map_err(Error::ledger("look for the notice"))?
            .is_none()
        {
            self.take(claim, entry, to, span).await?;
        }
        ledger
            .notice_accepted(entry.acceptance.message, claim.kind, claim.id)
            .await
            .map_err(Error::ledger("settle a notice"))
    }

    /// Takes responsibility for the notice, as for any message.
    async fn take(
        &self,
        claim: &NoticeClaim,
        entry: &Entry,
        to: &Address,
        span: &Span,
    ) -> Result<(), Error> {
        let root = self.trace(claim, span);
        let reporter = self.reporter().await?;
        let draft = Draft {
            claim,
            entry,
            to,
            reporter: &reporter,
            max_return: self.max_return,
        };
        for _ in 0..PUTS {
            let letter = draft.put(self.ports.content.as_ref()).await?;
            let acceptance = acceptance(claim, entry, &letter, &root);
            let accepted = self.ports.ledger.accept(acceptance).await;
            match accepted.map_err(Error::ledger("accept a notice"))? {
                Accepted::Taken => {
                    self.announce(claim, entry.acceptance.message, &letter, &root)
                        .await;
                    return Ok(());
                }
                Accepted::Known => return self.discard(&letter).await,
                Accepted::ContentCondemned => {}
            }
        }
        Err(Error::Condemned(claim.id))
    }

    /// A notice has a trace of its own, linked to that of its message.
    fn trace(&self, claim: &NoticeClaim, span: &Span) -> Span {
        let root = self
            .ports
            .station
            .tracer()
            .internal_root(claim.id, "compose dsn");
        root.link(span.context());
        root.set(names::NOTICE, claim.kind.name());
        root.set(names::RECIPIENTS, claim.recipients.len() as i64);
        root
    }

    async fn reporter(&self) -> Result<Reporter, Error> {
        let domain = match &self.domain {
            Some(domain) => domain.clone(),
            None => {
                let primary = self.ports.directory.primary_domain().await;
                let primary = primary.map_err(Error::Directory)?;
                primary.map_or_else(|| self.hostname.clone(), |domain| domain.name)
            }
        };
        Ok(Reporter {
            hostname: self.hostname.clone(),
            name: self.name.clone(),
            from: Address::new(self.local_part.clone(), domain),
        })
    }

    /// Tells the router. If that fails, the feeder will.
    async fn announce(&self, claim: &NoticeClaim, about: MessageId, letter: &Letter, root: &Span) {
        let station = &self.ports.station;
        let protocol = "LOCAL";
        station.metrics().accepted(protocol, letter.size);
        station.metrics().notice(claim.kind);
        tracing::info!(
            message_id = %claim.id,
            about = %about,
            kind = claim.kind.name(),
            recipients = claim.recipients.len(),
            size = letter.size,
            "notice sent"
        );
        let job = Job {
            key: JobKey::route(claim.id),
            generation: 0,
        };
        let published = station
            .publish(Topic::Accepted, job, 0, root.context())
            .await;
        if let Err(error) = published {
            tracing::warn!(message_id = %claim.id, %error, "a notice waits for the feeder");
        }
    }

    /// Somebody else accepted the notice meanwhile, with content of their own.
    async fn discard(&self, letter: &Letter) -> Result<(), Error> {
        let condemned = self.ports.ledger.condemn(&letter.content).await;
        condemned.map_err(Error::ledger("condemn a superfluous notice"))?;
        Ok(())
    }
}

fn acceptance(claim: &NoticeClaim, entry: &Entry, letter: &Letter, root: &Span) -> Acceptance {
    Acceptance {
        message: claim.id,
        envelope: letter.envelope.clone(),
        content: letter.content.clone(),
        size: letter.size,
        trace: root.context(),
        notice_of: Some(NoticeOf {
            message: entry.acceptance.message,
            kind: claim.kind,
        }),
    }
}

#[async_trait]
impl Handler for Notifier {
    async fn handle(&self, job: Job, span: &Span) -> Result<(), HandleError> {
        let Err(error) = self.notify(job.key.message, span).await else {
            return Ok(());
        };
        let error = HandleError::from(error);
        if matches!(error, HandleError::Unavailable(_)) {
            self.ports.station.clock().sleep(OUTAGE_PAUSE).await;
        }
        Err(error)
    }

    async fn failed(&self, job: Job, problem: &str) -> Result<(), HandleError> {
        let key = JobKey::notice(job.key.message);
        let counted = self.ports.ledger.tried(key, job.generation, problem).await;
        counted.map_err(|error| Error::ledger("count a try")(error).into())
    }

    async fn probe(&self) -> Result<(), HandleError> {
        let nobody = MessageId::from_bits(0);
        let read = self.ports.ledger.entry(nobody).await;
        read.map_err(Error::ledger("read"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
