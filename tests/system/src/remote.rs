//! The rest of the world: a mail server, and the name server that leads there.

use anyhow::Result;
use dns::server::ZoneServer;

use crate::sink::Sink;

/// Names as the world has them; every host is the sink.
const ZONE: &str = "
sink.test       MX   10 mx.sink.test
mx.sink.test    A    127.0.0.1
other.test      MX   10 mx.sink.test
nomail.test     MX   0 .
direct.test     A    127.0.0.1
broken.test     SERVFAIL
";

/// A sink that takes mail for `sink.test`, `other.test` and `direct.test`.
///
/// `nomail.test` has a null MX, `broken.test` no answer from its name servers,
/// and no other domain exists.
pub struct Remote {
    /// The mail server.
    pub sink: Sink,
    names: ZoneServer,
}

impl Remote {
    /// Starts both servers.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub async fn start() -> Result<Self> {
        Self::with(Sink::start().await?).await
    }

    /// A world whose mail server does not answer yet.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub async fn silent() -> Result<Self> {
        Self::with(Sink::stopped()?).await
    }

    /// The address of the name server.
    pub fn names(&self) -> std::net::SocketAddr {
        self.names.address()
    }

    async fn with(sink: Sink) -> Result<Self> {
        let names = ZoneServer::start(ZONE.parse()?, 60).await?;
        Ok(Self { sink, names })
    }
}
