//! The listeners: they accept connections within limits, and drain on shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use message::Clock;
use telemetry::Metrics;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{Admission, Place};
use crate::{Error, Tls, proxy};

/// How long running work may go on after the shutdown began.
const GRACE: Duration = Duration::from_secs(5);

/// How a service receives those who come in by a door.
#[async_trait]
pub trait Reception: Send + Sync + 'static {
    /// The door's name in metrics.
    fn name(&self) -> &'static str;

    /// What is said to those there is no place for; nothing where TLS comes
    /// first.
    fn sorry(&self) -> Vec<u8>;

    /// Serves a connection to its end. Told to shut down, it ends idle ones at
    /// once; what it does then has a grace period.
    async fn serve(self: Arc<Self>, arrival: Arrival) -> io::Result<()>;
}

/// A connection that has a place, and whose client is known.
pub struct Arrival {
    /// The connection.
    pub socket: TcpStream,
    /// Who is at its other end.
    pub client: SocketAddr,
    /// Cancelled when the service is to stop.
    pub shutdown: CancellationToken,
}

/// A port that is listened on.
pub struct Door {
    socket: TcpListener,
    configured: config::Listener,
    reception: Arc<dyn Reception>,
}

impl Door {
    /// Listens on the configured addresses, `purpose` being the protocol.
    ///
    /// # Errors
    /// When one of them cannot be had.
    pub async fn open(
        purpose: &'static str,
        listeners: &[config::Listener],
        reception: &Arc<dyn Reception>,
    ) -> Result<Vec<Self>, Error> {
        let mut doors = Vec::new();
        for configured in listeners {
            let address = configured.address;
            let socket = TcpListener::bind(address).await;
            let socket = socket.map_err(|cause| Error::Listen {
                purpose,
                address,
                cause,
            })?;
            doors.push(Self {
                socket,
                configured: configured.clone(),
                reception: Arc::clone(reception),
            });
        }
        Ok(doors)
    }

    /// The address bound.
    pub fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }
}

/// The doors of a service.
pub struct Doors {
    /// All of them.
    pub doors: Vec<Door>,
    /// The most connections at a time, over all doors.
    pub max_connections: usize,
    /// The most from one address.
    pub max_per_address: usize,
    /// How long a proxy may take to say who comes.
    pub header_timeout: Duration,
    /// What certificates are renewed.
    pub tls: Option<Tls>,
    /// Where connections are counted.
    pub metrics: Metrics,
    /// Paces the renewal of certificates.
    pub clock: Arc<dyn Clock>,
}

impl Doors {
    /// Lets clients in until `shutdown`; then waits for those who have something
    /// to finish, for a while. `open` is called once all doors are.
    pub async fn serve(self, shutdown: CancellationToken, open: impl FnOnce()) {
        let sessions = TaskTracker::new();
        let abort = CancellationToken::new();
        let admission = Admission::new(self.max_connections, self.max_per_address);
        let mut listening = JoinSet::new();
        for door in self.doors {
            if let Some(address) = door.address() {
                tracing::info!(%address, port = door.reception.name(), "listening");
            }
            let accepting = Accepting {
                door,
                admission: Arc::clone(&admission),
                header_timeout: self.header_timeout,
                metrics: self.metrics.clone(),
                sessions: sessions.clone(),
                shutdown: shutdown.clone(),
                abort: abort.clone(),
            };
            listening.spawn(accepting.accept());
        }
        if let Some(tls) = &self.tls {
            let watching = tls.watch(self.clock);
            let shutdown = shutdown.clone();
            listening.spawn(async move {
                shutdown.run_until_cancelled(watching).await;
            });
        }
        open();
        while listening.join_next().await.is_some() {}
        sessions.close();
        if tokio::time::timeout(GRACE, sessions.wait()).await.is_err() {
            tracing::warn!(sessions = sessions.len(), "ending what does not end");
            abort.cancel();
            sessions.wait().await;
        }
    }
}

struct Accepting {
    door: Door,
    admission: Arc<Admission>,
    header_timeout: Duration,
    metrics: Metrics,
    sessions: TaskTracker,
    shutdown: CancellationToken,
    /// Ends sessions that outlast the grace period.
    abort: CancellationToken,
}

impl Accepting {
    async fn accept(self) {
        loop {
            let accepted = tokio::select! {
                () = self.shutdown.cancelled() => return,
                accepted = self.door.socket.accept() => accepted,
            };
            match accepted {
                Ok(connection) => self.begin(connection),
                Err(error) => self.recover(&error).await,
            }
        }
    }

    /// Gives a connection a task of its own, if there is a place for it.
    fn begin(&self, (socket, peer): (TcpStream, SocketAddr)) {
        let proxied = self.door.configured.trusts(peer.ip());
        let place = match proxied {
            true => self.admission.admit_anybody(),
            false => self.admission.admit(peer.ip()),
        };
        let reception = Arc::clone(&self.door.reception);
        let Some(place) = place else {
            return turn_away(reception.as_ref(), &socket, peer);
        };
        let counted = self.metrics.connected(reception.name());
        let opening = Opening {
            reception,
            header_timeout: proxied.then_some(self.header_timeout),
            place,
            shutdown: self.shutdown.clone(),
        };
        let session = async move {
            let _counted = counted;
            if let Err(error) = opening.serve(socket, peer).await {
                tracing::debug!(client = %peer, %error, "no session began");
            }
        };
        let abort = self.abort.clone();
        self.sessions.spawn(async move {
            abort.run_until_cancelled(session).await;
        });
    }

    /// An accept that fails for want of file descriptors would fail again at
    /// once; sessions that end free some.
    async fn recover(&self, error: &io::Error) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
}

/// A connection that has a place.
struct Opening {
    reception: Arc<dyn Reception>,
    /// Set where it comes from a proxy that this listener trusts.
    header_timeout: Option<Duration>,
    place: Place,
    shutdown: CancellationToken,
}

impl Opening {
    /// Learns who the client is where a proxy tells, and serves it.
    async fn serve(mut self, mut socket: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let mut client = peer;
        if let Some(timeout) = self.header_timeout
            && let Some(told) = proxy::client(&mut socket, timeout).await?
        {
            client = told;
            if !self.place.assign(client.ip()) {
                turn_away(self.reception.as_ref(), &socket, client);
                return Ok(());
            }
        }
        let arrival = Arrival {
            socket,
            client,
            shutdown: self.shutdown,
        };
        self.reception.serve(arrival).await
    }
}

/// Says why, if that takes no waiting, and hangs up.
fn turn_away(reception: &dyn Reception, socket: &TcpStream, client: SocketAddr) {
    tracing::debug!(%client, "too many connections");
    // A client that cannot even take this much learns it by the end.
    let _ = socket.try_write(&reception.sorry());
}
