//! Port of resolution: which hosts take mail for a domain (RFC 5321 §5.1), and
//! which addresses a host has.
//!
//! Two adapters: [`Hickory`] asks name servers, [`Zone`] answers from a fixed
//! text and makes tests independent of any network. [`server::ZoneServer`]
//! serves such a zone over UDP to programs that can only be given a name
//! server.
//!
//! An adapter never guesses. What it could not find out for sure is
//! [`DnsError::Temporary`], which delays mail; only an authoritative "no such
//! name" or "no such record" may make mail fail.

mod hickory;
pub mod server;
mod zone;

use std::net::IpAddr;

use async_trait::async_trait;
use message::Domain;

pub use hickory::{Hickory, NameServers, Settings, SetupError};
pub use zone::{Zone, ZoneError};

/// Answers the two questions that relaying has.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The hosts that take mail for `domain`, CNAMEs followed.
    ///
    /// # Errors
    /// [`DnsError::NoSuchName`] when the domain does not exist,
    /// [`DnsError::Temporary`] when that could not be found out. That a domain
    /// has no MX record is no error but [`MailHosts::Implicit`].
    async fn mx(&self, domain: &Domain) -> Result<MailHosts, DnsError>;

    /// The addresses of `host`, at least one, CNAMEs followed; IPv4 first,
    /// because far more hosts have no working IPv6 route, or no reverse name
    /// there, than the other way round. An address literal is its own address.
    ///
    /// # Errors
    /// As for [`Resolver::mx`], and [`DnsError::NoRecords`] when the name has
    /// neither A nor AAAA records.
    async fn addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, DnsError>;
}

/// Where the mail for a domain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailHosts {
    /// The MX records, best preference first; hosts of equal preference are in
    /// no particular order and are to be tried in a random one. Empty when no
    /// record named a usable host.
    Listed(Vec<MailHost>),
    /// No MX record: the domain itself is the host (RFC 5321 §5.1).
    Implicit,
    /// The null MX: the domain takes no mail (RFC 7505).
    Null,
}

/// One MX record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailHost {
    /// Lower is better.
    pub preference: u16,
    /// The host's name.
    pub host: Domain,
}

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN).
    #[error("there is no domain {name} in DNS")]
    NoSuchName {
        /// What was asked for.
        name: Domain,
    },
    /// The name exists, but has no address.
    #[error("{name} has no address in DNS")]
    NoRecords {
        /// What was asked for.
        name: Domain,
    },
    /// No usable answer: a timeout, SERVFAIL, no reachable name server.
    #[error("DNS could not tell about {name} just now: {reason}")]
    Temporary {
        /// What was asked for.
        name: Domain,
        /// What went wrong, for people.
        reason: String,
    },
}

impl DnsError {
    /// Whether the same question may have an answer later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoSuchName { .. } | Self::NoRecords { .. } => false,
            Self::Temporary { .. } => true,
        }
    }
}

impl MailHosts {
    /// Sorts MX records, `None` standing for the root name, into an outcome.
    ///
    /// A root name beside other records breaks RFC 7505 §3 and is ignored.
    fn from_records(records: impl IntoIterator<Item = (u16, Option<Domain>)>) -> Self {
        let mut hosts = Vec::new();
        let mut root = false;
        for (preference, exchange) in records {
            match exchange {
                Some(host) => hosts.push(MailHost { preference, host }),
                None => root = true,
            }
        }
        if root && hosts.is_empty() {
            return Self::Null;
        }
        hosts.sort();
        Self::Listed(hosts)
    }
}
