//! The header by which a trusted proxy says who the client is, in front of the
//! client's octets. Who is trusted is the listener's to know.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use smtp::proxy::ProxyHeader;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a proxy may take for its header, which it sends at once.
const HEADER: Duration = Duration::from_secs(10);

/// Takes the header, and not an octet more: which client it tells of, if any.
/// The proxy may take as long as the client for a command, but no longer than
/// [`HEADER`].
pub(crate) async fn client(
    socket: &mut TcpStream,
    command_timeout: Duration,
) -> io::Result<Option<SocketAddr>> {
    match timeout(HEADER.min(command_timeout), header(socket)).await?? {
        ProxyHeader::Client(client) => Ok(Some(client)),
        ProxyHeader::Local => Ok(None),
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
