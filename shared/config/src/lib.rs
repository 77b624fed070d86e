//! The configuration of everything: one TOML file, overridden by environment
//! variables, the same schema for all services, each of which reads its part.
//!
//! Whatever is wrong stops the start: an unknown key, a value of the wrong type
//! or an impossible combination is a [`ConfigError`] that names file, line,
//! column, key and reason, or the environment variable. What changes at run
//! time (domains, accounts, aliases) is not configuration; it lives in the
//! store.
//!
//! [`Config::default`] serves a trial on loopback.

mod check;
mod clients;
mod delivery;
mod engines;
mod error;
mod imap;
mod listener;
mod load;
mod locate;
mod network;
mod pop3;
mod relay;
mod schedule;
mod server;
mod smtp;
mod srs;
mod submission;
mod value;

use serde::{Deserialize, Serialize};

pub use clients::{ClientProtocol, Clients, Offer};
pub use delivery::{Dns, Notices, Queue, Router, Smarthost, SmarthostError};
pub use engines::Engines;
pub use error::{ConfigError, Place};
pub use imap::Imap;
pub use listener::Listener;
pub use load::environment;
pub use network::{Network, NetworkError};
pub use pop3::Pop3;
pub use relay::{DestinationPolicy, Login, Policy, Relay, TlsPolicy};
pub use schedule::{Schedule, Waiting};
pub use server::{LogFormat, Server, Telemetry, Tls, Web};
pub use smtp::Smtp;
pub use srs::{SecretsError, Srs};
pub use submission::Submission;
pub use value::{Size, SizeError, Span, SpanError};

/// The configuration of the whole system; a section for each concern.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What every service needs to know of the host.
    pub server: Server,
    /// The engines behind the ports.
    pub engines: Engines,
    /// Taking mail in.
    pub smtp: Smtp,
    /// Reading mail where it is.
    pub imap: Imap,
    /// Fetching mail.
    pub pop3: Pop3,
    /// How much one account may send.
    pub submission: Submission,
    /// What clients are told.
    pub clients: Clients,
    /// Certificate and key.
    pub tls: Tls,
    /// The ledger and its feeder.
    pub queue: Queue,
    /// Deciding where mail goes.
    pub router: Router,
    /// Sending to other servers.
    pub relay: Relay,
    /// Resolving names.
    pub dns: Dns,
    /// Telling senders.
    pub notices: Notices,
    /// The web-gateway.
    pub web: Web,
    /// Traces, metrics and logs.
    pub telemetry: Telemetry,
}

impl Config {
    /// The configuration as it may be shown: passwords in the URLs of engines are
    /// hidden. All other secrets are kept in files, which it names.
    #[must_use]
    pub fn without_passwords(&self) -> Self {
        Self {
            engines: self.engines.without_passwords(),
            ..self.clone()
        }
    }

    /// The configuration as TOML, every key with its value.
    pub fn to_toml(&self) -> String {
        // Serialising fails only for shapes TOML lacks, which no section has;
        // a test writes every section.
        toml::to_string(self).unwrap_or_default()
    }
}
