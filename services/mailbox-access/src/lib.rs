//! mailbox-access: how people read their mail, by IMAP (RFC 9051, RFC 3501) and
//! POP3 (RFC 1939).
//!
//! It holds no state but that of its sessions: any number of instances stand side
//! by side over one store.

mod entrance;
mod imap;
mod mail;
mod pop3;

use std::net::SocketAddr;
use std::sync::Arc;

use config::Config;
use content::ContentStore;
use message::Randomness;
use perimeter::{Door, Doors, LoginPorts, Logins, Tls};
use station::{Readiness, State, Station};
use store::ledger::References;
use store::{Directory, LoginFailures, MailboxStore};
use tokio_util::sync::CancellationToken;

/// The engines behind mailbox-access.
#[derive(Clone)]
pub struct Ports {
    /// Who has an account.
    pub directory: Arc<dyn Directory>,
    /// Where failed logins are counted.
    pub logins: Arc<dyn LoginFailures>,
    /// What is in their mailboxes.
    pub mailboxes: Arc<dyn MailboxStore>,
    /// Where it is counted who refers to content: APPEND does.
    pub references: Arc<dyn References>,
    /// Where octets are kept.
    pub content: Arc<dyn ContentStore>,
    /// Where names of sessions and keys are drawn from.
    pub random: Arc<dyn Randomness>,
    /// Clock and telemetry.
    pub station: Station,
}

/// Why mailbox-access does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Logging in needs TLS, and TLS a certificate.
    #[error("reading mail needs tls.certificate and tls.key: logins are offered only under TLS")]
    NoCertificate,
    /// A port or the certificate cannot be had.
    #[error(transparent)]
    Perimeter(#[from] perimeter::Error),
}

/// The ports, bound and not yet served.
pub struct Access {
    imap: Doors,
    pop3: Doors,
    readiness: Readiness,
}

/// Listens on the configured ports until `shutdown`; then ends sessions, and
/// returns.
///
/// # Errors
/// When a port or the certificate cannot be had.
pub async fn run(config: &Config, ports: Ports, shutdown: CancellationToken) -> Result<(), Error> {
    Access::bind(config, &ports).await?.serve(shutdown).await;
    Ok(())
}

impl Access {
    /// Binds the configured ports.
    ///
    /// # Errors
    /// When a port or the certificate cannot be had.
    pub async fn bind(config: &Config, ports: &Ports) -> Result<Self, Error> {
        let tls = Tls::load(&config.tls)?.ok_or(Error::NoCertificate)?;
        let login_ports = LoginPorts {
            directory: Arc::clone(&ports.directory),
            failures: Arc::clone(&ports.logins),
            clock: Arc::clone(ports.station.clock()),
            random: Arc::clone(&ports.random),
        };
        let logins = Arc::new(Logins::new(&config.smtp, login_ports));
        let readiness = ports.station.health().register("mailbox-access");
        Ok(Self {
            imap: imap::doors(config, ports, &logins, &tls).await?,
            pop3: pop3::doors(config, ports, &logins, &tls).await?,
            readiness,
        })
    }

    /// The addresses bound, in the order of the configuration: IMAP, IMAP under
    /// TLS, POP3, POP3 under TLS.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let doors = self.imap.doors.iter().chain(&self.pop3.doors);
        doors.filter_map(Door::address).collect()
    }

    /// Serves clients until `shutdown`.
    pub async fn serve(self, shutdown: CancellationToken) {
        let Self {
            imap,
            pop3,
            readiness,
        } = self;
        let stopping = async {
            shutdown.cancelled().await;
            readiness.set(State::Stopping);
        };
        let imap = imap.serve(shutdown.clone(), || {});
        let pop3 = pop3.serve(shutdown.clone(), || readiness.set(State::Ready));
        tokio::join!(imap, pop3, stopping);
    }
}
