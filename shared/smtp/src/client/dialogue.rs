//! The machine that speaks to one server over one connection.
//!
//! ```text
//! greeting ─ EHLO (HELO) ─ STARTTLS ─ handshake ─ EHLO ─ AUTH ─┐
//!          ┌─────────────────────────────────────────────────── ready ── QUIT ── closed
//!          ├─ (RSET) MAIL RCPT… DATA ─ content ─ dot ── answered ┤
//!          └─ (RSET) MAIL RCPT… ─ BDAT… BDAT LAST ────── answered ┘
//! ```
//!
//! A 421, or what is no SMTP, closes it from anywhere; recipients that had
//! their answer by then keep it ([`Dialogue::answers`]).

use message::Domain;

use super::capabilities::Capabilities;
use super::login::{Credentials, Exchange};
use super::progress::{Progress, Turn};
use super::stage::Stage;
use super::stuffing::Framing;
use super::transaction::{Answer, Transaction};
use crate::{Reply, ReplyError, ReplyParser};

/// How a dialogue is to be led.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name given in EHLO.
    pub name: Domain,
    /// Whether to ask for TLS.
    pub encryption: Encryption,
    /// The login, sent only under TLS.
    pub credentials: Option<Credentials>,
}

/// When STARTTLS is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    None,
    /// Where it is offered.
    Opportunistic,
    /// Always: a server without it gets no mail.
    Required,
}

/// What the driver has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send these octets.
    Send(Vec<u8>),
    /// Receive octets, at most for the time that the stage has, and hand them
    /// to [`Dialogue::received`].
    Receive(Stage),
    /// Shake hands for TLS, then call [`Dialogue::encrypted`].
    StartTls,
    /// Call [`Dialogue::begin`] or [`Dialogue::quit`].
    Ready,
    /// Send the next block of the content through a [`super::DotStuffer`], in
    /// chunks behind what [`Dialogue::chunk`] says; after the last one call
    /// [`Dialogue::content_sent`].
    SendContent(Framing),
    /// The transaction is over; one answer per recipient, in order. The
    /// dialogue is ready for another one.
    Answered(Vec<Answer>),
    /// Close the connection.
    Close(End),
}

/// Why a dialogue ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// We said goodbye.
    Quit,
    /// The server refused the session: at its greeting, at EHLO, at AUTH, or
    /// with a 421.
    Refused(Answer),
    /// The server refused STARTTLS, or does not offer it, and it is required.
    NoEncryption(Option<Reply>),
    /// No way to log in that we know is offered under TLS.
    NoLogin,
    /// The server sent what is no reply.
    Malformed(Stage, ReplyError),
    /// The server sent a reply that does not belong there.
    Unexpected(Answer),
    /// The server sent octets it was not asked for; behind the reply to
    /// STARTTLS, somebody else may have (RFC 3207 §6).
    Unsolicited(Stage),
}

/// The client's side of one connection.
#[derive(Debug)]
pub struct Dialogue {
    options: Options,
    state: State,
    parser: ReplyParser,
    input: Vec<u8>,
    output: Vec<u8>,
    offered: Capabilities,
    encrypted: bool,
    progress: Option<Progress>,
    /// The last transaction was left open: RSET goes before the next one.
    open: bool,
}

#[derive(Debug)]
enum State {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Handshake,
    Auth(Exchange),
    Ready,
    Transaction,
    Quit,
    Closed(End),
}

impl Dialogue {
    /// The dialogue over a connection just made; TLS, if it is spoken from the
    /// start, to be reported by [`Dialogue::encrypted`] right away.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            state: State::Greeting,
            parser: ReplyParser::new(),
            input: Vec::new(),
            output: Vec::new(),
            offered: Capabilities::default(),
            encrypted: false,
            progress: None,
            open: false,
        }
    }

    /// What to do now. To be called again after each action.
    pub fn next_action(&mut self) -> Action {
        loop {
            if let State::Closed(end) = &self.state {
                return Action::Close(end.clone());
            }
            match self.pending() {
                None => {}
                Some(action @ (Action::Ready | Action::Answered(_))) => return action,
                Some(action) => match self.surprise() {
                    None => return action,
                    Some(end) => {
                        self.close(end);
                        continue;
                    }
                },
            }
            let stage = self.stage();
            match self.read() {
                Ok(None) => return Action::Receive(stage),
                Ok(Some(reply)) => self.react(stage, reply),
                Err(error) => self.close(End::Malformed(stage, error)),
            }
        }
    }

    /// Takes octets from the server.
    pub fn received(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
    }

    /// The connection is under TLS from here on.
    pub fn encrypted(&mut self) {
        self.encrypted = true;
        if matches!(self.state, State::Handshake) {
            // What was offered in clear is forgotten (RFC 3207 §4.2).
            self.offered = Capabilities::default();
            self.hello();
        }
    }

    /// What the server offers.
    pub fn capabilities(&self) -> &Capabilities {
        &self.offered
    }

    /// Begins a transaction. Only after [`Action::Ready`] or
    /// [`Action::Answered`]; at other times it does nothing.
    pub fn begin(&mut self, transaction: Transaction) {
        if matches!(self.state, State::Ready) {
            let reset = std::mem::replace(&mut self.open, true);
            self.progress = Some(Progress::new(transaction, self.offered.clone(), reset));
            self.state = State::Transaction;
        }
    }

    /// The command that frames the next chunk, to be sent right before its
    /// octets. Only after [`Action::SendContent`] with [`Framing::Chunks`].
    pub fn chunk(&mut self, octets: usize, last: bool) -> Vec<u8> {
        let command = self
            .progress
            .as_mut()
            .map(|progress| progress.chunk(octets, last));
        command.unwrap_or_default().into_bytes()
    }

    /// All content has been sent, and with it the final dot or the last chunk.
    pub fn content_sent(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.content_sent();
        }
    }

    /// Sending the content failed: the server may have said why before it
    /// stopped to listen. Only a refusal is believed then.
    pub fn content_interrupted(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.content_interrupted();
        }
    }

    /// Says goodbye. Only after [`Action::Ready`] or [`Action::Answered`].
    pub fn quit(&mut self) {
        if matches!(self.state, State::Ready) {
            self.say("QUIT\r\n", State::Quit);
        }
    }

    /// Which reply the dialogue waits for, or waited for when it broke.
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Greeting => Stage::Greeting,
            State::Ehlo | State::Helo => Stage::Hello,
            State::StartTls | State::Handshake => Stage::StartTls,
            State::Auth(_) => Stage::Auth,
            State::Transaction | State::Ready | State::Closed(_) => {
                self.progress.as_ref().map_or(Stage::Hello, Progress::stage)
            }
            State::Quit => Stage::Quit,
        }
    }

    /// The answers of the last transaction so far, none where a recipient has
    /// not got one: for when the connection breaks.
    pub fn answers(&self) -> Vec<Option<Answer>> {
        self.progress
            .as_ref()
            .map(|progress| progress.answers().to_vec())
            .unwrap_or_default()
    }

    /// What is to be done before a reply can be read, if anything.
    fn pending(&mut self) -> Option<Action> {
        if !self.output.is_empty() {
            return Some(Action::Send(std::mem::take(&mut self.output)));
        }
        match (&self.state, &mut self.progress) {
            (State::Handshake, _) => Some(Action::StartTls),
            (State::Ready, _) => Some(Action::Ready),
            (State::Transaction, Some(progress)) => match progress.turn() {
                Turn::Say(commands) => Some(Action::Send(commands)),
                Turn::Listen => None,
                Turn::SendContent(framing) => Some(Action::SendContent(framing)),
                Turn::Answered { open, answers } => {
                    self.open = open;
                    self.state = State::Ready;
                    Some(Action::Answered(answers))
                }
            },
            (State::Greeting | State::Ehlo | State::Helo | State::StartTls, _) => None,
            (State::Auth(_) | State::Transaction | State::Quit | State::Closed(_), _) => None,
        }
    }

    /// Before we speak the server must have said nothing more, except that it
    /// leaves (421, RFC 5321 §3.8).
    fn surprise(&mut self) -> Option<End> {
        let awaits_chunks = |progress: &Progress| progress.awaits_chunks();
        if self.input.is_empty() || self.progress.as_ref().is_some_and(awaits_chunks) {
            return None;
        }
        let stage = self.stage();
        if matches!(self.state, State::Handshake) {
            return Some(End::Unsolicited(stage));
        }
        match self.read() {
            Ok(Some(reply)) if reply.code() == 421 => Some(End::Refused(Answer { stage, reply })),
            Ok(_) | Err(_) => Some(End::Unsolicited(stage)),
        }
    }

    fn read(&mut self) -> Result<Option<Reply>, ReplyError> {
        let (used, reply) = self.parser.feed(&self.input)?;
        self.input.drain(..used);
        Ok(reply)
    }

    fn react(&mut self, stage: Stage, reply: Reply) {
        let accepted = stage.accepts(reply.code());
        if reply.code() == 421 {
            return self.close(End::Refused(Answer { stage, reply }));
        }
        if reply.is_positive() && !accepted {
            return self.close(End::Unexpected(Answer { stage, reply }));
        }
        match self.state {
            State::Greeting if accepted => self.hello(),
            State::Ehlo if accepted => self.greeted(Capabilities::from_ehlo(&reply)),
            State::Ehlo if reply.is_permanent() => {
                let helo = format!("HELO {}\r\n", self.options.name);
                self.say(&helo, State::Helo);
            }
            State::Helo if accepted => self.greeted(Capabilities::default()),
            State::StartTls if accepted => self.state = State::Handshake,
            State::StartTls => self.go_on_in_clear(Some(reply)),
            State::Auth(exchange) if accepted => self.authenticate(exchange, reply),
            State::Transaction => self.answered(stage, reply),
            State::Greeting | State::Ehlo | State::Helo | State::Auth(_) => {
                self.close(End::Refused(Answer { stage, reply }));
            }
            State::Quit => self.close(End::Quit),
            State::Handshake | State::Ready | State::Closed(_) => {}
        }
    }

    fn hello(&mut self) {
        let ehlo = format!("EHLO {}\r\n", self.options.name);
        self.say(&ehlo, State::Ehlo);
    }

    fn greeted(&mut self, offered: Capabilities) {
        self.offered = offered;
        let wanted = !self.encrypted && self.options.encryption != Encryption::None;
        match wanted && self.offered.starttls {
            true => self.say("STARTTLS\r\n", State::StartTls),
            false => self.go_on_in_clear(None),
        }
    }

    /// No STARTTLS, or none any more.
    fn go_on_in_clear(&mut self, refusal: Option<Reply>) {
        let required = self.options.encryption == Encryption::Required;
        if required && !self.encrypted {
            return self.close(End::NoEncryption(refusal));
        }
        let Some(credentials) = &self.options.credentials else {
            self.state = State::Ready;
            return;
        };
        match Exchange::start(&self.offered, credentials).filter(|_| self.encrypted) {
            Some((exchange, line)) => self.say(&line, State::Auth(exchange)),
            None => self.close(End::NoLogin),
        }
    }

    fn authenticate(&mut self, exchange: Exchange, reply: Reply) {
        if reply.code() == 235 {
            self.state = State::Ready;
            return;
        }
        let credentials = self.options.credentials.as_ref();
        match credentials.and_then(|credentials| exchange.answer(credentials)) {
            Some((exchange, line)) => self.say(&line, State::Auth(exchange)),
            None => self.close(End::Unexpected(Answer {
                stage: Stage::Auth,
                reply,
            })),
        }
    }

    fn answered(&mut self, stage: Stage, reply: Reply) {
        if stage == Stage::Reset && !reply.is_positive() {
            return self.close(End::Refused(Answer { stage, reply }));
        }
        let Some(progress) = &mut self.progress else {
            return;
        };
        if let Err(answer) = progress.take(reply) {
            self.close(End::Unexpected(answer));
        }
    }

    fn say(&mut self, line: &str, then: State) {
        self.output.extend_from_slice(line.as_bytes());
        self.state = then;
    }

    fn close(&mut self, end: End) {
        self.output.clear();
        self.state = State::Closed(end);
    }
}
