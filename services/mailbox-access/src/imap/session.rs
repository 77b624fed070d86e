//! One connection: a client on one side, the engines on the other, and what was
//! agreed on between them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use imap::command::{Append, AppendMessage, Command};
use imap::response::{Output, Response};
use imap::{Event, Framer, Limits, Malformed, NameEncoding, Tagged};
use message::AccountId;
use perimeter::{Arrival, Stream, handshake};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Service;
use super::answer::{Answer, Broken};
use super::view::View;
use super::wire::Wire;

/// How many commands in a row may make no sense.
const MAX_MISTAKES: u32 = 20;

/// How much is gathered before it is sent.
const FULL: usize = 64 * 1024;

/// How much is taken in while a command takes long.
const AHEAD: usize = 16 * 1024;

/// How much memory an idle session keeps for answers.
const KEPT: usize = 1024;

/// A connection to one client.
pub(super) struct Session {
    pub(super) service: Arc<Service>,
    pub(super) client: SocketAddr,
    pub(super) tls: bool,
    pub(super) state: State,
    pub(super) enabled: Enabled,
    pub(super) out: Output,
    pub(super) wire: Wire,
    pub(super) framer: Framer,
    pub(super) input: BytesMut,
    mistakes: u32,
    /// When the client must have logged in.
    login_deadline: Instant,
    shutdown: CancellationToken,
}

/// How far a session has come (RFC 9051 §3).
pub(super) enum State {
    /// Nobody has logged in.
    Stranger,
    /// Somebody has.
    Authenticated(AccountId),
    /// And has opened a mailbox.
    Selected(AccountId, Box<View>),
    /// LOGOUT was said.
    Ended,
}

/// What the client has enabled (RFC 5161), also by using it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Enabled {
    pub(super) rev2: bool,
    pub(super) utf8: bool,
    /// Modification sequences are told.
    pub(super) condstore: bool,
    /// UIDs are told where messages vanish.
    pub(super) qresync: bool,
}

/// What the client sent.
#[derive(Debug)]
pub(super) enum Incoming {
    Command(Result<Tagged, Malformed>),
    /// A line that was asked for.
    Line(Vec<u8>),
    Append(Append, AppendMessage),
    AppendNext(AppendMessage),
    Octets(Bytes),
    MessageEnd,
    AppendEnd,
}

impl Session {
    /// Shakes hands where TLS comes first.
    pub(super) async fn open(
        service: Arc<Service>,
        implicit_tls: bool,
        arrival: Arrival,
    ) -> io::Result<Self> {
        let Arrival {
            socket,
            client,
            shutdown,
        } = arrival;
        // Answers are written whole; waiting to fill a packet only delays them.
        socket.set_nodelay(true)?;
        let mut stream = Stream::Clear(socket);
        if implicit_tls {
            stream = handshake(stream, service.tls.as_ref()).await?;
        }
        Ok(Self {
            login_deadline: Instant::now() + service.login_timeout,
            service,
            client,
            tls: implicit_tls,
            state: State::Stranger,
            enabled: Enabled::default(),
            out: Output::default(),
            wire: Wire::new(stream),
            framer: Framer::new(Limits::BEFORE_LOGIN),
            input: BytesMut::new(),
            mistakes: 0,
            shutdown,
        })
    }

    /// Serves the client until either side ends it.
    pub(super) async fn serve(mut self) {
        if let Err(broken) = self.work().await {
            tracing::debug!(client = %self.client, %broken, "session ended early");
            if let Some(text) = broken.farewell() {
                self.bye(text);
                // Who cannot hear it learns it by the end.
                let _ = self.flush().await;
            }
        }
        self.wire.close().await;
    }

    async fn work(&mut self) -> Result<(), Broken> {
        self.greet();
        while !matches!(self.state, State::Ended) {
            match self.next().await? {
                Incoming::Command(Ok(Tagged {
                    tag,
                    command: Command::Idle,
                })) => Box::pin(self.perform_idle(tag)).await?,
                // What commands need is far more than what waiting does.
                Incoming::Command(command) => Box::pin(self.perform(command)).await?,
                Incoming::Append(append, first) => Box::pin(self.append(append, first)).await?,
                // Only APPEND and those who asked for a line get these.
                Incoming::Line(_)
                | Incoming::AppendNext(_)
                | Incoming::Octets(_)
                | Incoming::MessageEnd
                | Incoming::AppendEnd => {}
            }
        }
        self.flush().await
    }

    /// What comes next. Sends what was said before it waits.
    pub(super) async fn next(&mut self) -> Result<Incoming, Broken> {
        loop {
            if let Some(incoming) = self.take()? {
                return Ok(incoming);
            }
            self.flush().await?;
            self.receive().await?;
        }
    }

    /// What has come, if it is whole.
    pub(super) fn take(&mut self) -> Result<Option<Incoming>, Broken> {
        loop {
            let (count, event) = self.framer.feed(&self.input);
            let mut octets = false;
            let incoming = match event {
                Event::More => None,
                Event::Continue => {
                    Response::Continue("Go on").write(&mut self.out);
                    drop(self.input.split_to(count));
                    continue;
                }
                Event::Command(command) => Some(Incoming::Command(Tagged::parse(
                    command,
                    self.enabled.names(),
                ))),
                Event::Line(line) => Some(Incoming::Line(line.to_vec())),
                Event::Append(append, first) => Some(Incoming::Append(append, first)),
                Event::AppendNext(message) => Some(Incoming::AppendNext(message)),
                Event::Octets(_) => {
                    octets = true;
                    None
                }
                Event::MessageEnd => Some(Incoming::MessageEnd),
                Event::AppendEnd => Some(Incoming::AppendEnd),
                Event::Malformed(malformed) => Some(Incoming::Command(Err(malformed))),
                Event::Flood => return Err(Broken::Flood),
            };
            let taken = self.input.split_to(count);
            if self.input.is_empty() && self.input.capacity() > KEPT {
                self.input = BytesMut::new();
            }
            return Ok(match octets {
                true => Some(Incoming::Octets(taken.freeze())),
                false => incoming,
            });
        }
    }

    /// Reads more, within the time that the client has.
    async fn receive(&mut self) -> Result<(), Broken> {
        let deadline = match self.state {
            State::Stranger => self.login_deadline,
            State::Authenticated(_) | State::Selected(..) | State::Ended => {
                Instant::now() + self.service.idle_timeout
            }
        };
        let read = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Err(Broken::Stopping),
            read = timeout_at(deadline, self.wire.read(&mut self.input)) => read,
        };
        match read {
            Err(_) => Err(Broken::Silent),
            Ok(Ok(0)) => Err(Broken::HungUp),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Reads more, or learns that `news` has come, or that `span` is over.
    pub(super) async fn receive_or<T>(
        &mut self,
        news: impl Future<Output = T>,
        span: Duration,
    ) -> Result<Option<T>, Broken> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(Broken::Stopping),
            read = self.wire.read(&mut self.input) => match read? {
                0 => Err(Broken::HungUp),
                _ => Ok(None),
            },
            news = news => Ok(Some(news)),
            () = tokio::time::sleep(span) => Ok(None),
        }
    }

    /// Whether to go on with what takes long: takes in what the client sent meanwhile,
    /// unless that is much already.
    pub(super) fn still_there(&mut self) -> Result<(), Broken> {
        if self.shutdown.is_cancelled() {
            return Err(Broken::Stopping);
        }
        if self.input.len() >= AHEAD {
            return Ok(());
        }
        match self.wire.read(&mut self.input).now_or_never() {
            None | Some(Ok(1..)) => Ok(()),
            Some(Ok(0)) if self.input.is_empty() => Err(Broken::HungUp),
            // What it asked for before is still done.
            Some(Ok(0)) => Ok(()),
            Some(Err(error)) => Err(error.into()),
        }
    }

    /// Sends what was said.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        if self.out.is_empty() {
            return Ok(());
        }
        let writing = self.wire.write(self.out.octets());
        let written = timeout(self.service.send_timeout, writing).await;
        written.map_err(|_| Broken::Stuck)??;
        self.out.clear(KEPT);
        Ok(())
    }

    /// Sends what was said if it is much.
    pub(super) async fn flush_if_full(&mut self) -> Result<(), Broken> {
        match self.out.octets().len() {
            0..FULL => Ok(()),
            _ => self.flush().await,
        }
    }

    /// Whose session it is.
    pub(super) fn account(&self) -> Result<AccountId, Answer> {
        match &self.state {
            State::Authenticated(account) | State::Selected(account, _) => Ok(*account),
            State::Stranger | State::Ended => Err(Answer::bad("Log in first")),
        }
    }

    /// The mailbox that is open.
    pub(super) fn view(&mut self) -> Result<(AccountId, &mut View), Answer> {
        match &mut self.state {
            State::Selected(account, view) => Ok((*account, view)),
            State::Authenticated(_) => Err(Answer::bad("Select a mailbox first")),
            State::Stranger | State::Ended => Err(Answer::bad("Log in first")),
        }
    }

    /// The same, for those who change it.
    pub(super) fn writable(&mut self) -> Result<(AccountId, &mut View), Answer> {
        let (account, view) = self.view()?;
        match view.read_only {
            true => Err(super::answer::read_only()),
            false => Ok((account, view)),
        }
    }

    /// Counts mistakes in a row.
    pub(super) fn count(&mut self, mistake: bool) -> Result<(), Broken> {
        self.mistakes = if mistake { self.mistakes + 1 } else { 0 };
        match self.mistakes {
            0..MAX_MISTAKES => Ok(()),
            _ => Err(Broken::Mistakes),
        }
    }
}

impl Enabled {
    /// How mailboxes are named.
    pub(super) fn names(self) -> NameEncoding {
        match self.rev2 || self.utf8 {
            true => NameEncoding::Utf8,
            false => NameEncoding::Utf7,
        }
    }
}
