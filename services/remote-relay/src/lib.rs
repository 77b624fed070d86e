//! remote-relay: sends mail to other servers (RFC 5321), as a scheduler over
//! the ledger.
//!
//! A job on `mail.remote` is a hint. If its destination has a free slot the job
//! is claimed and the delivery completes at once: no delivery is held across a
//! remote conversation. Without a free slot the job is parked as *waiting*. A
//! worker that is done with a job claims the next of its destination from the
//! ledger; a sweep starts workers for whatever waits or has become due. A
//! destination that cannot be talked to is backed off as a whole: its jobs
//! sleep, one at a time probes it, and when it answers its queue drains.
//!
//! A worker keeps its connection from job to job and leaves it to the next
//! worker of its destination ([`resting`]). Destinations that have not answered
//! yet have slots of their own ([`slots`]): those that hang hold back nobody who
//! answers. Memory grows with attempts that run and connections that rest, both
//! bounded, never with the queue: whatever waits or sleeps is in the ledger alone.
//!
//! # Crash points
//!
//! | killed | then |
//! | --- | --- |
//! | before the claim | the hint comes again, or the feeder publishes it |
//! | after the claim, before the final dot | the lease expires; tried again, nobody got it |
//! | after the dot, before the record | tried again: a second copy, which RFC 5321 §6.1 accepts |
//! | after the record | the notice job is found by the feeder |
//! | while probing | the probe's lease expires; another probes |
//!
//! Whoever claims raises the generation, and results under an older one are
//! refused, so recipients that succeeded are never tried again. The claim is
//! renewed beyond the timeout of the last reply before the final dot leaves;
//! where that fails the connection is dropped instead.
//!
//! A store that is away stops the intake of hints and of due work; attempts
//! that run go on as long as their claim holds.

mod attempt;
mod claim;
mod classify;
mod connection;
mod copy;
mod login;
mod mail_route;
mod recipients;
mod relay;
mod report;
mod resting;
mod serve;
mod slots;
mod sweep;
mod tally;
mod trouble;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::Config;
use content::ContentStore;
use dns::Resolver;
use message::{Randomness, Topic};
use station::Station;
use store::Ledger;
use tokio_util::sync::CancellationToken;

pub use connection::TlsError;
use relay::{Hints, Relay};

/// Hints that are looked at in parallel; each is a few reads of the ledger.
const HINTS: usize = 32;

/// How long running attempts may go on after the shutdown began; what is cut
/// off is tried again once its claim has expired.
const GRACE: Duration = Duration::from_secs(8);

/// What remote-relay stands on.
pub struct Ports {
    /// Its place at the topics.
    pub station: Station,
    /// What became of every message.
    pub ledger: Arc<dyn Ledger>,
    /// The octets of messages.
    pub content: Arc<dyn ContentStore>,
    /// Which hosts take mail for a domain.
    pub resolver: Arc<dyn Resolver>,
    /// For jitter, and the order of equal hosts.
    pub random: Arc<dyn Randomness>,
}

/// remote-relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client's side of TLS cannot be set up.
    #[error("setting up TLS for outgoing connections: {0}")]
    Tls(#[from] TlsError),
    /// The password for a smarthost cannot be read.
    #[error("the password in {}: {reason}", file.display())]
    Password {
        /// Where it should be.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Relays until `shutdown`, then lets running attempts end.
///
/// # Errors
/// Only at the start.
pub async fn run(config: &Config, ports: Ports, shutdown: CancellationToken) -> Result<(), Error> {
    let station = ports.station.clone();
    let relay = Relay::new(config, ports, shutdown.clone())?;
    tokio::join!(
        station.consume(
            Topic::Remote,
            HINTS,
            Arc::new(Hints(Arc::clone(&relay))),
            shutdown
        ),
        relay.sweep_on(),
        relay.end_rests(),
    );
    relay.drain(GRACE).await;
    Ok(())
}
