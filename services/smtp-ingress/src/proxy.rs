//! Connections by way of trusted proxies, which say in front of a client's
//! octets who the client is.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use config::Network;
use smtp::proxy::ProxyHeader;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a proxy may take for its header, which it sends at once.
const HEADER: Duration = Duration::from_secs(10);

/// The proxies that are believed.
#[derive(Debug)]
pub(crate) struct Proxies {
    networks: Vec<Network>,
    timeout: Duration,
}

impl Proxies {
    pub(crate) fn new(smtp: &config::Smtp) -> Self {
        Self {
            networks: smtp.proxy_from.clone(),
            timeout: HEADER.min(smtp.command_timeout.duration()),
        }
    }

    /// Whether connections from there begin with a header.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(address))
    }

    /// Takes the header, and not an octet more: which client it tells of, if any.
    pub(crate) async fn client(&self, socket: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
        match timeout(self.timeout, header(socket)).await?? {
            ProxyHeader::Client(client) => Ok(Some(client)),
            ProxyHeader::Local => Ok(None),
        }
    }
}

async fn header(socket: &mut TcpStream) -> io::Result<ProxyHeader> {
    let mut octets = vec![0; ProxyHeader::MAX];
    let mut taken = 0;
    loop {
        let seen = socket.peek(&mut octets[taken..]).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let parsed = ProxyHeader::parse(&octets[..taken + seen])
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let end = parsed.map_or(taken + seen, |(_, length)| length);
        socket.read_exact(&mut octets[taken..end]).await?;
        if let Some((header, _)) = parsed {
            return Ok(header);
        }
        taken = end;
    }
}
