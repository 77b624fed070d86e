//! TCP ports that nobody else takes while a server is down.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// Below the ports that the system gives to outgoing connections, so that none
/// of them takes the port of a server that is about to be started again.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A TCP port of loopback that was free, and that no other test reserves.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// The UDP port of the same number: what marks the reservation for tests in
    /// other processes, and ends with this one.
    _mark: UdpSocket,
}

impl Port {
    /// Reserves a port.
    ///
    /// # Errors
    /// When none is free.
    pub fn reserve() -> io::Result<Self> {
        let mut fresh = [0; 2];
        getrandom::fill(&mut fresh).map_err(io::Error::other)?;
        let span = RANGE.end - RANGE.start;
        let first = u16::from_be_bytes(fresh) % span;
        let mut numbers = (0..span).map(|step| RANGE.start + (first + step) % span);
        numbers
            .find_map(Self::claim)
            .ok_or_else(|| io::Error::other("no free port"))
    }

    /// Where a server on this port listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }

    fn claim(number: u16) -> Option<Self> {
        let address = (Ipv4Addr::LOCALHOST, number);
        let mark = UdpSocket::bind(address).ok()?;
        TcpListener::bind(address).ok()?;
        Some(Self {
            number,
            _mark: mark,
        })
    }
}
