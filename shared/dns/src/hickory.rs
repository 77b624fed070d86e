//! Resolution by hickory, a stub resolver: it asks recursive name servers,
//! caches by TTL within a bound, and repeats over TCP what UDP cut short.
//!
//! `/etc/hosts` and search lists are not consulted: mail goes where DNS says.
//! A failure of any kind but an authoritative "no" is temporary.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use message::Domain;

use crate::{DnsError, MailHosts, Resolver};

/// How long a "no such name" is believed at most, whatever its SOA says: mail
/// for a domain that was just set up should not fail for long.
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(300);
/// How long an answer is believed at most.
const MAX_POSITIVE_TTL: Duration = Duration::from_secs(24 * 3600);

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameServers {
    /// Those of `/etc/resolv.conf`.
    System,
    /// These, in turn.
    Fixed(Vec<SocketAddr>),
}

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whom to ask.
    pub servers: NameServers,
    /// How long one question to one server may take.
    pub timeout: Duration,
    /// How often a question is repeated.
    pub attempts: usize,
    /// How many answers the cache holds.
    pub cache: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: NameServers::System,
            timeout: Duration::from_secs(5),
            attempts: 2,
            cache: 8192,
        }
    }
}

/// The resolver could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The system's configuration is missing or broken.
    #[error("reading the name servers of /etc/resolv.conf: {0}")]
    System(#[source] NetError),
    /// No name server was given.
    #[error("no name server is configured")]
    NoServers,
    /// hickory refused its configuration.
    #[error("setting up the resolver: {0}")]
    Build(#[source] NetError),
}

/// The resolver that asks name servers.
#[derive(Clone)]
pub struct Hickory {
    resolver: TokioResolver,
    deadline: Duration,
}

impl Hickory {
    /// Sets the resolver up; asks nothing yet. To be called within a runtime.
    ///
    /// # Errors
    /// When there is no name server to ask.
    pub fn new(settings: &Settings) -> Result<Self, SetupError> {
        let provider = TokioRuntimeProvider::default();
        let mut builder = match &settings.servers {
            NameServers::System => TokioResolver::builder(provider).map_err(SetupError::System)?,
            NameServers::Fixed(servers) if servers.is_empty() => return Err(SetupError::NoServers),
            NameServers::Fixed(servers) => {
                let servers = servers.iter().copied().map(name_server).collect();
                let config = ResolverConfig::from_name_servers(servers);
                TokioResolver::builder_with_config(config, provider)
            }
        };
        set_options(builder.options_mut(), settings);
        let resolver = builder.build().map_err(SetupError::Build)?;
        // hickory bounds each request; this bounds them together.
        let deadline = settings.timeout * (settings.attempts as u32 + 1) * 2;
        Ok(Self { resolver, deadline })
    }

    /// All answers of one type; none where the name exists without any.
    async fn lookup(&self, name: &Domain, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        let temporary = |reason: String| DnsError::Temporary {
            name: name.clone(),
            reason,
        };
        // The final dot keeps search lists away.
        let absolute = Name::from_ascii(format!("{name}."))
            .map_err(|_| DnsError::NoSuchName { name: name.clone() })?;
        let asked = self.resolver.lookup(absolute, kind);
        match tokio::time::timeout(self.deadline, asked).await {
            Err(_) => Err(temporary("no name server answered in time".into())),
            Ok(Ok(lookup)) => Ok(data(&lookup)),
            Ok(Err(error)) if error.is_nx_domain() => {
                Err(DnsError::NoSuchName { name: name.clone() })
            }
            Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
            Ok(Err(error)) => Err(temporary(error.to_string())),
        }
    }
}

#[async_trait]
impl Resolver for Hickory {
    async fn mx(&self, domain: &Domain) -> Result<MailHosts, DnsError> {
        let records = self.lookup(domain, RecordType::MX).await?;
        let mut mx = records.iter().filter_map(as_mx).peekable();
        if mx.peek().is_none() {
            return Ok(MailHosts::Implicit);
        }
        Ok(MailHosts::from_records(mx.flatten()))
    }

    async fn addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, DnsError> {
        if let Some(address) = host.literal() {
            return Ok(vec![address]);
        }
        let (v4, v6) = tokio::join!(
            self.lookup(host, RecordType::A),
            self.lookup(host, RecordType::AAAA),
        );
        let found: Vec<_> = [&v4, &v6]
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(as_address)
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let none = DnsError::NoRecords { name: host.clone() };
        match (v4, v6) {
            (Ok(_), Ok(_)) => Err(none),
            // A "perhaps later" outweighs a "no": the other family may hold the answer.
            (Err(error), _) | (_, Err(error)) if error.is_temporary() => Err(error),
            (Err(error), Err(_)) => Err(error),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => Err(none),
        }
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn set_options(options: &mut ResolverOpts, settings: &Settings) {
    options.timeout = settings.timeout;
    options.attempts = settings.attempts;
    options.cache_size = settings.cache;
    options.use_hosts_file = ResolveHosts::Never;
    options.positive_max_ttl = Some(MAX_POSITIVE_TTL);
    options.negative_max_ttl = Some(MAX_NEGATIVE_TTL);
}

fn data(lookup: &Lookup) -> Vec<RData> {
    lookup
        .answers()
        .iter()
        .map(|record| record.data.clone())
        .collect()
}

/// Preference and host of an MX record; inside, nothing where its host is no
/// host name and so cannot be reached.
fn as_mx(data: &RData) -> Option<Option<(u16, Option<Domain>)>> {
    let RData::MX(mx) = data else { return None };
    if mx.exchange.is_root() {
        return Some(Some((mx.preference, None)));
    }
    let exchange = mx.exchange.to_ascii();
    let host = exchange.trim_end_matches('.').parse().ok();
    Some(host.map(|host| (mx.preference, Some(host))))
}

fn as_address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}
