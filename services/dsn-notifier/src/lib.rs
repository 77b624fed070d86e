//! dsn-notifier: tells senders of delay, failure and success (RFC 3461–3464).
//!
//! A job on `mail.outcome` says that the sender of a message is owed something.
//! For each kind of notice that is, the steps are:
//!
//! | step | a crash behind it |
//! | --- | --- |
//! | claim: whom the notice tells about, and its own message id, are recorded | the same claim is given again |
//! | put: the composed notice is durable in the content store | composed again, the same to the octet; the sweep takes the first copy |
//! | accept: the notice is a message of the ledger, under the claimed id | known already: not put again |
//! | publish: the router hears of it | the feeder publishes it |
//! | settle: the message is owed this notice no more | – |
//!
//! So a notice may be composed twice, but a second one is never sent. It goes to
//! the return path of the original envelope, with a null return path of its own:
//! nobody is told about a notice. Where the message cannot be read any more, the
//! sender is told without it.

mod error;
mod letter;
pub mod notice;
mod notifier;

use std::sync::Arc;

use config::Config;
use content::ContentStore;
use message::{Randomness, Topic};
use station::Station;
use store::{Directory, Ledger};
use tokio_util::sync::CancellationToken;

use error::Error;
use notifier::Notifier;

/// Notices that are composed at the same time; each holds a header section.
const CONCURRENCY: usize = 16;

/// What the service works with.
#[derive(Clone)]
pub struct Ports {
    /// Its harness, with bus, clock and telemetry.
    pub station: Station,
    /// What senders are owed.
    pub ledger: Arc<dyn Ledger>,
    /// Names the primary domain, from which notices come.
    pub directory: Arc<dyn Directory>,
    /// Messages to return, and notices.
    pub content: Arc<dyn ContentStore>,
    /// Makes ids of notices.
    pub random: Arc<dyn Randomness>,
}

/// Sends notices until `shutdown`, and returns when the last one in hand is
/// sent or given back.
pub async fn run(config: &Config, ports: Ports, shutdown: CancellationToken) {
    let station = ports.station.clone();
    let notifier = Arc::new(Notifier::new(config, ports));
    station
        .consume(Topic::Outcome, CONCURRENCY, notifier, shutdown)
        .await;
}
