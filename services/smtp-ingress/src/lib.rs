//! smtp-ingress: takes mail in, from other servers (RFC 5321) and from people
//! and applications (RFC 6409).
//!
//! A 250 is said only once content and ledger entry are durable; the
//! publication on `mail.accepted` that follows is a hint, and its failure is no
//! error. Where the directory, the content store or the ledger cannot answer,
//! the client is told 4xx and nothing is half-taken: content without an entry
//! in the ledger is swept up later. Whatever can be known before the 250 is
//! refused before it, so that no notice to a forged sender arises.
//!
//! A session holds two buffers of fixed size, and on submission ports a header
//! section of at most 96 KiB, however large the message.

mod allowance;
mod connection;
mod ingress;
mod intake;
mod recipient;
mod replies;
mod sender;

use std::sync::Arc;

use config::Config;
use content::ContentStore;
use message::Randomness;
use station::Station;
use store::ledger::Entries;
use store::{Directory, LoginFailures, MailboxStore};
use tokio_util::sync::CancellationToken;

pub use ingress::Ingress;

/// The engines behind smtp-ingress.
#[derive(Clone)]
pub struct Ports {
    /// Who has an account or an alias.
    pub directory: Arc<dyn Directory>,
    /// Where failed logins are counted.
    pub logins: Arc<dyn LoginFailures>,
    /// How full an account is; nothing else of mailboxes is asked.
    pub mailboxes: Arc<dyn MailboxStore>,
    /// Where responsibility is recorded.
    pub ledger: Arc<dyn Entries>,
    /// Where octets are kept.
    pub content: Arc<dyn ContentStore>,
    /// Where ids and keys are drawn from.
    pub random: Arc<dyn Randomness>,
    /// Bus, clock and telemetry.
    pub station: Station,
}

/// Why smtp-ingress does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Submission needs TLS, and TLS a certificate.
    #[error("submission ports need tls.certificate and tls.key: AUTH is offered only under TLS")]
    NoCertificate,
    /// The secrets of rewritten return paths cannot be had.
    #[error(transparent)]
    Secrets(#[from] config::SecretsError),
    /// A port or the certificate cannot be had.
    #[error(transparent)]
    Perimeter(#[from] perimeter::Error),
}

/// Listens on the configured ports until `shutdown`; then lets running
/// transactions finish for a while, and returns.
///
/// # Errors
/// When a port, the certificate or a secret cannot be had; nothing was taken in
/// then.
pub async fn run(config: &Config, ports: Ports, shutdown: CancellationToken) -> Result<(), Error> {
    Ingress::bind(config, ports).await?.serve(shutdown).await;
    Ok(())
}
