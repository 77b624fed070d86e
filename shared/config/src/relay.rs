//! `[relay]`: sending to other servers, and when to try again (RFC 5321
//! §4.5.4.1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use message::{Destination, Domain};
use serde::{Deserialize, Serialize};

use crate::Config;
use crate::value::Span;

/// Limits, times and TLS policy of remote-relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relay {
    /// The port of the servers that DNS names.
    pub port: u16,
    /// The name in EHLO; the server's host name by default
    /// (see [`Config::helo_name`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helo: Option<Domain>,
    /// The pause after the first failed attempt; doubled after each further one.
    pub first_retry: Span,
    /// The longest pause.
    pub max_retry: Span,
    /// How much a pause varies by chance: 0.2 makes it up to 20 % shorter or
    /// longer.
    pub jitter: f64,
    /// After this time in the queue the sender gets a delay notice.
    pub warn_after: Span,
    /// After this time a failed attempt is the last.
    pub give_up_after: Span,
    /// The same, for messages with the null return path.
    pub give_up_after_null: Span,
    /// After this many attempts a failed one is the last; no limit by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// The most connections to one destination at a time.
    pub per_destination: usize,
    /// The most attempts at a time at destinations that answered the last time;
    /// also the most connections kept open without one.
    pub concurrency: usize,
    /// The most attempts at a time at all other destinations: new ones, and
    /// those that hang.
    pub unproven: usize,
    /// How many messages one connection carries at most.
    pub per_connection: u32,
    /// How long a connection is kept open for the next message; `0s` ends each
    /// after its message unless another one waits.
    pub idle: Span,
    /// How TLS is used.
    pub tls: TlsPolicy,
    /// A PEM file with the authorities that the policy `verify` trusts; the
    /// system's by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted: Option<PathBuf>,
    /// How long connecting to one address may take.
    pub connect_timeout: Span,
    /// How long the greeting may take (RFC 5321 §4.5.3.2.1).
    pub greeting_timeout: Span,
    /// How long the reply to EHLO, MAIL and RCPT may take (§4.5.3.2.2–3).
    pub command_timeout: Span,
    /// How long the reply to DATA may take (§4.5.3.2.4).
    pub data_timeout: Span,
    /// How long one piece of content may take to be sent (§4.5.3.2.5).
    pub block_timeout: Span,
    /// How long the reply to the final dot may take (§4.5.3.2.6).
    pub dot_timeout: Span,
    /// For how long a claim on a job holds before it must be renewed; when a
    /// process dies, its jobs wait that long.
    pub lease: Span,
    /// What differs for single destinations: a domain, or
    /// `smarthost:HOST:PORT`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub destinations: BTreeMap<Destination, DestinationPolicy>,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            port: 25,
            helo: None,
            first_retry: Span::minutes(5),
            max_retry: Span::hours(4),
            jitter: 0.2,
            warn_after: Span::hours(4),
            give_up_after: Span::days(5),
            give_up_after_null: Span::days(1),
            max_attempts: None,
            per_destination: 20,
            concurrency: 500,
            unproven: 2000,
            per_connection: 100,
            idle: Span::seconds(5),
            tls: TlsPolicy::Opportunistic,
            trusted: None,
            connect_timeout: Span::seconds(30),
            greeting_timeout: Span::minutes(5),
            command_timeout: Span::minutes(5),
            data_timeout: Span::minutes(2),
            block_timeout: Span::minutes(3),
            dot_timeout: Span::minutes(10),
            lease: Span::seconds(60),
            destinations: BTreeMap::new(),
        }
    }
}

/// How TLS is used towards a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsPolicy {
    /// Never.
    None,
    /// Where offered, whatever the certificate; in clear where it fails
    /// (RFC 7435).
    Opportunistic,
    /// Always, whatever the certificate; never in clear.
    Encrypt,
    /// Always, with a certificate for the host's name that an authority we
    /// trust vouches for; never in clear. The name is the one in the MX record,
    /// or the smarthost's.
    Verify,
}

/// How to log in to a smarthost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login<'a> {
    /// As whom.
    pub user: &'a str,
    /// The file that holds the password, and nothing else but a line end.
    pub password_file: &'a Path,
}

/// What differs for one destination; the rest is as for all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DestinationPolicy {
    /// See [`Relay::first_retry`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_retry: Option<Span>,
    /// See [`Relay::max_retry`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retry: Option<Span>,
    /// See [`Relay::jitter`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// See [`Relay::warn_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_after: Option<Span>,
    /// See [`Relay::give_up_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_after: Option<Span>,
    /// See [`Relay::give_up_after_null`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_after_null: Option<Span>,
    /// See [`Relay::max_attempts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// See [`Relay::per_destination`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_destination: Option<usize>,
    /// See [`Relay::tls`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsPolicy>,
    /// As whom to log in; only to a smarthost, only under `tls = "verify"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The file with the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// What holds for one destination, everything decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// See [`Relay::first_retry`].
    pub first_retry: Span,
    /// See [`Relay::max_retry`].
    pub max_retry: Span,
    /// See [`Relay::jitter`].
    pub jitter: f64,
    /// See [`Relay::warn_after`].
    pub warn_after: Span,
    /// See [`Relay::give_up_after`].
    pub give_up_after: Span,
    /// See [`Relay::give_up_after_null`].
    pub give_up_after_null: Span,
    /// See [`Relay::max_attempts`].
    pub max_attempts: Option<u32>,
    /// See [`Relay::per_destination`].
    pub per_destination: usize,
    /// See [`Relay::tls`].
    pub tls: TlsPolicy,
}

impl Relay {
    /// What holds for `destination`.
    pub fn policy(&self, destination: &Destination) -> Policy {
        let common = DestinationPolicy::default();
        let own = self.destinations.get(destination).unwrap_or(&common);
        Policy {
            first_retry: own.first_retry.unwrap_or(self.first_retry),
            max_retry: own.max_retry.unwrap_or(self.max_retry),
            jitter: own.jitter.unwrap_or(self.jitter),
            warn_after: own.warn_after.unwrap_or(self.warn_after),
            give_up_after: own.give_up_after.unwrap_or(self.give_up_after),
            give_up_after_null: own.give_up_after_null.unwrap_or(self.give_up_after_null),
            max_attempts: own.max_attempts.or(self.max_attempts),
            per_destination: own.per_destination.unwrap_or(self.per_destination),
            tls: own.tls.unwrap_or(self.tls),
        }
    }

    /// How to log in to `destination`, if at all.
    pub fn login(&self, destination: &Destination) -> Option<Login<'_>> {
        let own = self.destinations.get(destination)?;
        Some(Login {
            user: own.user.as_deref()?,
            password_file: own.password_file.as_deref()?,
        })
    }

    /// Whether some certificate is to be verified.
    pub fn verifies(&self) -> bool {
        let own = self.destinations.values().map(|own| own.tls);
        own.chain([Some(self.tls)])
            .any(|policy| policy == Some(TlsPolicy::Verify))
    }
}

impl Config {
    /// The name we introduce ourselves by to other servers.
    pub fn helo_name(&self) -> &Domain {
        self.relay.helo.as_ref().unwrap_or(&self.server.hostname)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_takes_what_it_does_not_say_from_all() {
        let relay: Relay = toml::from_str(
            "max_attempts = 7\n[destinations.'slow.example']\nfirst_retry = '1s'\ntls = 'none'",
        )
        .unwrap();
        let policy = relay.policy(&"slow.example".parse().unwrap());
        assert_eq!(policy.first_retry, Span::seconds(1));
        assert_eq!(policy.tls, TlsPolicy::None);
        assert_eq!(policy.max_retry, Span::hours(4));
        assert_eq!(policy.max_attempts, Some(7));
        let other = relay.policy(&"other.example".parse().unwrap());
        assert_eq!(other.first_retry, Span::minutes(5));
    }
}
