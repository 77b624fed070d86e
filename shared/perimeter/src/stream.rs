//! The octets to and from a client, in clear or under TLS.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::tls::{self, Tls};

/// How long a client may take to close its side after ours.
const LINGER: Duration = Duration::from_secs(1);

/// A connection to a client.
pub enum Stream {
    /// Without encryption.
    Clear(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// A handshake took the socket and did not give it back.
    Gone,
}

impl Stream {
    /// Shakes hands. Cancelled or failed, the connection is of no further use.
    pub(crate) async fn secure(self, tls: &Tls) -> io::Result<Self> {
        match self {
            Self::Clear(socket) => Ok(Self::Tls(Box::new(tls.acceptor.accept(socket).await?))),
            Self::Tls(_) => Err(io::Error::other("TLS is active already")),
            Self::Gone => Err(gone()),
        }
    }

    /// Version and cipher suite, under TLS.
    pub fn tls(&self) -> Option<String> {
        match self {
            Self::Clear(_) | Self::Gone => None,
            Self::Tls(stream) => Some(tls::describe(stream.get_ref().1)),
        }
    }

    /// Reads what is there; 0 at the end. Cancel safe.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(octets).await,
            Self::Tls(stream) => stream.read(octets).await,
            Self::Gone => Err(gone()),
        }
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.write_all(octets).await,
            Self::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
            Self::Gone => Err(gone()),
        }
    }

    /// Says that nothing more comes, and waits a moment for the client to close
    /// as well: a socket dropped with octets unread takes our last reply along.
    pub async fn close(&mut self) {
        // Who does not hear the end in time is cut off all the same.
        let _ = timeout(LINGER, async {
            self.shut().await?;
            let mut unread = [0; 1024];
            while self.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        })
        .await;
    }

    async fn shut(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
            Self::Gone => Ok(()),
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
