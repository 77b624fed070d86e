//! Messages that the store has lost: their content is there, with its envelope,
//! but neither the ledger nor a mailbox knows of them. So it is after a restore, a
//! change of primary, or the loss of the whole store.
//!
//! Accepting such a message again takes its id and envelope out of the content, so
//! it happens once, however often it is asked for. An account that has it already
//! gets no second copy; a server elsewhere may get one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ::content::{Listed, Reader};
use message::{
    Address, Body, ContentId, Domain, Envelope, JobKey, Notify, Protocol, Recipient, ReversePath,
    TraceContext, Transaction,
};
use store::ledger::{Acceptance, Accepted};
use store::{Directory, StoreError};
use tokio::sync::mpsc::Sender;

use crate::api::{LostLine, LostMessage, LostSummary, Recovered, Recovery};
use crate::gateway::{Gateway, Ports};
use crate::refusal::Refusal;
use crate::summary::{GLANCE, headline, one_line};

/// For how long a message may be on its way from its content into the ledger.
pub(crate) const USUAL_GRACE: Duration = Duration::from_secs(5 * 60);

/// How many contents are looked at at a time.
const PAGE: usize = 500;
/// How many condemned contents are kept in mind.
const MOST_CONDEMNED: usize = 100_000;
/// How many domains are kept in mind.
const DOMAINS: usize = 1_000;

/// Why the list cannot go on.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the content store failed: {0}")]
    Content(#[from] ::content::Error),
    #[error("nobody reads the list any more")]
    Unread,
}

/// Lists what is lost, line by line. Ends early when the list is no longer read.
pub(crate) async fn list(ports: Arc<Ports>, grace: Duration, lines: Sender<LostLine>) {
    let mut search = Search {
        here: Here::new(ports.directory.clone()),
        ports,
        summary: LostSummary::default(),
    };
    let last = match search.all(grace, &lines).await {
        Ok(()) => LostLine::Summary(search.summary),
        Err(Stop::Unread) => return,
        Err(stop) => LostLine::Aborted {
            reason: stop.to_string(),
        },
    };
    let _ = lines.send(last).await;
}

/// A list on its way.
struct Search {
    ports: Arc<Ports>,
    here: Here,
    summary: LostSummary,
}

impl Search {
    async fn all(&mut self, grace: Duration, lines: &Sender<LostLine>) -> Result<(), Stop> {
        let before = self.ports.clock.now() - grace;
        let mut after = None;
        loop {
            let page = self.ports.content.list(after, PAGE).await?;
            for listed in self.unreferenced(page.contents).await? {
                if listed.stored_at > before {
                    self.summary.young += 1;
                } else if let Some(lost) = self.describe(&listed).await? {
                    self.summary.messages += 1;
                    self.summary.octets += lost.size;
                    let line = LostLine::Message(lost);
                    lines.send(line).await.map_err(|_| Stop::Unread)?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
            if lines.is_closed() {
                return Err(Stop::Unread);
            }
        }
    }

    /// Those of a page that nobody refers to, or ever referred to.
    async fn unreferenced(&self, contents: Vec<Listed>) -> Result<Vec<Listed>, Stop> {
        let mut found = Vec::new();
        for listed in contents {
            if self.ports.ledger.holders(&listed.id).await?.is_empty() {
                found.push(listed);
            }
        }
        if !found.is_empty() {
            // Read afterwards: who dropped the last reference condemned it at once.
            let condemned = self.condemned().await?;
            found.retain(|listed| !condemned.contains(&listed.id));
        }
        Ok(found)
    }

    async fn condemned(&self) -> Result<HashSet<ContentId>, StoreError> {
        let soon = self.ports.clock.now() + Duration::from_secs(60);
        let condemned = self.ports.ledger.condemned(soon, MOST_CONDEMNED).await?;
        Ok(condemned.into_iter().collect())
    }

    /// None for what is gone, damaged, or known to the ledger all the same.
    async fn describe(&mut self, listed: &Listed) -> Result<Option<LostMessage>, Stop> {
        let mut reader = match self.ports.content.open(&listed.id).await {
            Ok(reader) => reader,
            Err(::content::Error::NotFound(_)) => return Ok(None),
            Err(::content::Error::Corrupt { .. }) => {
                self.summary.damaged += 1;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let message = reader.trailer().message;
        if self.ports.ledger.entry(message).await?.is_some() {
            return Ok(None);
        }
        // What cannot be read has no From and no Subject.
        let beginning = reader.read_range(0, GLANCE).await.unwrap_or_default();
        let headline = headline(&beginning);
        let envelope = reader.trailer().envelope.as_ref();
        let recipients = envelope.map_or_else(Vec::new, addresses);
        let (here, elsewhere) = self.here.part(recipients).await?;
        let prefix = String::from_utf8_lossy(reader.prefix());
        Ok(Some(LostMessage {
            message,
            content: listed.id.clone(),
            stored_at: listed.stored_at,
            size: size(reader.as_ref()),
            return_path: envelope.map(|envelope| envelope.return_path.clone()),
            here,
            elsewhere,
            received: (!prefix.is_empty()).then(|| one_line(&prefix)),
            from: headline.from,
            subject: headline.subject,
        }))
    }
}

fn size(reader: &dyn Reader) -> u64 {
    reader.octets() + reader.prefix().len() as u64
}

fn addresses(envelope: &Envelope) -> Vec<Address> {
    let recipients = envelope.recipients.iter();
    recipients
        .map(|recipient| recipient.address.clone())
        .collect()
}

/// Which domains are of this server.
struct Here {
    directory: Arc<dyn Directory>,
    known: HashMap<Domain, bool>,
}

impl Here {
    fn new(directory: Arc<dyn Directory>) -> Self {
        Self {
            directory,
            known: HashMap::new(),
        }
    }

    /// Addresses here, and elsewhere.
    async fn part(
        &mut self,
        addresses: Vec<Address>,
    ) -> Result<(Vec<Address>, Vec<Address>), StoreError> {
        let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
        for address in addresses {
            match self.has(&address).await? {
                true => here.push(address),
                false => elsewhere.push(address),
            }
        }
        Ok((here, elsewhere))
    }

    async fn has(&mut self, address: &Address) -> Result<bool, StoreError> {
        let domain = address.domain();
        if let Some(here) = self.known.get(domain) {
            return Ok(*here);
        }
        let here = self.directory.domain(domain).await?.is_some();
        if self.known.len() >= DOMAINS {
            self.known.clear();
        }
        self.known.insert(domain.clone(), here);
        Ok(here)
    }
}

impl Gateway {
    /// Accepts a lost message again, and tells the router.
    pub(crate) async fn recover(
        &self,
        content: ContentId,
        recovery: &Recovery,
    ) -> Result<Recovered, Refusal> {
        let ports = &self.ports;
        let reader = ports.content.open(&content).await?;
        if !ports.ledger.holders(&content).await?.is_empty() {
            return Err(Refusal::conflict("it is not lost: somebody refers to it"));
        }
        let message = reader.trailer().message;
        let envelope = self.addressed(reader.trailer().envelope.as_ref(), recovery);
        let envelope = envelope.await?;
        let recipients = addresses(&envelope);
        let acceptance = Acceptance {
            message,
            envelope,
            size: size(reader.as_ref()),
            content,
            // Its own trace ended when it was lost.
            trace: TraceContext {
                trace: message,
                span: 0,
                sampled: false,
            },
            notice_of: None,
        };
        let accepted = match ports.ledger.accept(acceptance).await? {
            Accepted::Taken => true,
            Accepted::Known => false,
            Accepted::ContentCondemned => {
                let detail = "its content is about to be removed: somebody had it and let it go";
                return Err(Refusal::conflict(detail));
            }
        };
        tracing::info!(message_id = %message, accepted, "a lost message is recovered by the operator");
        self.forward(message, vec![JobKey::route(message)]).await;
        Ok(Recovered {
            message,
            recipients,
            accepted,
        })
    }

    /// The envelope for those who are to get it.
    async fn addressed(
        &self,
        known: Option<&Envelope>,
        recovery: &Recovery,
    ) -> Result<Envelope, Refusal> {
        let mut envelope = match (known, recovery.to.as_slice()) {
            (Some(known), []) => known.clone(),
            (known, to @ [_, ..]) => readdressed(known, to),
            (None, []) => {
                return Err(Refusal::conflict(
                    "nobody knows its recipients, since a client put it into a mailbox: name one",
                ));
            }
        };
        if recovery.only_here {
            let mut here = Here::new(self.ports.directory.clone());
            let (here, _) = here.part(addresses(&envelope)).await?;
            let recipients = &mut envelope.recipients;
            recipients.retain(|recipient| here.contains(&recipient.address));
        }
        if envelope.recipients.is_empty() {
            return Err(Refusal::conflict("none of its recipients is here"));
        }
        Ok(envelope)
    }
}

/// What an operator sends to somebody: its sender is told nothing of it.
fn readdressed(known: Option<&Envelope>, to: &[Address]) -> Envelope {
    let recipient = |address: &Address| Recipient {
        notify: Notify::Never,
        ..Recipient::new(address.clone())
    };
    let recipients = to.iter().map(recipient).collect();
    match known {
        Some(known) => Envelope {
            recipients,
            ..known.clone()
        },
        None => Envelope {
            return_path: ReversePath::Null,
            recipients,
            ret: None,
            envelope_id: None,
            body: Body::EightBit,
            smtputf8: false,
            transaction: Transaction::by(Protocol::Http),
        },
    }
}
