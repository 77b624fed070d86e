//! What every handler has at hand.

use std::ops::Deref;
use std::sync::Arc;

use bus::Bus;
use config::{Config, Offer};
use content::ContentStore;
use message::{Clock, Domain, Randomness};
use station::Health;
use store::{Directory, Ledger, MailboxStore};
use telemetry::Metrics;
use tokio::sync::Semaphore;

use crate::access::Token;
use crate::password::Hasher;

/// The ports that the web-gateway needs.
#[derive(Clone)]
pub struct Ports {
    /// Domains, accounts, aliases.
    pub directory: Arc<dyn Directory>,
    /// Mailboxes.
    pub mailboxes: Arc<dyn MailboxStore>,
    /// The ledger, whose open part is the queue.
    pub ledger: Arc<dyn Ledger>,
    /// The octets of messages.
    pub content: Arc<dyn ContentStore>,
    /// Topics: for their depths, and for what an operator lets go on.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Salts.
    pub random: Arc<dyn Randomness>,
    /// What the process counts.
    pub metrics: Metrics,
    /// Which parts of the process are ready.
    pub health: Health,
}

/// The state of the service, shared by its requests.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) token: Token,
    pub(crate) hasher: Hasher,
    /// One integrity check at a time: it reads everything.
    pub(crate) check: Arc<Semaphore>,
    /// The host that takes mail.
    pub(crate) hostname: Domain,
    /// Where clients connect.
    pub(crate) offers: Vec<Offer>,
    /// Whether `/metrics` asks for the token: not on loopback.
    pub(crate) guarded_metrics: bool,
}

impl Gateway {
    pub(crate) fn new(ports: Ports, token: Token, config: &Config, guarded_metrics: bool) -> Self {
        let hasher = Hasher::new(ports.random.clone());
        Self(Arc::new(Shared {
            ports,
            token,
            hasher,
            check: Arc::new(Semaphore::new(1)),
            hostname: config.server.hostname.clone(),
            offers: config.offers(),
            guarded_metrics,
        }))
    }
}

impl Deref for Gateway {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
