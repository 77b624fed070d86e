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

use crate::admission::Admission;
use crate::allowance::Allowance;
use crate::connection::{Connection, Service};
use crate::intake::Completion;
use crate::login::Logins;
use crate::recipient::Recipients;
use crate::sender::Senders;
use crate::{Error, Ports, replies, tls};

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
        let tls = tls::acceptor(&config.tls)?;
        let smtp = &config.smtp;
        if tls.is_none() && !(smtp.submission.is_empty() && smtp.submissions.is_empty()) {
            return Err(Error::NoCertificate);
        }
        let readiness = ports.station.health().register("smtp-ingress");
        let mut listeners = Vec::new();
        for (kind, addresses) in [
            (Kind::Mx, &smtp.mx),
            (Kind::Submission, &smtp.submission),
            (Kind::Submissions, &smtp.submissions),
        ] {
            let session = Arc::new(session_config(config, kind.role(), tls.is_some()));
            for &address in addresses {
                let socket = TcpListener::bind(address).await;
                let socket = socket.map_err(|cause| Error::Listen { address, cause })?;
                listeners.push(Listener {
                    socket,
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

fn service(
    config: &Config,
    ports: Ports,
    tls: Option<tokio_rustls::TlsAcceptor>,
) -> Result<Service, Error> {
    let smtp = &config.smtp;
    let directory = &ports.directory;
    let clock = ports.station.clock();
    Ok(Service {
        logins: Logins::new(Arc::clone(directory), smtp.auth_failure_delay.duration()),
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
    fn begin(&self, (socket, client): (TcpStream, SocketAddr)) {
        let Some(place) = self.admission.admit(client.ip()) else {
            self.turn_away(&socket, client);
            return;
        };
        let metrics: &Metrics = self.service.ports.station.metrics();
        let counted = metrics.connected(self.listener.kind.name());
        let opening = Connection::open(
            Arc::clone(&self.service),
            Arc::clone(&self.listener.session),
            self.listener.kind == Kind::Submissions,
            (socket, client),
            self.shutdown.clone(),
        );
        let session = async move {
            let _held = (place, counted);
            match opening.await {
                Ok(connection) => connection.serve().await,
                Err(error) => tracing::debug!(%client, %error, "no session began"),
            }
        };
        let abort = self.abort.clone();
        self.sessions.spawn(async move {
            abort.run_until_cancelled(session).await;
        });
    }

    /// Says why, if that takes no waiting, and hangs up.
    fn turn_away(&self, socket: &TcpStream, client: SocketAddr) {
        tracing::debug!(%client, "too many connections");
        if self.listener.kind != Kind::Submissions {
            let mut wire = Vec::new();
            replies::too_many_connections().encode(&mut wire);
            // A client that cannot even take this much learns it by the end.
            let _ = socket.try_write(&wire);
        }
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
