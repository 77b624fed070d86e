//! A name server on loopback that answers from a [`Zone`]: for system tests,
//! whose servers run as processes of their own.
//!
//! UDP only, one question per message, no recursion beyond the zone. Nothing
//! in production starts it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hickory_resolver::proto::op::{Message, Metadata, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX};
use hickory_resolver::proto::rr::{Name, RData, Record as WireRecord, RecordType};
use message::Domain;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::zone::{Found, Record, Zone};

/// The longest query read, in octets; longer ones are cut and fail to parse.
const MAX_QUERY: usize = 4096;

/// A running name server; it stops when dropped.
#[derive(Debug)]
pub struct ZoneServer {
    address: SocketAddr,
    queries: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl ZoneServer {
    /// Answers from `zone` on a free port of 127.0.0.1, with `ttl` seconds of
    /// validity on each record.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(zone: Zone, ttl: u32) -> io::Result<Self> {
        Self::bind(zone, ttl, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// As [`ZoneServer::start`], on a given address.
    ///
    /// # Errors
    /// When `address` cannot be bound.
    pub async fn bind(zone: Zone, ttl: u32, address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        let queries = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(serve(socket, zone, ttl, Arc::clone(&queries)));
        Ok(Self {
            address,
            queries,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many queries came so far.
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }
}

impl Drop for ZoneServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, zone: Zone, ttl: u32, queries: Arc<AtomicU64>) {
    let mut buffer = vec![0; MAX_QUERY];
    loop {
        let (length, client) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "receiving a DNS query");
                continue;
            }
        };
        queries.fetch_add(1, Ordering::Relaxed);
        let Some(reply) = answer(&zone, ttl, &buffer[..length]) else {
            continue;
        };
        if let Err(error) = socket.send_to(&reply, client).await {
            tracing::warn!(%error, "sending a DNS reply");
        }
    }
}

/// The reply to `query`; none where it is no query or the zone keeps silent.
fn answer(zone: &Zone, ttl: u32, query: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?.clone();
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata = Metadata::response_from_request(&query.metadata);
    reply.metadata.recursion_available = true;
    let name: Option<Domain> = question
        .name()
        .to_ascii()
        .trim_end_matches('.')
        .parse()
        .ok();
    match name
        .as_ref()
        .map_or(Found::NoSuchName, |name| zone.find(name))
    {
        Found::Records {
            aliases,
            name,
            records,
        } => {
            for (owner, target) in aliases {
                let data = RData::CNAME(CNAME(wire_name(target)?));
                reply.add_answer(WireRecord::from_rdata(wire_name(owner)?, ttl, data));
            }
            for data in records
                .iter()
                .filter_map(|record| data(record, question.query_type()))
            {
                reply.add_answer(WireRecord::from_rdata(wire_name(&name)?, ttl, data));
            }
        }
        Found::NoSuchName => reply.metadata.response_code = ResponseCode::NXDomain,
        Found::ServerFailure => reply.metadata.response_code = ResponseCode::ServFail,
        Found::Silence => return None,
    }
    reply.add_query(question);
    reply.to_vec().ok()
}

/// The wire form of `record`, where it is of the type asked for.
fn data(record: &Record, wanted: RecordType) -> Option<RData> {
    let data = match record {
        Record::Mx(preference, None) => RData::MX(MX::new(*preference, Name::root())),
        Record::Mx(preference, Some(host)) => RData::MX(MX::new(*preference, wire_name(host)?)),
        Record::Address(IpAddr::V4(address)) => RData::A(A(*address)),
        Record::Address(IpAddr::V6(address)) => RData::AAAA(AAAA(*address)),
        Record::Alias(_) | Record::Text | Record::ServerFailure | Record::Silence => return None,
    };
    (data.record_type() == wanted).then_some(data)
}

fn wire_name(domain: &Domain) -> Option<Name> {
    Name::from_ascii(format!("{domain}.")).ok()
}
