//! A fixed zone: DNS as a few lines of text.
//!
//! ```text
//! example.org      MX     10 mx1.example.org
//! mx1.example.org  A      127.0.0.1
//! mx1.example.org  AAAA   ::1
//! www.example.org  CNAME  example.org
//! nomail.example   MX     0 .
//! web.example      TXT    exists, but takes no mail
//! broken.example   SERVFAIL
//! silent.example   TIMEOUT
//! ```
//!
//! Empty lines and what follows a `#` are ignored. A name exists when it, or a
//! name below it, has a line.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use async_trait::async_trait;
use message::Domain;

use crate::{DnsError, MailHosts, Resolver};

/// The longest chain of CNAMEs followed.
const MAX_ALIASES: usize = 8;

/// Records that never change. See the module's text for how they are written.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    records: BTreeMap<Domain, Vec<Record>>,
}

/// A line that is not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the zone: expected NAME, TYPE (MX, A, AAAA, CNAME, TXT, SERVFAIL, TIMEOUT) and its data"
)]
pub struct ZoneError {
    line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// Preference and host; no host stands for the root name.
    Mx(u16, Option<Domain>),
    Address(IpAddr),
    Alias(Domain),
    Text,
    ServerFailure,
    Silence,
}

/// What the zone says about a name once aliases are followed.
pub(crate) enum Found<'a> {
    /// The records of the last name, and the aliases on the way to it.
    Records {
        aliases: Vec<(&'a Domain, &'a Domain)>,
        name: Domain,
        records: &'a [Record],
    },
    NoSuchName,
    ServerFailure,
    Silence,
}

impl Zone {
    pub(crate) fn find<'a>(&'a self, name: &Domain) -> Found<'a> {
        let mut aliases = Vec::new();
        let mut name = name.clone();
        loop {
            let Some((owner, records)) = self.records.get_key_value(&name) else {
                return match self.has_below(&name) {
                    true => Found::Records {
                        aliases,
                        name,
                        records: &[],
                    },
                    false => Found::NoSuchName,
                };
            };
            if records.contains(&Record::Silence) {
                return Found::Silence;
            }
            let alias = records.iter().find_map(|record| match record {
                Record::Alias(target) => Some(target),
                Record::Mx(..) | Record::Address(_) | Record::Text => None,
                Record::ServerFailure | Record::Silence => None,
            });
            match alias {
                Some(_) if aliases.len() == MAX_ALIASES => return Found::ServerFailure,
                Some(target) => {
                    aliases.push((owner, target));
                    name = target.clone();
                }
                None if records.contains(&Record::ServerFailure) => return Found::ServerFailure,
                None => {
                    return Found::Records {
                        aliases,
                        name,
                        records,
                    };
                }
            }
        }
    }

    fn has_below(&self, name: &Domain) -> bool {
        let suffix = format!(".{name}");
        self.records
            .keys()
            .any(|owner| owner.as_str().ends_with(&suffix))
    }

    fn records(&self, name: &Domain) -> Result<&[Record], DnsError> {
        let temporary = |reason: &str| DnsError::Temporary {
            name: name.clone(),
            reason: reason.into(),
        };
        match self.find(name) {
            Found::Records { records, .. } => Ok(records),
            Found::NoSuchName => Err(DnsError::NoSuchName { name: name.clone() }),
            Found::ServerFailure => Err(temporary("the name server failed")),
            Found::Silence => Err(temporary("no name server answered in time")),
        }
    }
}

#[async_trait]
impl Resolver for Zone {
    async fn mx(&self, domain: &Domain) -> Result<MailHosts, DnsError> {
        let records = self.records(domain)?;
        let mut mx = records.iter().filter_map(as_mx).peekable();
        if mx.peek().is_none() {
            return Ok(MailHosts::Implicit);
        }
        Ok(MailHosts::from_records(mx))
    }

    async fn addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, DnsError> {
        if let Some(address) = host.literal() {
            return Ok(vec![address]);
        }
        let mut found: Vec<_> = self.records(host)?.iter().filter_map(as_address).collect();
        found.sort_by_key(IpAddr::is_ipv6);
        match found.is_empty() {
            true => Err(DnsError::NoRecords { name: host.clone() }),
            false => Ok(found),
        }
    }
}

fn as_mx(record: &Record) -> Option<(u16, Option<Domain>)> {
    match record {
        Record::Mx(preference, host) => Some((*preference, host.clone())),
        Record::Address(_) | Record::Alias(_) | Record::Text => None,
        Record::ServerFailure | Record::Silence => None,
    }
}

fn as_address(record: &Record) -> Option<IpAddr> {
    match record {
        Record::Address(address) => Some(*address),
        Record::Mx(..) | Record::Alias(_) | Record::Text => None,
        Record::ServerFailure | Record::Silence => None,
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let mut zone = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (name, record) = parse_line(line).ok_or(ZoneError { line: index + 1 })?;
            zone.records.entry(name).or_default().push(record);
        }
        Ok(zone)
    }
}

fn parse_line(line: &str) -> Option<(Domain, Record)> {
    let mut words = line.split_whitespace();
    let name = name(words.next()?)?;
    let record = match (words.next()?, words.next(), words.next()) {
        ("MX", Some(preference), Some(".")) => Record::Mx(preference.parse().ok()?, None),
        ("MX", Some(preference), Some(host)) => {
            Record::Mx(preference.parse().ok()?, Some(self::name(host)?))
        }
        ("A", Some(address), None) => Record::Address(IpAddr::V4(address.parse().ok()?)),
        ("AAAA", Some(address), None) => Record::Address(IpAddr::V6(address.parse().ok()?)),
        ("CNAME", Some(target), None) => Record::Alias(self::name(target)?),
        ("TXT", ..) => return Some((name, Record::Text)),
        ("SERVFAIL", None, None) => Record::ServerFailure,
        ("TIMEOUT", None, None) => Record::Silence,
        _ => return None,
    };
    words.next().is_none().then_some((name, record))
}

/// A name as zones write it, the root's dot at its end optional.
fn name(text: &str) -> Option<Domain> {
    text.strip_suffix('.').unwrap_or(text).parse().ok()
}
