//! `[clients]`: what mail clients are told about where to connect, by
//! autoconfiguration and in DNS.

use message::Domain;
use serde::{Deserialize, Serialize};

use crate::{Config, Listener};

/// Where clients connect, as they see it: behind a load balancer that is not
/// where the services listen. What is left out is as the services have it: the
/// server's host name, and the port of the first listener of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clients {
    /// The host to connect to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Domain>,
    /// The port of IMAP with STARTTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imap: Option<u16>,
    /// The port of IMAP under TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imaps: Option<u16>,
    /// The port of POP3 with STLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pop3: Option<u16>,
    /// The port of POP3 under TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pop3s: Option<u16>,
    /// The port of submission with STARTTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission: Option<u16>,
    /// The port of submission under TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submissions: Option<u16>,
}

/// What clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientProtocol {
    /// To read mail.
    Imap,
    /// To fetch mail.
    Pop3,
    /// To send mail.
    Submission,
}

/// A port that clients are told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What is spoken there.
    pub protocol: ClientProtocol,
    /// Whether TLS comes first (RFC 8314); else it is started in the dialogue.
    pub implicit_tls: bool,
    /// The host.
    pub host: Domain,
    /// The port.
    pub port: u16,
}

impl Config {
    /// Where clients connect: the preferred one of each protocol first.
    pub fn offers(&self) -> Vec<Offer> {
        use ClientProtocol::{Imap, Pop3, Submission};
        let clients = &self.clients;
        let host = clients.host.as_ref().unwrap_or(&self.server.hostname);
        let (imap, pop3, smtp) = (&self.imap, &self.pop3, &self.smtp);
        let first = |told: Option<u16>, listeners: &[Listener]| {
            told.or_else(|| listeners.first().map(|listener| listener.address.port()))
        };
        let ports = [
            (Imap, true, first(clients.imaps, &imap.tls)),
            (Imap, false, first(clients.imap, &imap.starttls)),
            (Pop3, true, first(clients.pop3s, &pop3.tls)),
            (Pop3, false, first(clients.pop3, &pop3.starttls)),
            (
                Submission,
                true,
                first(clients.submissions, &smtp.submissions),
            ),
            (
                Submission,
                false,
                first(clients.submission, &smtp.submission),
            ),
        ];
        let offers = ports
            .into_iter()
            .filter_map(|(protocol, implicit_tls, port)| {
                Some(Offer {
                    protocol,
                    implicit_tls,
                    host: host.clone(),
                    port: port?,
                })
            });
        offers.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_what_is_listened_on_unless_they_see_it_otherwise() {
        let mut config = Config::default();
        let ports = |config: &Config| config.offers().iter().map(|o| o.port).collect::<Vec<_>>();
        assert_eq!(ports(&config), [2993, 2143, 2995, 2110, 2465, 2587]);
        config.clients.imaps = Some(993);
        config.clients.host = Some("mail.example.org".parse().unwrap());
        config.pop3.starttls.clear();
        assert_eq!(ports(&config), [993, 2143, 2995, 2465, 2587]);
        assert_eq!(config.offers()[0].host.as_str(), "mail.example.org");
    }
}
