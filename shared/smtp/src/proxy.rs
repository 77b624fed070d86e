//! The PROXY protocol, versions 1 and 2: what a proxy says of the client in
//! front of the client's own octets
//! (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>).
//!
//! Whoever reads a header believes it, so it must come from trusted proxies
//! only. What breaks the syntax anywhere is refused, never guessed at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// What a proxy says of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// It comes from this client.
    Client(SocketAddr),
    /// It is the proxy's own, a health check say, or its client has no address.
    Local,
}

/// Why octets are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// They begin like none.
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    /// The line of version 1 is not what it must be.
    #[error("the PROXY line is malformed")]
    Line,
    /// A version after 2, or a command or transport other than those of streams.
    #[error("the PROXY header is of an unknown version, command or transport")]
    Unknown,
    /// The addresses of version 2 are missing or cut off.
    #[error("the PROXY header is too short for its addresses")]
    TooShort,
    /// Version 2 says that more follows than any proxy sends.
    #[error("the PROXY header is too long")]
    TooLong,
}

/// What a header of version 1 begins with.
const WORD: &[u8] = b"PROXY ";

/// The longest line of version 1, CRLF included.
const LINE_MAX: usize = 107;

/// What a header of version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, command, transport and length.
const FIXED: usize = SIGNATURE.len() + 4;

impl ProxyHeader {
    /// The longest header taken.
    pub const MAX: usize = 4096;

    /// Reads a header from the front of `octets` and says how long it is; none
    /// if more octets must come, all of which so far belong to the header.
    ///
    /// # Errors
    /// When the octets are no header, whatever follows.
    pub fn parse(octets: &[u8]) -> Result<Option<(Self, usize)>, ProxyError> {
        if begins_like(octets, SIGNATURE) {
            binary(octets)
        } else if begins_like(octets, WORD) {
            line(octets)
        } else {
            Err(ProxyError::NoHeader)
        }
    }
}

/// Whether the octets, however few, may begin with `front`.
fn begins_like(octets: &[u8], front: &[u8]) -> bool {
    octets.iter().zip(front).all(|(a, b)| a == b)
}

/// Version 1: `PROXY TCP4 source destination port port` CRLF.
fn line(octets: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyError> {
    let within = &octets[..octets.len().min(LINE_MAX)];
    let Some(end) = memchr::memchr(b'\n', within) else {
        return match within.len() {
            LINE_MAX => Err(ProxyError::Line),
            _ => Ok(None),
        };
    };
    let text = std::str::from_utf8(&octets[WORD.len()..=end]).map_err(|_| ProxyError::Line)?;
    let text = text.strip_suffix("\r\n").ok_or(ProxyError::Line)?;
    let header = words(text).ok_or(ProxyError::Line)?;
    Ok(Some((header, end + 1)))
}

fn words(text: &str) -> Option<ProxyHeader> {
    let mut words = text.split(' ');
    let transport = words.next()?;
    if transport == "UNKNOWN" {
        return Some(ProxyHeader::Local);
    }
    let (source, destination) = (words.next()?, words.next()?);
    let (source, _) = match transport {
        "TCP4" => (ip::<Ipv4Addr>(source)?, ip::<Ipv4Addr>(destination)?),
        "TCP6" => (ip::<Ipv6Addr>(source)?, ip::<Ipv6Addr>(destination)?),
        _ => return None,
    };
    let (port, _) = (port(words.next()?)?, port(words.next()?)?);
    let over = words.next().is_none();
    over.then_some(ProxyHeader::Client((source, port).into()))
}

fn ip<A: FromStr + Into<IpAddr>>(text: &str) -> Option<IpAddr> {
    text.parse::<A>().ok().map(Into::into)
}

fn port(text: &str) -> Option<u16> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    canonical.then(|| text.parse().ok()).flatten()
}

/// Version 2: addresses in octets, and more of which nothing is asked.
fn binary(octets: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyError> {
    let Some(fixed) = octets.get(SIGNATURE.len()..FIXED) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    let end = FIXED + length;
    if end > ProxyHeader::MAX {
        return Err(ProxyError::TooLong);
    }
    let read = match (fixed[0], fixed[1]) {
        // LOCAL; whatever it tells is to be ignored.
        (0x20, _) => |_: &[u8]| Some(ProxyHeader::Local),
        // PROXY, for a client of no family, or of a UNIX socket.
        (0x21, 0x00 | 0x31) => |_: &[u8]| Some(ProxyHeader::Local),
        (0x21, 0x11) => ipv4,
        (0x21, 0x21) => ipv6,
        _ => return Err(ProxyError::Unknown),
    };
    let Some(addresses) = octets.get(FIXED..end) else {
        return Ok(None);
    };
    let header = read(addresses).ok_or(ProxyError::TooShort)?;
    Ok(Some((header, end)))
}

/// Source, destination and their ports.
fn ipv4(octets: &[u8]) -> Option<ProxyHeader> {
    let octets: &[u8; 12] = octets.first_chunk()?;
    let address = Ipv4Addr::from(*octets.first_chunk()?);
    let port = u16::from_be_bytes([octets[8], octets[9]]);
    Some(ProxyHeader::Client((address, port).into()))
}

fn ipv6(octets: &[u8]) -> Option<ProxyHeader> {
    let octets: &[u8; 36] = octets.first_chunk()?;
    let address = Ipv6Addr::from(*octets.first_chunk()?);
    let port = u16::from_be_bytes([octets[32], octets[33]]);
    Some(ProxyHeader::Client((address, port).into()))
}

#[cfg(test)]
mod tests;
