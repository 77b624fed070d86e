//! The listeners: they accept connections within limits, and drain on shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::Config;
use smtp::server::{Role, SessionConfig};
use station::{Readiness, State};
use telemetry::Metrics;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{Admission, Place};
use crate::allowance::Allowance;
use crate::connection::{Connection, Service};
use crate::failures::{Failures, Limits};
use crate::intake::Completion;
use crate::login::Logins;
use crate::recipient::Recipients;
use crate::sender::Senders;
use crate::tls::Tls;
use crate::{Error, Ports, proxy, replies};

/// How long running transactions may go on after the shutdown began.
const GRACE: Duration = Duration::from_secs(5);

/// The ports, bound and not yet served.
pub struct Ingress {
    service: Arc<Service>,
    admission: Arc<Admission>,
    listeners: Vec<Listener>,
    readiness: Readiness,
}

struct Listener {
    socket: TcpListener,
    configured: config::Listener,
    kind: Kind,
    session: Arc<SessionConfig>,
}

/// The three kinds of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mx,
    Submission,
    Submissions,
}

impl Kind {
    fn role(self) -> Role {
        match self {
            Self::Mx => Role::Mx,
            Self::Submission | Self::Submissions => Role::Submission,
        }
    }

    /// Its name in metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Mx => "mx",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
        }
    }
}

impl Ingress {
    /// Binds the configured ports.
    ///
    /// # Errors
    /// When a port, the certificate or a secret cannot be had.
    pub async fn bind(config: &Config, ports: Ports) -> Result<Self, Error> {
        let tls = Tls::load(&config.tls)?;
        let smtp = &config.smtp;
        if tls.is_none() && !(smtp.submission.is_empty() && smtp.submissions.is_empty()) {
            return Err(Error::NoCertificate);
        }
        let readiness = ports.station.health().register("smtp-ingress");
        let mut listeners = Vec::new();
        for (kind, group) in [
            (Kind::Mx, &smtp.mx),
            (Kind::Submission, &smtp.submission),
            (Kind::Submissions, &smtp.submissions),
        ] {
            let session = Arc::new(session_config(config, kind.role(), tls.is_some()));
            for configured in group {
                let address = configured.address;
                let socket = TcpListener::bind(address).await;
                let socket = socket.map_err(|cause| Error::Listen { address, cause })?;
                listeners.push(Listener {
                    socket,
                    configured: configured.clone(),
                    kind,
                    session: Arc::clone(&session),
                });
            }
        }
        Ok(Self {
            admission: Admission::new(smtp.max_connections, smtp.max_connections_per_address),
            service: Arc::new(service(config, ports, tls)?),
            listeners,
            readiness,
        })
    }

    /// The addresses bound, in the order of the configuration: MX, submission,
    /// submission under TLS.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.socket.local_addr().ok())
            .collect()
    }

    /// Serves clients until `shutdown`. Idle sessions end at once then, running
    /// transactions within a grace period.
    pub async fn serve(self, shutdown: CancellationToken) {
        let sessions = TaskTracker::new();
        let abort = CancellationToken::new();
        let mut listening = JoinSet::new();
        for listener in self.listeners {
            let _ = listener.socket.local_addr().map(|address| {
                tracing::info!(%address, port = listener.kind.name(), "listening for SMTP");
            });
            listening.spawn(accept(Accepting {
                listener,
                service: Arc::clone(&self.service),
                admission: Arc::clone(&self.admission),
                sessions: sessions.clone(),
                shutdown: shutdown.clone(),
                abort: abort.clone(),
            }));
        }
        if let Some(tls) = &self.service.tls {
            let clock = Arc::clone(self.service.ports.station.clock());
            let watching = Arc::clone(&tls.identity).watch(clock);
            let shutdown = shutdown.clone();
            listening.spawn(async move {
                shutdown.run_until_cancelled(watching).await;
            });
        }
        self.readiness.set(State::Ready);
        while listening.join_next().await.is_some() {}
        self.readiness.set(State::Stopping);
        sessions.close();
        if tokio::time::timeout(GRACE, sessions.wait()).await.is_err() {
            tracing::warn!(
                sessions = sessions.len(),
                "ending transactions that do not end"
            );
            abort.cancel();
            sessions.wait().await;
        }
    }
}

fn session_config(config: &Config, role: Role, starttls: bool) -> SessionConfig {
    SessionConfig {
        hostname: config.server.hostname.clone(),
        role,
        starttls,
        size_limit: config.smtp.max_size.octets(),
        max_recipients: config.smtp.max_recipients,
        max_errors: config.smtp.max_errors,
        max_hops: config.smtp.max_hops,
    }
}

fn service(config: &Config, ports: Ports, tls: Option<Tls>) -> Result<Service, Error> {
    let smtp = &config.smtp;
    let directory = &ports.directory;
    let clock = ports.station.clock();
    Ok(Service {
        logins: Logins::new(
            Arc::clone(directory),
            Failures::new(login_limits(smtp), Arc::clone(clock)),
            smtp.auth_failure_delay.duration(),
        ),
        recipients: Recipients {
            directory: Arc::clone(directory),
            mailboxes: Arc::clone(&ports.mailboxes),
            rewriter: config.rewriter()?,
            clock: Arc::clone(clock),
        },
        allowance: Allowance::new(config.submission.clone(), Arc::clone(clock)),
        completion: Completion {
            hostname: config.server.hostname.clone(),
            senders: Senders(Arc::clone(directory)),
            clock: Arc::clone(clock),
        },
        command_timeout: smtp.command_timeout.duration(),
        data_timeout: smtp.data_timeout.duration(),
        addresses: config.telemetry.addresses,
        tls,
        ports,
    })
}

fn login_limits(smtp: &config::Smtp) -> Limits {
    Limits {
        per_client: smtp.max_auth_failures_per_address,
        per_account: smtp.max_auth_failures_per_account,
        window: smtp.auth_failure_window.duration(),
    }
}

struct Accepting {
    listener: Listener,
    service: Arc<Service>,
    admission: Arc<Admission>,
    sessions: TaskTracker,
    shutdown: CancellationToken,
    /// Ends sessions that outlast the grace period.
    abort: CancellationToken,
}

async fn accept(accepting: Accepting) {
    loop {
        let accepted = tokio::select! {
            () = accepting.shutdown.cancelled() => return,
            accepted = accepting.listener.socket.accept() => accepted,
        };
        match accepted {
            Ok(connection) => accepting.begin(connection),
            Err(error) => accepting.recover(&error).await,
        }
    }
}

impl Accepting {
    /// Gives a connection a task of its own, if there is a place for it.
    fn begin(&self, (socket, peer): (TcpStream, SocketAddr)) {
        let proxied = self.listener.configured.trusts(peer.ip());
        let place = match proxied {
            true => self.admission.admit_anybody(),
            false => self.admission.admit(peer.ip()),
        };
        let Some(place) = place else {
            return turn_away(self.listener.kind, &socket, peer);
        };
        let metrics: &Metrics = self.service.ports.station.metrics();
        let opening = Opening {
            service: Arc::clone(&self.service),
            session: Arc::clone(&self.listener.session),
            kind: self.listener.kind,
            proxied,
            shutdown: self.shutdown.clone(),
            place,
        };
        let counted = metrics.connected(self.listener.kind.name());
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
    service: Arc<Service>,
    session: Arc<SessionConfig>,
    kind: Kind,
    /// Whether it comes from a proxy that this listener trusts.
    proxied: bool,
    shutdown: CancellationToken,
    place: Place,
}

impl Opening {
    /// Learns who the client is where a proxy tells, and serves it.
    async fn serve(mut self, mut socket: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let mut client = peer;
        if self.proxied
            && let Some(told) = proxy::client(&mut socket, self.service.command_timeout).await?
        {
            client = told;
            if !self.place.assign(client.ip()) {
                turn_away(self.kind, &socket, client);
                return Ok(());
            }
        }
        let implicit_tls = self.kind == Kind::Submissions;
        let Self {
            service,
            session,
            shutdown,
            ..
        } = self;
        let opening = Connection::open(service, session, implicit_tls, (socket, client), shutdown);
        opening.await?.serve().await;
        Ok(())
    }
}

/// Says why, if that takes no waiting, and hangs up.
fn turn_away(kind: Kind, socket: &TcpStream, client: SocketAddr) {
    tracing::debug!(%client, "too many connections");
    if kind != Kind::Submissions {
        let mut wire = Vec::new();
        replies::too_many_connections().encode(&mut wire);
        // A client that cannot even take this much learns it by the end.
        let _ = socket.try_write(&wire);
    }
}
