//! What happens to a message inside: queue, routing, names, notices.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use message::{Address, Destination, Domain, LocalPart};
use serde::{Deserialize, Serialize};

use crate::value::{Size, Span};
use crate::{Config, Srs};

/// `[queue]`: the ledger and its feeder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// The most messages in flight; beyond it clients are told 4xx.
    pub backlog: u64,
    /// How long closed entries stay for `trace`; at least a day, so that a
    /// repeated job finds its entry.
    pub keep_closed: Span,
    /// How often the feeder looks for jobs without progress.
    pub feed_interval: Span,
    /// How many tries without a result make a job dead.
    pub max_tries: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            backlog: 1_000_000,
            keep_closed: Span::days(1),
            feed_interval: Span::seconds(10),
            max_tries: 5,
        }
    }
}

/// `[router]`: deciding where mail goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Router {
    /// Whether `name+detail@domain` reaches `name@domain`.
    pub subaddressing: bool,
    /// The next server for all mail to other domains; their own servers by
    /// default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smarthost: Option<Smarthost>,
    /// The next server for mail to single domains.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub smarthosts: BTreeMap<Domain, Smarthost>,
    /// Return paths of mail that is passed on.
    pub srs: Srs,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            subaddressing: true,
            smarthost: None,
            smarthosts: BTreeMap::new(),
            srs: Srs::default(),
        }
    }
}

impl Router {
    /// Where mail to a domain that is not ours goes.
    pub fn destination(&self, domain: &Domain) -> Destination {
        let smarthost = self.smarthosts.get(domain).or(self.smarthost.as_ref());
        match smarthost {
            Some(Smarthost { host, port }) => Destination::Smarthost {
                host: host.clone(),
                port: *port,
            },
            None => Destination::Domain(domain.clone()),
        }
    }
}

/// A fixed next server, written `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smarthost {
    /// Its host name or address literal.
    pub host: Domain,
    /// Its TCP port.
    pub port: u16,
}

/// Text that is not a [`Smarthost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a smarthost is written HOST:PORT, as in \"relay.example:587\" or \"[192.0.2.1]:25\"")]
pub struct SmarthostError;

impl fmt::Display for Smarthost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for Smarthost {
    type Err = SmarthostError;

    fn from_str(text: &str) -> Result<Self, SmarthostError> {
        let (host, port) = text.rsplit_once(':').ok_or(SmarthostError)?;
        let host: Domain = host.parse().map_err(|_| SmarthostError)?;
        // `192.0.2.1:25` means the address: no top-level domain is a number.
        let host = match host.as_str().parse() {
            Ok(ip) => Domain::from_ip(ip),
            Err(_) => host,
        };
        let port = port.parse().ok().filter(|port| *port != 0);
        Ok(Self {
            host,
            port: port.ok_or(SmarthostError)?,
        })
    }
}

impl Serialize for Smarthost {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Smarthost {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `[dns]`: resolving names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// The resolvers, with port; the system's where empty.
    pub nameservers: Vec<SocketAddr>,
    /// How long one query may take.
    pub timeout: Span,
    /// How often a query is sent before it counts as failed.
    pub attempts: usize,
    /// How many answers are kept.
    pub cache: usize,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            nameservers: Vec::new(),
            timeout: Span::seconds(5),
            attempts: 2,
            cache: 10_000,
        }
    }
}

/// `[notices]`: telling senders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// The display name in From.
    pub name: String,
    /// The local part in From.
    pub local_part: LocalPart,
    /// The domain in From; the server's host name by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// The largest message returned in full when RET=FULL asks for it.
    pub max_return: Size,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            name: "Mail Delivery System".to_owned(),
            local_part: mailer_daemon(),
            domain: None,
            max_return: Size::kib(100),
        }
    }
}

fn mailer_daemon() -> LocalPart {
    LocalPart::from_unquoted("MAILER-DAEMON").expect("a dot-string")
}

impl Config {
    /// The address that notices come from.
    pub fn notices_from(&self) -> Address {
        let domain = self.notices.domain.as_ref();
        let domain = domain.unwrap_or(&self.server.hostname);
        Address::new(self.notices.local_part.clone(), domain.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smarthosts_are_read_and_printed() {
        for (text, printed) in [
            ("relay.example:587", "relay.example:587"),
            ("[192.0.2.1]:25", "[192.0.2.1]:25"),
            ("192.0.2.1:25", "[192.0.2.1]:25"),
            ("[IPv6:2001:db8::1]:25", "[IPv6:2001:db8::1]:25"),
        ] {
            let smarthost: Smarthost = text.parse().unwrap();
            assert_eq!(smarthost.to_string(), printed);
        }
        for wrong in [
            "",
            "relay.example",
            "relay.example:0",
            ":25",
            "relay.example:smtp",
        ] {
            assert_eq!(wrong.parse::<Smarthost>(), Err(SmarthostError), "{wrong:?}");
        }
    }

    #[test]
    fn a_domain_of_its_own_comes_before_the_default() {
        let domain = |text: &str| text.parse::<Domain>().unwrap();
        let mut router = Router::default();
        let routed = |router: &Router, text| router.destination(&domain(text)).to_string();
        assert_eq!(routed(&router, "example.org"), "example.org");
        router.smarthost = "relay.example:25".parse().ok();
        let own = "own.example:2525".parse().unwrap();
        router.smarthosts.insert(domain("example.org"), own);
        assert_eq!(routed(&router, "example.org"), "smarthost:own.example:2525");
        assert_eq!(routed(&router, "example.net"), "smarthost:relay.example:25");
    }
}
