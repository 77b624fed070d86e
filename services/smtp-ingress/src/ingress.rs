//! The ports of mail on its way in, and what stands behind them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use config::Config;
use perimeter::{Arrival, Door, Doors, LoginPorts, Logins, Reception, Tls};
use smtp::server::{Role, SessionConfig};
use station::{Readiness, State};
use tokio_util::sync::CancellationToken;

use crate::allowance::Allowance;
use crate::connection::{Connection, Service};
use crate::intake::Completion;
use crate::recipient::Recipients;
use crate::sender::Senders;
use crate::{Error, Ports, replies};

/// The ports, bound and not yet served.
pub struct Ingress {
    doors: Doors,
    readiness: Readiness,
}

/// How clients are received at one kind of port.
struct Port {
    kind: Kind,
    session: Arc<SessionConfig>,
    service: Arc<Service>,
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
        let station = ports.station.clone();
        let service = Arc::new(service(config, ports, tls.clone())?);
        let mut doors = Vec::new();
        for (kind, group) in [
            (Kind::Mx, &smtp.mx),
            (Kind::Submission, &smtp.submission),
            (Kind::Submissions, &smtp.submissions),
        ] {
            let reception: Arc<dyn Reception> = Arc::new(Port {
                kind,
                session: Arc::new(session_config(config, kind.role(), tls.is_some())),
                service: Arc::clone(&service),
            });
            doors.extend(Door::open("SMTP", group, &reception).await?);
        }
        let doors = Doors {
            doors,
            max_connections: smtp.max_connections,
            max_per_address: smtp.max_connections_per_address,
            header_timeout: smtp.command_timeout.duration(),
            tls,
            metrics: station.metrics().clone(),
            clock: Arc::clone(station.clock()),
        };
        Ok(Self { doors, readiness })
    }

    /// The addresses bound, in the order of the configuration: MX, submission,
    /// submission under TLS.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.doors.iter().filter_map(Door::address).collect()
    }

    /// Serves clients until `shutdown`. Idle sessions end at once then, running
    /// transactions within a grace period.
    pub async fn serve(self, shutdown: CancellationToken) {
        let Self { doors, readiness } = self;
        let stopping = async {
            shutdown.cancelled().await;
            readiness.set(State::Stopping);
        };
        let serving = doors.serve(shutdown.clone(), || readiness.set(State::Ready));
        tokio::join!(serving, stopping);
    }
}

#[async_trait]
impl Reception for Port {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Mx => "mx",
            Kind::Submission => "submission",
            Kind::Submissions => "submissions",
        }
    }

    fn sorry(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        if self.kind != Kind::Submissions {
            replies::too_many_connections().encode(&mut wire);
        }
        wire
    }

    async fn serve(self: Arc<Self>, arrival: Arrival) -> io::Result<()> {
        let (service, session) = (Arc::clone(&self.service), Arc::clone(&self.session));
        let implicit_tls = self.kind == Kind::Submissions;
        let opening = Connection::open(service, session, implicit_tls, arrival);
        opening.await?.serve().await;
        Ok(())
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
    let login_ports = LoginPorts {
        directory: Arc::clone(directory),
        failures: Arc::clone(&ports.logins),
        clock: Arc::clone(clock),
        random: Arc::clone(&ports.random),
    };
    Ok(Service {
        logins: Logins::new(smtp, login_ports),
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
