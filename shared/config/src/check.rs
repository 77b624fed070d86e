//! What must hold beyond each value's type: ranges, and what goes together.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use message::Destination;
use message::srs::Rewriter;

use crate::engines::Wrong;
use crate::error::{ConfigError, Place};
use crate::locate::key_text;
use crate::relay::{Policy, TlsPolicy};
use crate::value::Span;
use crate::{
    Config, Dns, Imap, Listener, Notices, Pop3, Queue, Relay, Smtp, Srs, Submission, Telemetry, Tls,
};

/// A key whose value cannot be, and why.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) path: Vec<String>,
    reason: String,
}

impl Problem {
    pub(crate) fn at(self, place: Place) -> ConfigError {
        ConfigError::Invalid {
            place,
            key: key_text(&self.path),
            reason: self.reason,
        }
    }
}

type Checked = Result<(), Problem>;

/// Refuses `key` for `reason` unless it is `right`.
fn demand(right: bool, key: &str, reason: impl Into<String>) -> Checked {
    demand_at(right, key.split('.').map(str::to_owned).collect(), reason)
}

fn demand_at(right: bool, path: Vec<String>, reason: impl Into<String>) -> Checked {
    match right {
        true => Ok(()),
        false => Err(Problem {
            path,
            reason: reason.into(),
        }),
    }
}

fn at_least_one(counts: &[(&str, u64)]) -> Checked {
    let mut counts = counts.iter();
    counts.try_for_each(|(key, count)| demand(*count > 0, key, "must be at least 1"))
}

fn not_zero(spans: &[(&str, Span)]) -> Checked {
    let mut spans = spans.iter();
    spans.try_for_each(|(key, span)| demand(!span.is_zero(), key, "must be longer than 0s"))
}

impl Config {
    /// The first thing that cannot be.
    pub(crate) fn check(&self) -> Checked {
        self.engines.check().map_err(wrong_engine)?;
        let data = self.server.data.as_os_str();
        demand(!data.is_empty(), "server.data", "must name a directory")?;
        self.smtp.check()?;
        self.pop3.check()?;
        self.submission.check()?;
        self.imap.check()?;
        self.tls.check()?;
        self.queue.check()?;
        self.router.srs.check()?;
        self.relay.check()?;
        self.dns.check()?;
        self.notices.check()?;
        self.telemetry.check()?;
        self.listeners_differ()
    }

    /// What besides keeps a service from running in a process of its own.
    pub(crate) fn check_service(&self) -> Checked {
        self.engines.check_shared().map_err(wrong_engine)
    }

    /// No two listeners share an address.
    fn listeners_differ(&self) -> Checked {
        let (smtp, imap) = (&self.smtp, &self.imap);
        let of = |listeners: &[Listener]| listeners.iter().map(|each| each.address).collect();
        let lists: [(&str, Vec<SocketAddr>); 9] = [
            ("smtp.mx", of(&smtp.mx)),
            ("smtp.submission", of(&smtp.submission)),
            ("smtp.submissions", of(&smtp.submissions)),
            ("pop3.starttls", of(&self.pop3.starttls)),
            ("pop3.tls", of(&self.pop3.tls)),
            ("imap.starttls", of(&imap.starttls)),
            ("imap.tls", of(&imap.tls)),
            ("web.listen", vec![self.web.listen]),
            ("server.health", self.server.health.into_iter().collect()),
        ];
        let mut taken: BTreeMap<SocketAddr, &str> = BTreeMap::new();
        for (key, addresses) in lists {
            // Port 0 is a different free port each time.
            for address in addresses.into_iter().filter(|address| address.port() != 0) {
                if let Some(other) = taken.insert(address, key) {
                    let reason = format!("{address} is already listened on by {other}");
                    return demand(false, key, reason);
                }
            }
        }
        Ok(())
    }
}

fn wrong_engine((key, reason): Wrong) -> Problem {
    Problem {
        path: vec!["engines".to_owned(), key.to_owned()],
        reason,
    }
}

impl Pop3 {
    fn check(&self) -> Checked {
        at_least_one(&[
            ("pop3.max_connections", self.max_connections as u64),
            (
                "pop3.max_connections_per_address",
                self.max_connections_per_address as u64,
            ),
        ])?;
        not_zero(&[("pop3.timeout", self.timeout)])
    }
}

impl Smtp {
    fn check(&self) -> Checked {
        at_least_one(&[
            ("smtp.max_size", self.max_size.octets()),
            ("smtp.max_recipients", self.max_recipients as u64),
            ("smtp.max_connections", self.max_connections as u64),
            (
                "smtp.max_connections_per_address",
                self.max_connections_per_address as u64,
            ),
            ("smtp.max_errors", self.max_errors.into()),
            ("smtp.max_hops", self.max_hops as u64),
            (
                "smtp.max_auth_failures_per_address",
                self.max_auth_failures_per_address.into(),
            ),
            (
                "smtp.max_auth_failures_per_account",
                self.max_auth_failures_per_account.into(),
            ),
        ])?;
        not_zero(&[
            ("smtp.command_timeout", self.command_timeout),
            ("smtp.data_timeout", self.data_timeout),
            ("smtp.auth_failure_window", self.auth_failure_window),
        ])?;
        demand(
            self.auth_cache <= Span::hours(1),
            "smtp.auth_cache",
            "must be at most 1h",
        )
    }
}

impl Imap {
    fn check(&self) -> Checked {
        at_least_one(&[
            ("imap.max_connections", self.max_connections as u64),
            (
                "imap.max_connections_per_address",
                self.max_connections_per_address as u64,
            ),
        ])?;
        not_zero(&[
            ("imap.login_timeout", self.login_timeout),
            ("imap.send_timeout", self.send_timeout),
        ])?;
        demand(
            self.idle_timeout >= Span::minutes(30),
            "imap.idle_timeout",
            "must be at least 30min (RFC 9051 §5.4)",
        )
    }
}

impl Submission {
    fn check(&self) -> Checked {
        let limits = [
            ("submission.messages_per_hour", self.messages_per_hour),
            ("submission.recipients_per_hour", self.recipients_per_hour),
        ];
        let reason = "must be at least 1; leave it out for no limit";
        limits
            .into_iter()
            .try_for_each(|(key, limit)| demand(limit != Some(0), key, reason))
    }
}

impl Srs {
    fn check(&self) -> Checked {
        let longest = Rewriter::MAX_AGE.as_secs() / (24 * 60 * 60);
        demand(
            (Span::days(1)..=Span::days(longest)).contains(&self.max_age),
            "router.srs.max_age",
            format!("must be from 1d to {longest}d"),
        )
    }
}

impl Tls {
    fn check(&self) -> Checked {
        let (certificate, key) = (self.certificate.is_some(), self.key.is_some());
        demand(
            certificate || !key,
            "tls.key",
            "a key needs its tls.certificate",
        )?;
        demand(
            key || !certificate,
            "tls.certificate",
            "a certificate needs its tls.key",
        )
    }
}

impl Queue {
    fn check(&self) -> Checked {
        at_least_one(&[
            ("queue.backlog", self.backlog),
            ("queue.max_tries", self.max_tries.into()),
        ])?;
        not_zero(&[("queue.feed_interval", self.feed_interval)])?;
        demand(
            self.keep_closed >= Span::days(1),
            "queue.keep_closed",
            "must be at least 1d: a job that is repeated must still find its entry",
        )
    }
}

impl Relay {
    fn check(&self) -> Checked {
        at_least_one(&[
            ("relay.port", self.port.into()),
            ("relay.concurrency", self.concurrency as u64),
            ("relay.unproven", self.unproven as u64),
            ("relay.per_connection", self.per_connection.into()),
        ])?;
        not_zero(&[
            ("relay.connect_timeout", self.connect_timeout),
            ("relay.greeting_timeout", self.greeting_timeout),
            ("relay.command_timeout", self.command_timeout),
            ("relay.data_timeout", self.data_timeout),
            ("relay.block_timeout", self.block_timeout),
            ("relay.dot_timeout", self.dot_timeout),
            ("relay.lease", self.lease),
        ])?;
        let everyone = Destination::Local;
        self.policy(&everyone).check(&["relay"])?;
        for destination in self.destinations.keys() {
            let name = destination.to_string();
            let path = ["relay", "destinations", &name];
            let ours = path.map(str::to_owned).to_vec();
            let remote = *destination != Destination::Local;
            demand_at(
                remote,
                ours,
                "local mail is not relayed; name a domain or a smarthost",
            )?;
            self.policy(destination).check(&path)?;
            self.check_login(destination)?;
        }
        Ok(())
    }

    /// A password goes only to a smarthost that has proved who it is.
    fn check_login(&self, destination: &Destination) -> Checked {
        let Some(own) = self.destinations.get(destination) else {
            return Ok(());
        };
        let name = destination.to_string();
        let demand = |right, key: &str, reason| {
            let path = ["relay", "destinations", &name, key];
            demand_at(right, path.map(str::to_owned).to_vec(), reason)
        };
        let (user, password) = (own.user.is_some(), own.password_file.is_some());
        demand(password || !user, "user", "a user needs a password_file")?;
        demand(
            user || !password,
            "password_file",
            "a password needs its user",
        )?;
        let smarthost = matches!(destination, Destination::Smarthost { .. });
        demand(smarthost || !user, "user", "only smarthosts have a login")?;
        let verified = self.policy(destination).tls == TlsPolicy::Verify;
        demand(
            verified || !user,
            "user",
            "a password is sent only under tls = \"verify\"",
        )
    }
}

impl Policy {
    /// Checks what holds for the destination, or for all, that `section` is
    /// about.
    fn check(&self, section: &[&str]) -> Checked {
        let demand = |right, key: &str, reason: &str| {
            let path = section.iter().chain([&key]).map(|part| (*part).to_owned());
            demand_at(right, path.collect(), reason)
        };
        demand(
            !self.first_retry.is_zero(),
            "first_retry",
            "must be longer than 0s",
        )?;
        let (first, max) = (self.first_retry, self.max_retry);
        let order = format!("{max} is shorter than first_retry, {first}");
        demand(max >= first, "max_retry", &order)?;
        let fraction = (0.0..=1.0).contains(&self.jitter);
        demand(fraction, "jitter", "must be from 0 to 1")?;
        demand(
            self.per_destination > 0,
            "per_destination",
            "must be at least 1",
        )?;
        demand(
            self.max_attempts != Some(0),
            "max_attempts",
            "must be at least 1",
        )
    }
}

impl Dns {
    fn check(&self) -> Checked {
        not_zero(&[("dns.timeout", self.timeout)])?;
        at_least_one(&[("dns.attempts", self.attempts as u64)])
    }
}

impl Notices {
    fn check(&self) -> Checked {
        let printable = !self.name.chars().any(char::is_control);
        demand(
            printable,
            "notices.name",
            "must be one line of text without control characters",
        )
    }
}

impl Telemetry {
    fn check(&self) -> Checked {
        let fraction = (0.0..=1.0).contains(&self.sampling);
        demand(fraction, "telemetry.sampling", "must be from 0 to 1")
    }
}
