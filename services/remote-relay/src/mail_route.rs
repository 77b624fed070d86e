//! The hosts to try for a destination, in order (RFC 5321 §5.1): by MX
//! preference, equal ones shuffled, each with all its addresses.
//!
//! Where a host turns out to be ourselves, by name or by address, that
//! preference and all worse ones are dropped: they would only bring the mail
//! back (§5.1). Hosts are resolved one preference at a time, as they are
//! needed.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use dns::{DnsError, MailHost, MailHosts, Resolver};
use message::{Destination, Domain, Randomness};

use crate::classify::{self, Ruling};

/// The most addresses tried in one attempt.
const MAX_TARGETS: usize = 10;

/// One address of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Domain,
    pub(crate) address: SocketAddr,
}

/// By which names and addresses mail would come back to us.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ourselves {
    pub(crate) names: Vec<Domain>,
    /// Where we take mail.
    pub(crate) listening: Vec<SocketAddr>,
}

impl Ourselves {
    fn is(&self, target: &Target) -> bool {
        let address = target.address;
        self.names.contains(&target.host)
            || self.listening.iter().any(|own| {
                own.port() == address.port()
                    && (own.ip() == address.ip()
                        || own.ip().is_unspecified() && address.ip().is_loopback())
            })
    }
}

/// What is asked, and of whom.
pub(crate) struct Finder<'a> {
    pub(crate) resolver: &'a dyn Resolver,
    pub(crate) random: &'a dyn Randomness,
    pub(crate) ourselves: &'a Ourselves,
    /// The port of hosts that DNS names.
    pub(crate) port: u16,
}

/// The way to a destination.
pub(crate) struct MailRoute<'a> {
    finder: Finder<'a>,
    /// For whom, in diagnostics.
    domain: Domain,
    port: u16,
    /// Hosts of equal preference, the best first, not resolved yet.
    groups: VecDeque<Vec<Domain>>,
    targets: VecDeque<Target>,
    given: usize,
    looped: bool,
    implicit: bool,
    /// The last failure to resolve a host; a temporary one is kept.
    failure: Option<DnsError>,
}

impl<'a> Finder<'a> {
    /// The way to `destination`, or why there is none.
    pub(crate) async fn find(
        self,
        destination: &Destination,
    ) -> Result<Option<MailRoute<'a>>, Ruling> {
        let (domain, port) = match destination {
            Destination::Local => return Ok(None),
            Destination::Domain(domain) => (domain, self.port),
            Destination::Smarthost { host, port } => (host, *port),
        };
        let fixed = matches!(destination, Destination::Smarthost { .. });
        let hosts = match fixed || domain.literal().is_some() {
            true => MailHosts::Implicit,
            false => self
                .resolver
                .mx(domain)
                .await
                .map_err(|error| classify::dns(&error))?,
        };
        let implicit = matches!(hosts, MailHosts::Implicit);
        let groups = match hosts {
            MailHosts::Null => return Err(classify::null_mx(domain)),
            MailHosts::Implicit => VecDeque::from([vec![domain.clone()]]),
            MailHosts::Listed(hosts) => by_preference(hosts, self.random),
        };
        let domain = domain.clone();
        Ok(Some(MailRoute::new(self, domain, port, implicit, groups)))
    }
}

impl<'a> MailRoute<'a> {
    fn new(
        finder: Finder<'a>,
        domain: Domain,
        port: u16,
        implicit: bool,
        groups: VecDeque<Vec<Domain>>,
    ) -> Self {
        let targets = VecDeque::new();
        let (given, looped, failure) = (0, false, None);
        Self {
            finder,
            domain,
            port,
            groups,
            targets,
            given,
            looped,
            implicit,
            failure,
        }
    }

    /// The next host to try; none when there is no other.
    pub(crate) async fn next(&mut self) -> Option<Target> {
        if self.given == MAX_TARGETS {
            return None;
        }
        while self.targets.is_empty() {
            let group = self.groups.pop_front()?;
            self.resolve(group).await;
        }
        self.given += 1;
        self.targets.pop_front()
    }

    /// Why no host at all could be tried.
    pub(crate) fn dead_end(&self) -> Ruling {
        match &self.failure {
            Some(error) if error.is_temporary() => classify::dns(error),
            _ if self.looped => classify::mx_loop(&self.domain),
            Some(error) if self.implicit => classify::dns(error),
            Some(_) | None => classify::no_addresses(&self.domain),
        }
    }

    async fn resolve(&mut self, group: Vec<Domain>) {
        let mut found = VecDeque::new();
        for host in group {
            match self.finder.resolver.addresses(&host).await {
                Ok(addresses) => {
                    let target = |ip: IpAddr| Target {
                        host: host.clone(),
                        address: SocketAddr::new(ip, self.port),
                    };
                    found.extend(addresses.into_iter().map(target));
                }
                Err(error) => self.note(error),
            }
        }
        if found.iter().any(|target| self.finder.ourselves.is(target)) {
            self.looped = true;
            self.groups.clear();
            return;
        }
        self.targets = found;
    }

    fn note(&mut self, error: DnsError) {
        tracing::debug!(domain = %self.domain, %error, "resolving a mail host");
        if !self.failure.as_ref().is_some_and(DnsError::is_temporary) {
            self.failure = Some(error);
        }
    }
}

/// Groups of equal preference, the best first, shuffled within.
fn by_preference(mut hosts: Vec<MailHost>, random: &dyn Randomness) -> VecDeque<Vec<Domain>> {
    hosts.sort_by_key(|host| host.preference);
    let groups = hosts.chunk_by(|one, two| one.preference == two.preference);
    groups
        .map(|group| {
            let mut group: Vec<_> = group.iter().map(|host| host.host.clone()).collect();
            for last in (1..group.len()).rev() {
                group.swap(last, (random.fraction() * (last + 1) as f64) as usize);
            }
            group
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dns::Zone;
    use message::time::SeededRandomness;

    const ZONE: &str = "
        example.org      MX 20 backup.example.org
        example.org      MX 10 mx1.example.org
        example.org      MX 10 mx2.example.org
        mx1.example.org  A 192.0.2.1
        mx2.example.org  A 192.0.2.2
        backup.example.org A 192.0.2.9
        direct.example   A 192.0.2.3
        nomail.example   MX 0 .
        gone.example     MX 10 no.such.host
        shaky.example    MX 10 no.such.host
        shaky.example    MX 20 broken.example
        broken.example   SERVFAIL
        text.example     TXT only
        ours.example     MX 10 mx1.example.org
        ours.example     MX 20 us.example
        ours.example     MX 30 mx2.example.org
        us.example       A 192.0.2.100
        loop.example     MX 10 us.example
        twin.example     MX 10 alias.us.example
        alias.us.example A 127.0.0.1
    ";

    async fn targets(destination: &str, seed: u64) -> String {
        let zone: Zone = ZONE.parse().unwrap();
        let ourselves = Ourselves {
            names: vec!["us.example".parse().unwrap()],
            listening: vec!["0.0.0.0:25".parse().unwrap()],
        };
        let finder = Finder {
            resolver: &zone,
            random: &SeededRandomness::new(seed),
            ourselves: &ourselves,
            port: 25,
        };
        let mut route = match finder.find(&destination.parse().unwrap()).await {
            Ok(Some(route)) => route,
            Ok(None) => return "none".into(),
            Err(ruling) => return show(&ruling),
        };
        let mut found = Vec::new();
        while let Some(target) = route.next().await {
            found.push(target.address.to_string());
        }
        match found.is_empty() {
            true => show(&route.dead_end()),
            false => found.join(" "),
        }
    }

    fn show(ruling: &Ruling) -> String {
        match ruling {
            Ruling::Bounce(cause) => format!("bounce {}", cause.status),
            Ruling::Defer(cause) => format!("defer {}", cause.status),
            Ruling::Relayed(_) | Ruling::NextHost(_) | Ruling::AtOnce(_) => "odd".into(),
        }
    }

    #[tokio::test]
    async fn the_way_is_found_or_the_reason() {
        for (destination, expected) in [
            ("direct.example", "192.0.2.3:25"),
            ("[192.0.2.7]", "192.0.2.7:25"),
            ("smarthost:direct.example:587", "192.0.2.3:587"),
            ("smarthost:[192.0.2.7]:2525", "192.0.2.7:2525"),
            ("ours.example", "192.0.2.1:25"),
            ("nomail.example", "bounce 5.1.10"),
            ("no.such.host", "bounce 5.1.2"),
            ("smarthost:no.such.host:25", "bounce 5.1.2"),
            ("text.example", "bounce 5.4.4"),
            ("gone.example", "bounce 5.4.4"),
            ("loop.example", "bounce 5.4.6"),
            ("twin.example", "bounce 5.4.6"),
            ("shaky.example", "defer 4.4.3"),
            ("broken.example", "defer 4.4.3"),
            ("local", "none"),
        ] {
            assert_eq!(targets(destination, 1).await, expected, "{destination}");
        }
    }

    #[tokio::test]
    async fn equal_hosts_take_turns_by_chance_and_better_ones_come_first() {
        let mut first = [0, 0];
        for seed in 0..200 {
            let found = targets("example.org", seed).await;
            assert!(found.ends_with(" 192.0.2.9:25"), "{found}");
            first[usize::from(found.starts_with("192.0.2.2"))] += 1;
        }
        assert!(first.iter().all(|count| *count > 60), "{first:?}");
    }
}
