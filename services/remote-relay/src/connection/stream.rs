//! A socket, in clear or under TLS.

use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use message::Domain;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::tls::{Scrutiny, Tls};

/// The octets between us and a host.
pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// A handshake failed: neither of the two any more.
    Closed,
}

impl Stream {
    /// Connects, for at most `patience`.
    pub(super) async fn connect(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream =
            super::in_time(tokio::time::timeout(patience, TcpStream::connect(address)).await)?;
        // Commands are short and answered one by one: waiting to fill packets costs.
        stream.set_nodelay(true)?;
        Ok(Self::Clear(stream))
    }

    pub(super) fn tls_version(&self) -> Option<&'static str> {
        let Self::Tls(stream) = self else { return None };
        match stream.get_ref().1.protocol_version()? {
            rustls::ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            rustls::ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            _ => Some("TLS"),
        }
    }

    pub(super) async fn start_tls(
        &mut self,
        tls: &Tls,
        host: &Domain,
        scrutiny: Scrutiny,
    ) -> io::Result<()> {
        match std::mem::replace(self, Self::Closed) {
            Self::Clear(stream) => {
                *self = Self::Tls(Box::new(tls.connect(stream, host, scrutiny).await?));
                Ok(())
            }
            tls @ Self::Tls(_) => {
                *self = tls;
                Ok(())
            }
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) async fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(octets).await,
            Self::Tls(stream) => stream.read(octets).await,
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Whether there is nothing to be read: neither octets nor an end.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let mut octet = [0; 1];
        let mut read = std::pin::pin!(self.read(&mut octet));
        std::future::poll_fn(|context| Poll::Ready(read.as_mut().poll(context).is_pending())).await
    }

    /// Writes all of `octets`, and out of every buffer of ours.
    pub(super) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(octets).await,
            Self::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
