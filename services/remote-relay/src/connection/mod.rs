//! One connection to one host: it drives a [`Dialogue`] over a socket.
//!
//! Every wait has an end (RFC 5321 §4.5.3.2): a reply, however slowly it drips
//! in, and each piece of what is sent. Content is streamed; its last piece leaves
//! in one write with the final dot, or behind its BDAT, right after the claim was
//! made to hold beyond the reply's timeout. So a connection that ends before that
//! write has left nothing in doubt.

mod outflow;
mod stream;
mod tls;

use std::io;
use std::time::Duration;

use config::{Relay, TlsPolicy};
use content::Reader;
use message::Domain;
use smtp::client::{
    Action, Answer, Capabilities, Credentials, Dialogue, Encryption, End, Framing, Options, Stage,
    Transaction,
};
use tokio::time::Instant;

use crate::claim::{Claim, ClaimLost};
use crate::mail_route::Target;
use outflow::Outflow;
use stream::Stream;
use tls::Scrutiny;
pub(crate) use tls::Tls;
pub use tls::TlsError;

/// How much of a reply is read at a time.
const READ: usize = 4096;
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// A connection that cannot be used any further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// There never was one.
    #[error("connecting: {0}")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Handshake(#[source] io::Error),
    /// It was lost, or a reply did not come in time.
    #[error("waiting at {stage}: {error}")]
    Stream {
        /// What was waited for.
        stage: Stage,
        /// What happened.
        #[source]
        error: io::Error,
    },
    /// The dialogue ended.
    #[error("the session ended: {0:?}")]
    Ended(End),
}

impl Broken {
    /// Whether nothing of a transaction had been answered yet.
    fn came_first(&self) -> bool {
        let stage = match self {
            Self::Connect(_) | Self::Handshake(_) => return false,
            Self::Stream { stage, .. } => *stage,
            Self::Ended(End::Refused(answer)) => answer.stage,
            Self::Ended(End::Unsolicited(stage) | End::Malformed(stage, _)) => *stage,
            Self::Ended(End::Quit | End::NoEncryption(_) | End::NoLogin | End::Unexpected(_)) => {
                return false;
            }
        };
        matches!(stage, Stage::Reset | Stage::Mail)
    }
}

/// Why a transaction has no full set of answers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The other side, or the way there.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Our own content store.
    #[error("reading the content: {0}")]
    Content(#[from] content::Error),
    /// The connection had ended while it was at rest; the host has seen nothing
    /// of the transaction that it could have taken.
    #[error("the connection had ended while it was at rest: {0}")]
    Stale(#[source] Broken),
    /// Another instance may have the job.
    #[error(transparent)]
    ClaimLost(#[from] ClaimLost),
}

/// How connections are made and led.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// Our name in EHLO.
    pub(crate) name: Domain,
    pub(crate) policy: TlsPolicy,
    pub(crate) tls: Tls,
    /// Sent only under the policy that verifies who gets it.
    pub(crate) login: Option<Credentials>,
    pub(crate) times: Times,
}

/// How long each wait may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    connect: Duration,
    greeting: Duration,
    command: Duration,
    data: Duration,
    block: Duration,
    dot: Duration,
}

impl From<&Relay> for Times {
    fn from(relay: &Relay) -> Self {
        Self {
            connect: *relay.connect_timeout,
            greeting: *relay.greeting_timeout,
            command: *relay.command_timeout,
            data: *relay.data_timeout,
            block: *relay.block_timeout,
            dot: *relay.dot_timeout,
        }
    }
}

impl Times {
    fn reply(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Greeting => self.greeting,
            Stage::Data => self.data,
            Stage::Dot => self.dot,
            Stage::Hello | Stage::StartTls | Stage::Auth | Stage::Reset => self.command,
            Stage::Mail | Stage::Rcpt | Stage::Quit => self.command,
        }
    }
}

/// A session with a host, ready for a transaction.
pub(crate) struct HostConnection {
    target: Target,
    stream: Stream,
    dialogue: Dialogue,
    terms: Terms,
    /// Until when the reply of a stage must have come.
    due: Option<(Stage, Instant)>,
    /// How many transactions it has carried.
    messages: u32,
    /// It comes from an earlier job, and this one has not used it yet.
    rested: bool,
    /// Content on its way out; kept for its room.
    wire: Vec<u8>,
}

/// Where the dialogue needs more than a socket.
enum Pause {
    Ready,
    Content(Framing),
    Answered(Vec<Answer>),
}

impl HostConnection {
    /// Connects and greets. Where opportunistic TLS fails, once more in clear.
    pub(crate) async fn open(target: &Target, terms: &Terms) -> Result<Self, Broken> {
        match (terms.policy, Self::greet(target, terms).await) {
            (TlsPolicy::Opportunistic, Err(Broken::Handshake(error))) => {
                tracing::info!(host = %target.host, %error, "no TLS, going on in clear");
                let clear = Terms {
                    policy: TlsPolicy::None,
                    ..terms.clone()
                };
                Self::greet(target, &clear).await
            }
            (TlsPolicy::Opportunistic | TlsPolicy::None, outcome) => outcome,
            (TlsPolicy::Encrypt | TlsPolicy::Verify, outcome) => outcome,
        }
    }

    async fn greet(target: &Target, terms: &Terms) -> Result<Self, Broken> {
        let stream = Stream::connect(target.address, terms.times.connect).await;
        let (encryption, credentials) = match terms.policy {
            TlsPolicy::None => (Encryption::None, None),
            TlsPolicy::Opportunistic => (Encryption::Opportunistic, None),
            TlsPolicy::Encrypt => (Encryption::Required, None),
            TlsPolicy::Verify => (Encryption::Required, terms.login.clone()),
        };
        let options = Options {
            name: terms.name.clone(),
            encryption,
            credentials,
        };
        let mut connection = Self {
            target: target.clone(),
            stream: stream.map_err(Broken::Connect)?,
            dialogue: Dialogue::new(options),
            terms: terms.clone(),
            due: None,
            messages: 0,
            rested: false,
            wire: Vec::new(),
        };
        connection.drive().await?;
        Ok(connection)
    }

    /// Whose connection it is.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// It was kept from an earlier job, and may have ended since.
    pub(crate) fn rested(&mut self) {
        self.rested = true;
    }

    /// How many transactions it has carried.
    pub(crate) fn messages(&self) -> u32 {
        self.messages
    }

    /// Whether it is still open, and the host has said nothing at rest: that
    /// could only be a farewell.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet().await
    }

    /// What the host offers.
    pub(crate) fn offered(&self) -> &Capabilities {
        self.dialogue.capabilities()
    }

    /// The version of TLS, where the session is under it.
    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        self.stream.tls_version()
    }

    /// Sends a message; one answer per recipient, in order. After an error the
    /// connection is of no further use, but has the answers that came.
    pub(crate) async fn send(
        &mut self,
        transaction: Transaction,
        content: &mut dyn Reader,
        claim: &Claim<'_>,
    ) -> Result<Vec<Answer>, Failure> {
        self.dialogue.begin(transaction);
        self.messages += 1;
        let rested = std::mem::take(&mut self.rested);
        let mut outflow = Outflow::new(content);
        loop {
            let pause = self.drive().await.map_err(|broken| match rested {
                true if broken.came_first() => Failure::Stale(broken),
                true | false => Failure::Broken(broken),
            });
            match pause? {
                Pause::Content(framing) => self.send_block(&mut outflow, framing, claim).await?,
                Pause::Answered(answers) => return Ok(answers),
                // It answers a transaction before it is ready again.
                Pause::Ready => return Err(Broken::Ended(End::Quit).into()),
            }
        }
    }

    /// The answers of a transaction that broke.
    pub(crate) fn answers(&self) -> Vec<Option<Answer>> {
        self.dialogue.answers()
    }

    /// Says goodbye, without much patience.
    pub(crate) async fn quit(mut self) {
        self.dialogue.quit();
        // How it ends makes no difference any more.
        let _ = tokio::time::timeout(GOODBYE, self.drive()).await;
    }

    async fn drive(&mut self) -> Result<Pause, Broken> {
        loop {
            match self.dialogue.next_action() {
                Action::Send(octets) => self.write(&octets).await?,
                Action::Receive(stage) => self.read(stage).await?,
                Action::StartTls => self.start_tls().await?,
                Action::Ready => return Ok(Pause::Ready),
                Action::SendContent(framing) => return Ok(Pause::Content(framing)),
                Action::Answered(answers) => return Ok(Pause::Answered(answers)),
                Action::Close(end) => return Err(Broken::Ended(end)),
            }
        }
    }

    async fn send_block(
        &mut self,
        outflow: &mut Outflow<'_>,
        framing: Framing,
        claim: &Claim<'_>,
    ) -> Result<(), Failure> {
        let mut wire = std::mem::take(&mut self.wire);
        let last = outflow.gather(framing, &mut wire).await?;
        if framing == Framing::Chunks {
            let command = self.dialogue.chunk(wire.len(), last);
            wire.splice(..0, command);
        }
        if last {
            let Times { block, dot, .. } = self.terms.times;
            claim.extend(block + dot).await?;
        }
        if self.write_content(&wire).await? && last {
            self.dialogue.content_sent();
        }
        self.wire = wire;
        Ok(())
    }

    /// Writes a piece of content; false where the host stopped to listen, and
    /// may have said why.
    async fn write_content(&mut self, wire: &[u8]) -> Result<bool, Broken> {
        match self.write(wire).await {
            Ok(()) => Ok(true),
            Err(Broken::Stream { error, .. }) if error.kind() != io::ErrorKind::TimedOut => {
                self.dialogue.content_interrupted();
                Ok(false)
            }
            Err(broken) => Err(broken),
        }
    }

    async fn write(&mut self, octets: &[u8]) -> Result<(), Broken> {
        self.due = None;
        let stage = self.dialogue.stage();
        let written = tokio::time::timeout(self.terms.times.block, self.stream.write(octets));
        in_time(written.await).map_err(|error| Broken::Stream { stage, error })
    }

    async fn read(&mut self, stage: Stage) -> Result<(), Broken> {
        let due = match self.due {
            Some((same, due)) if same == stage => due,
            Some(_) | None => Instant::now() + self.terms.times.reply(stage),
        };
        self.due = Some((stage, due));
        let mut octets = [0; READ];
        let read = tokio::time::timeout_at(due, self.stream.read(&mut octets)).await;
        match in_time(read) {
            Ok(0) => {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it was closed");
                Err(Broken::Stream { stage, error })
            }
            Ok(length) => {
                self.dialogue.received(&octets[..length]);
                Ok(())
            }
            Err(error) => Err(Broken::Stream { stage, error }),
        }
    }

    async fn start_tls(&mut self) -> Result<(), Broken> {
        let scrutiny = match self.terms.policy {
            TlsPolicy::None | TlsPolicy::Opportunistic | TlsPolicy::Encrypt => Scrutiny::None,
            TlsPolicy::Verify => Scrutiny::Host,
        };
        let (tls, host) = (&self.terms.tls, &self.target.host);
        let handshake = self.stream.start_tls(tls, host, scrutiny);
        let shaken = tokio::time::timeout(self.terms.times.connect, handshake).await;
        in_time(shaken).map_err(Broken::Handshake)?;
        self.dialogue.encrypted();
        Ok(())
    }
}

/// The result of an operation, a timeout being an error of its own kind.
fn in_time<T>(timed: Result<io::Result<T>, tokio::time::error::Elapsed>) -> io::Result<T> {
    timed
        .unwrap_or_else(|_elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))
}
