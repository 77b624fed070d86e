//! One connection: the octets of a client on one side, the engines on the
//! other, and the session machine between them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use message::{AccountId, Address, Envelope};
use perimeter::{Arrival, Denied, Logins, Stream, Tls, handshake};
use smtp::Reply;
use smtp::command::Mail;
use smtp::data::Fault;
use smtp::server::{Event, Role, Session, SessionConfig};
use telemetry::{Refusal, names};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::allowance::Allowance;
use crate::intake::{Completion, Intake, Ticket};
use crate::recipient::Recipients;
use crate::{Ports, replies};

/// What all connections share.
pub(crate) struct Service {
    pub(crate) ports: Ports,
    pub(crate) logins: Logins,
    pub(crate) recipients: Recipients,
    pub(crate) allowance: Allowance,
    pub(crate) completion: Completion,
    pub(crate) command_timeout: Duration,
    pub(crate) data_timeout: Duration,
    /// Whether spans tell mail addresses.
    pub(crate) addresses: bool,
    pub(crate) tls: Option<Tls>,
}

/// A connection to one client.
pub(crate) struct Connection {
    service: Arc<Service>,
    role: Role,
    client: SocketAddr,
    stream: Stream,
    session: Session,
    intake: Option<Intake>,
    /// When the client must have sent what is awaited.
    deadline: Instant,
    shutdown: CancellationToken,
}

/// Why a connection ended otherwise than by a reply.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the client hung up")]
    HungUp,
    #[error("the client did not take our replies in time")]
    Stuck,
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

impl Connection {
    /// Shakes hands where TLS comes first, and greets.
    pub(crate) async fn open(
        service: Arc<Service>,
        config: Arc<SessionConfig>,
        implicit_tls: bool,
        arrival: Arrival,
    ) -> io::Result<Self> {
        let Arrival {
            socket,
            client,
            shutdown,
        } = arrival;
        // Replies are written whole; waiting to fill a packet only delays them.
        socket.set_nodelay(true)?;
        let mut stream = Stream::Clear(socket);
        if implicit_tls {
            stream = handshake(stream, service.tls.as_ref()).await?;
        }
        let role = config.role;
        let session = Session::new(config, Some(client.ip().to_canonical()), stream.tls());
        let deadline = Instant::now() + service.command_timeout;
        Ok(Self {
            service,
            role,
            client,
            stream,
            session,
            intake: None,
            deadline,
            shutdown,
        })
    }

    /// Serves the client until either side ends it.
    pub(crate) async fn serve(mut self) {
        if let Err(broken) = self.work().await {
            if let Some(intake) = &self.intake {
                intake.ticket().span().fail(&broken);
            }
            tracing::debug!(client = %self.client, %broken, "session ended early");
        }
    }

    async fn work(&mut self) -> Result<(), Broken> {
        loop {
            match self.session.next_event() {
                Event::Send => self.send().await?,
                Event::Receive => {
                    self.send().await?;
                    self.receive().await?;
                }
                Event::Authenticate(credentials) => {
                    let (user, password) = (&credentials.user, &credentials.password);
                    let logins = &self.service.logins;
                    let checked = logins.check(self.client.ip(), user, password).await;
                    self.login(checked);
                }
                Event::Mail(mail) => {
                    let mail = mail.clone();
                    self.mail(&mail).await;
                }
                Event::Recipient(path) => {
                    let size = self.intake.as_ref().map_or(0, |i| i.ticket().declared());
                    let judged = self.service.recipients.judge(path, self.role, size).await;
                    match judged.and_then(|address| self.allow_recipient(address)) {
                        Ok(address) => self.session.accept_recipient(address),
                        Err(refusal) => self.session.refuse(refusal),
                    }
                }
                Event::Data(_) => self.data().await,
                Event::Content(octets) => {
                    let written = match &mut self.intake {
                        Some(intake) => intake.write(octets, &self.service.completion).await,
                        None => Err(replies::not_now()),
                    };
                    self.content(written);
                }
                Event::Message(arrival) => {
                    let envelope = arrival.envelope.clone();
                    self.message(envelope).await?;
                }
                Event::Abandoned(fault) => self.abandoned(fault),
                Event::StartTls => self.start_tls().await?,
                Event::Close => {
                    self.send().await?;
                    self.stream.close().await;
                    return Ok(());
                }
            }
        }
    }

    fn login(&mut self, checked: Result<AccountId, Denied>) {
        match checked {
            Ok(account) => self.session.accept_login(account),
            Err(denied) => {
                tracing::info!(client = %self.client, %denied, "login failed");
                self.session.refuse(replies::denied(denied));
            }
        }
    }

    fn content(&mut self, written: Result<(), Reply>) {
        if let Err(refusal) = written {
            match self.intake.take() {
                Some(intake) => self.refuse_message(intake.ticket(), refusal),
                None => self.session.refuse(refusal),
            }
        }
    }

    fn abandoned(&mut self, fault: Option<Fault>) {
        if let (Some(intake), Some(fault)) = (self.intake.take(), fault) {
            intake.ticket().span().fail(fault);
            self.count(Refusal::Permanent);
        }
    }

    async fn mail(&mut self, mail: &Mail) {
        let ticket = Ticket::draw(&self.service.ports, mail.size);
        let span = ticket.span();
        span.describe(names::PEER_ADDRESS, self.client.ip());
        span.set(names::PEER_PORT, i64::from(self.client.port()));
        if self.service.addresses {
            span.describe(names::RETURN_PATH, &mail.sender);
        }
        let judged = match self.session.account() {
            None => Ok(()),
            Some(account) => {
                self.service
                    .completion
                    .senders
                    .judge(account, &mail.sender)
                    .await
            }
        };
        let account = self.session.account();
        match judged.and_then(|()| self.service.allowance.take_message(account)) {
            Ok(()) => {
                self.intake = Some(Intake::new(ticket));
                self.session.accept_mail();
            }
            Err(refusal) => self.refuse_message(&ticket, refusal),
        }
    }

    fn allow_recipient(&self, address: Address) -> Result<Address, Reply> {
        let taken = self
            .service
            .allowance
            .take_recipient(self.session.account());
        taken.map(|()| address)
    }

    async fn data(&mut self) {
        let account = self.session.account();
        let Some(mut intake) = self.intake.take() else {
            return self.session.refuse(replies::not_now());
        };
        match intake.open(&self.service.ports, account).await {
            Ok(()) => {
                self.intake = Some(intake);
                self.session.accept_data();
            }
            Err(refusal) => self.refuse_message(intake.ticket(), refusal),
        }
    }

    /// Takes responsibility, says so, and only then tells the router: a client
    /// waits, the router does not.
    async fn message(&mut self, envelope: Envelope) -> Result<(), Broken> {
        let Some(intake) = self.intake.take() else {
            self.session.refuse(replies::not_now());
            return Ok(());
        };
        let Service {
            ports, completion, ..
        } = self.service.as_ref();
        let (ticket, accepted) = intake.accept(ports, completion, envelope).await;
        if let Err(refusal) = accepted {
            self.refuse_message(&ticket, refusal);
            return Ok(());
        }
        self.session.accept_message(ticket.id());
        ticket.span().set(names::SMTP_REPLY, 250);
        let sent = self.send().await;
        ticket.publish(&self.service.ports).await;
        sent
    }

    fn refuse_message(&mut self, ticket: &Ticket, refusal: Reply) {
        ticket.span().fail(&refusal);
        ticket
            .span()
            .set(names::SMTP_REPLY, i64::from(refusal.code()));
        tracing::info!(message_id = %ticket.id(), client = %self.client, %refusal, "refused");
        let permanent = refusal.is_permanent();
        self.count(if permanent {
            Refusal::Permanent
        } else {
            Refusal::Temporary
        });
        self.session.refuse(refusal);
    }

    fn count(&self, refusal: Refusal) {
        self.service.ports.station.metrics().refused(refusal);
    }

    async fn start_tls(&mut self) -> Result<(), Broken> {
        self.send().await?;
        // The socket moves into the TLS stream; a broken one takes its place.
        let Self {
            service,
            stream,
            session,
            ..
        } = self;
        let clear = std::mem::replace(stream, Stream::Gone);
        *stream = handshake(clear, service.tls.as_ref()).await?;
        session.secured(stream.tls().unwrap_or_default());
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Broken> {
        let output = self.session.output();
        if output.is_empty() {
            return Ok(());
        }
        let written = timeout(self.service.command_timeout, self.stream.write(output)).await;
        written.map_err(|_| Broken::Stuck)??;
        self.session.sent();
        // A reply was due, so something was understood: the next wait begins.
        self.deadline = Instant::now() + self.service.command_timeout;
        Ok(())
    }

    /// Reads more. Where nothing comes in time, or the server stops while no
    /// transaction runs, the session is told to say so.
    async fn receive(&mut self) -> Result<(), Broken> {
        if self.session.is_receiving() {
            self.deadline = Instant::now() + self.service.data_timeout;
        }
        let idle = !self.session.in_transaction();
        let Self {
            stream,
            session,
            shutdown,
            deadline,
            ..
        } = self;
        let read = tokio::select! {
            biased;
            () = shutdown.cancelled(), if idle => {
                session.close(replies::shutting_down());
                return Ok(());
            }
            read = timeout_at(*deadline, stream.read(session.input())) => read,
        };
        match read {
            Err(_) => session.close(replies::too_slow()),
            Ok(Ok(0)) => return Err(Broken::HungUp),
            Ok(Ok(count)) => session.received(count),
            Ok(Err(error)) => return Err(error.into()),
        }
        Ok(())
    }
}
