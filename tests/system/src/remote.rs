//! The rest of the world: a mail server, and the name server that leads there.

use std::net::SocketAddr;

use anyhow::Result;
use dns::Zone;
use dns::server::ZoneServer;

use crate::sink::Sink;
use crate::wait::until;

/// For how many seconds an answer holds.
const TTL: u32 = 60;

/// Names as the world has them; every host is the sink.
const ZONE: &str = "
sink.test       MX   10 mx.sink.test
mx.sink.test    A    127.0.0.1
other.test      MX   10 mx.sink.test
nomail.test     MX   0 .
direct.test     A    127.0.0.1
broken.test     SERVFAIL
";

/// How the name server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// As the world is.
    Known,
    /// That it failed, whatever it is asked.
    Failing,
    /// Not at all.
    Silent,
}

impl Names {
    fn zone(self) -> Result<Zone> {
        let all = |record: &str| {
            let names = ZONE
                .lines()
                .filter_map(|line| line.split_whitespace().next());
            let lines: Vec<_> = names.map(|name| format!("{name} {record}")).collect();
            lines.join("\n")
        };
        let zone = match self {
            Self::Known => ZONE.to_owned(),
            Self::Failing => all("SERVFAIL"),
            Self::Silent => all("TIMEOUT"),
        };
        Ok(zone.parse()?)
    }
}

/// A sink that takes mail for `sink.test`, `other.test` and `direct.test`.
///
/// `nomail.test` has a null MX, `broken.test` no answer from its name servers,
/// and no other domain exists.
pub struct Remote {
    /// The mail server.
    pub sink: Sink,
    names: Option<ZoneServer>,
    name_server: SocketAddr,
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
    pub fn names(&self) -> SocketAddr {
        self.name_server
    }

    /// Lets the name server answer so from now on. What it said before stays
    /// true for a minute for whoever remembers it.
    ///
    /// # Errors
    /// When its port is lost.
    pub async fn answer(&mut self, names: Names) -> Result<()> {
        self.names = None;
        let zone = names.zone()?;
        let server = until("the name server's port is free", async || {
            Ok(ZoneServer::bind(zone.clone(), TTL, self.name_server)
                .await
                .ok())
        });
        self.names = Some(server.await?);
        Ok(())
    }

    async fn with(sink: Sink) -> Result<Self> {
        let names = ZoneServer::start(Names::Known.zone()?, TTL).await?;
        Ok(Self {
            sink,
            name_server: names.address(),
            names: Some(names),
        })
    }
}
