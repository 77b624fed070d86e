//! How clients come in, whichever protocol they speak: by a port that begins in
//! clear and offers TLS, or by one that begins under TLS (RFC 8314).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use perimeter::{Arrival, Door, Doors, Reception, Tls};
use station::Station;

use crate::Error;

/// A protocol: what all its connections share.
#[async_trait]
pub(crate) trait Protocol: Send + Sync + 'static {
    /// Its name.
    const NAME: &'static str;
    /// The names of its two ports in metrics: in clear first, under TLS.
    const PORTS: [&'static str; 2];
    /// What those hear in clear whom there is no place for.
    const SORRY: &'static str;

    /// Serves a connection to its end.
    async fn serve(self: Arc<Self>, implicit_tls: bool, arrival: Arrival) -> io::Result<()>;
}

/// What the configuration says of a protocol's ports.
pub(crate) struct Entrance<'a> {
    pub(crate) starttls: &'a [config::Listener],
    pub(crate) tls: &'a [config::Listener],
    pub(crate) max_connections: usize,
    pub(crate) max_per_address: usize,
    /// How long a proxy may take to say who comes.
    pub(crate) header_timeout: Duration,
}

impl Entrance<'_> {
    /// Binds the ports.
    pub(crate) async fn open<P: Protocol>(
        self,
        protocol: P,
        tls: &Tls,
        station: &Station,
    ) -> Result<Doors, Error> {
        let protocol = Arc::new(protocol);
        let mut doors = Vec::new();
        for (listeners, implicit_tls) in [(self.starttls, false), (self.tls, true)] {
            let reception: Arc<dyn Reception> = Arc::new(Port {
                protocol: Arc::clone(&protocol),
                implicit_tls,
            });
            doors.extend(Door::open(P::NAME, listeners, &reception).await?);
        }
        Ok(Doors {
            doors,
            max_connections: self.max_connections,
            max_per_address: self.max_per_address,
            header_timeout: self.header_timeout,
            tls: Some(tls.clone()),
            metrics: station.metrics().clone(),
            clock: Arc::clone(station.clock()),
        })
    }
}

/// How clients are received at one kind of port.
struct Port<P> {
    protocol: Arc<P>,
    implicit_tls: bool,
}

#[async_trait]
impl<P: Protocol> Reception for Port<P> {
    fn name(&self) -> &'static str {
        P::PORTS[usize::from(self.implicit_tls)]
    }

    fn sorry(&self) -> Vec<u8> {
        match self.implicit_tls {
            true => Vec::new(),
            false => P::SORRY.into(),
        }
    }

    async fn serve(self: Arc<Self>, arrival: Arrival) -> io::Result<()> {
        let protocol = Arc::clone(&self.protocol);
        protocol.serve(self.implicit_tls, arrival).await
    }
}
