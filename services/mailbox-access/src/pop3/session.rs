//! A session of POP3 without I/O: octets of a client go in, events and octets
//! for the client come out.
//!
//! | state | leaves it by |
//! | --- | --- |
//! | authorization | a login that the driver confirms; QUIT |
//! | transaction | QUIT, and then the driver's word that all is removed |
//! | closing | the connection's end; nothing is removed without QUIT |
//!
//! Commands may be sent ahead (RFC 2449 §6.6); what follows STLS in the same
//! flight is thrown away, as somebody else may have put it there.

use std::fmt::Display;
use std::sync::Arc;

use sasl::{Credentials, Exchange, SaslError, Step};

use super::command::{Command, Mechanism};
use super::maildrop::{Maildrop, Message};

/// The longest line: a response of SASL (RFC 5034 §4 names no limit; 12,288
/// octets are what RFC 4954 asks of SMTP).
const LINE_MAX: usize = 12_288;

/// So much is sent at a time, however long a listing is.
const FLIGHT: usize = 16 * 1024;

/// So many wrong commands, and failed logins, a session survives.
const ERRORS_MAX: u32 = 20;
const FAILED_LOGINS_MAX: u32 = 3;

/// What the operator decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionConfig {
    /// The name in the greeting.
    pub(crate) hostname: message::Domain,
    /// The least seconds between two logins to an account, if any.
    pub(crate) login_delay: Option<u64>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Send the output.
    Send,
    /// Wait for octets of the client.
    Receive,
    /// Shake hands, then say [`Session::secured`].
    StartTls,
    /// Say [`Session::accept_login`] or [`Session::refuse_login`].
    Login(Credentials),
    /// Say [`Session::announce`], send the message and say
    /// [`Session::message_sent`]; or [`Session::refuse_message`].
    Retrieve(Message, Option<u64>),
    /// Remove these, and say [`Session::removed`].
    Remove(Vec<u32>),
    /// Hang up.
    Close,
}

/// Why a login does not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginRefusal {
    /// Name or password is wrong.
    Wrong,
    /// Another session has the maildrop.
    InUse,
    /// The last login was too short a time ago.
    TooSoon,
    /// Too many logins failed.
    TooMany,
    /// An engine does not answer.
    NotNow,
}

/// How far a session is.
#[derive(Debug)]
enum State {
    Authorization { user: Option<String> },
    Exchange(Exchange),
    StartingTls,
    LoggingIn,
    Transaction(Maildrop),
    Listing(Maildrop, Listing),
    Sending(Maildrop),
    Removing,
    Closing,
}

/// What is listed, and from which number on.
#[derive(Debug)]
struct Listing {
    what: Column,
    next: usize,
}

#[derive(Debug, Clone, Copy)]
enum Column {
    Size,
    UniqueId,
}

/// A session with one client.
#[derive(Debug)]
pub(crate) struct Session {
    config: Arc<SessionConfig>,
    /// Whether the connection is under TLS.
    tls: bool,
    state: State,
    input: Vec<u8>,
    output: Vec<u8>,
    errors: u32,
    failed_logins: u32,
}

impl Session {
    /// Greets.
    pub(crate) fn new(config: Arc<SessionConfig>, tls: bool) -> Self {
        let mut session = Self {
            config,
            tls,
            state: State::Authorization { user: None },
            input: Vec::new(),
            output: Vec::new(),
            errors: 0,
            failed_logins: 0,
        };
        let greeting = format!("{} POP3 ready", session.config.hostname);
        session.ok(greeting);
        session
    }

    /// What is to be done next.
    pub(crate) fn next_event(&mut self) -> Event {
        loop {
            if self.output.len() >= FLIGHT {
                return Event::Send;
            }
            match std::mem::replace(&mut self.state, State::Closing) {
                State::Listing(maildrop, listing) => self.list(maildrop, listing),
                State::StartingTls if self.output.is_empty() => return Event::StartTls,
                State::Closing if self.output.is_empty() => return Event::Close,
                state @ (State::StartingTls | State::Closing) => {
                    self.state = state;
                    return Event::Send;
                }
                state @ (State::LoggingIn | State::Sending(_) | State::Removing) => {
                    // The driver owes an answer.
                    self.state = state;
                    return Event::Send;
                }
                state @ (State::Authorization { .. }
                | State::Exchange(_)
                | State::Transaction(_)) => {
                    self.state = state;
                    let Some(line) = self.line() else {
                        return match self.output.is_empty() {
                            true => Event::Receive,
                            false => Event::Send,
                        };
                    };
                    if let Some(event) = self.take(&line) {
                        return event;
                    }
                }
            }
        }
    }

    /// What is to be sent.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output
    }

    /// The output was sent.
    pub(crate) fn sent(&mut self) {
        self.output.clear();
    }

    /// Takes what the client sent.
    pub(crate) fn received(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
    }

    /// The connection is under TLS now. Whatever was said before is forgotten
    /// (RFC 2595 §4).
    pub(crate) fn secured(&mut self) {
        self.tls = true;
        self.input.clear();
        self.state = State::Authorization { user: None };
    }

    /// The credentials are right, and this is what they lead to.
    pub(crate) fn accept_login(&mut self, maildrop: Maildrop) {
        let (messages, octets) = maildrop.stat();
        self.ok(format_args!("{messages} messages ({octets} octets)"));
        self.state = State::Transaction(maildrop);
    }

    /// The login does not succeed (response codes: RFC 2449 §8.1, RFC 3206).
    pub(crate) fn refuse_login(&mut self, refusal: LoginRefusal) {
        self.err(match refusal {
            LoginRefusal::Wrong => "[AUTH] user name or password is wrong",
            LoginRefusal::InUse => "[IN-USE] another session has the maildrop",
            LoginRefusal::TooSoon => "[LOGIN-DELAY] too soon after the last login",
            LoginRefusal::TooMany => "[SYS/TEMP] too many failed logins; try again later",
            LoginRefusal::NotNow => "[SYS/TEMP] not possible now; try again later",
        });
        self.state = State::Authorization { user: None };
        if refusal == LoginRefusal::Wrong {
            self.failed_logins += 1;
        }
        if self.failed_logins >= FAILED_LOGINS_MAX || refusal == LoginRefusal::TooMany {
            self.state = State::Closing;
        }
    }

    /// The message is there, and follows.
    pub(crate) fn announce(&mut self, octets: u64) {
        self.ok(format_args!("{octets} octets"));
    }

    /// All of the message was sent.
    pub(crate) fn message_sent(&mut self) {
        self.resume();
    }

    /// The message cannot be had.
    pub(crate) fn refuse_message(&mut self, reason: &str) {
        self.err(reason);
        self.resume();
    }

    /// All that was to be removed is, or not.
    pub(crate) fn removed(&mut self, done: bool) {
        if done {
            self.ok("bye");
        } else {
            self.err("[SYS/TEMP] some deleted messages were not removed");
        }
        self.state = State::Closing;
    }

    fn resume(&mut self) {
        if let State::Sending(maildrop) = std::mem::replace(&mut self.state, State::Closing) {
            self.state = State::Transaction(maildrop);
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> Option<Vec<u8>> {
        let Some(end) = self.input.iter().position(|octet| *octet == b'\n') else {
            if self.input.len() > LINE_MAX {
                self.err("line too long");
                self.state = State::Closing;
                self.input.clear();
            }
            return None;
        };
        let mut line: Vec<_> = self.input.drain(..=end).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if self.input.is_empty() {
            // A session that waits keeps no buffer.
            self.input = Vec::new();
        }
        Some(line)
    }

    /// Takes a line; the event is what the driver has to do about it.
    fn take(&mut self, line: &[u8]) -> Option<Event> {
        if let State::Exchange(_) = self.state {
            let State::Exchange(exchange) =
                std::mem::replace(&mut self.state, State::Authorization { user: None })
            else {
                return None;
            };
            return self.step(exchange.respond(line));
        }
        match Command::parse(line) {
            Ok(command) => self.execute(command),
            Err(error) => {
                self.reject(error);
                None
            }
        }
    }

    fn execute(&mut self, command: Command) -> Option<Event> {
        match std::mem::replace(&mut self.state, State::Closing) {
            State::Transaction(maildrop) => self.transact(maildrop, command),
            state => {
                self.state = state;
                self.authorize(command)
            }
        }
    }

    fn authorize(&mut self, command: Command) -> Option<Event> {
        match command {
            Command::Capa => self.capabilities(true),
            Command::Stls if self.tls => self.err("TLS is active already"),
            Command::Stls => {
                self.ok("begin TLS now");
                self.input.clear();
                self.state = State::StartingTls;
            }
            Command::Utf8 => self.ok("UTF-8 it is, as always"),
            Command::User(_) | Command::Pass(_) | Command::Auth(_) if !self.tls => {
                self.err("begin TLS first (STLS)");
            }
            Command::User(user) => {
                self.state = State::Authorization { user: Some(user) };
                self.ok("and the password?");
            }
            Command::Pass(password) => {
                let State::Authorization { user: Some(user) } = &mut self.state else {
                    self.reject("USER comes first");
                    return None;
                };
                let user = std::mem::take(user);
                self.state = State::LoggingIn;
                return Some(Event::Login(Credentials { user, password }));
            }
            Command::Auth(None) => self.lines(&sasl::MECHANISMS),
            Command::Auth(Some(mechanism)) => return self.begin(&mechanism),
            Command::Quit => {
                self.ok("bye");
                self.state = State::Closing;
            }
            Command::Stat
            | Command::List(_)
            | Command::Uidl(_)
            | Command::Retr(_)
            | Command::Top(..)
            | Command::Dele(_)
            | Command::Noop
            | Command::Rset => self.reject("log in first"),
        }
        None
    }

    fn begin(&mut self, mechanism: &Mechanism) -> Option<Event> {
        match sasl::begin(&mechanism.name, mechanism.initial.as_ref()) {
            Some(step) => self.step(step),
            None => {
                self.reject("no such mechanism");
                None
            }
        }
    }

    fn step(&mut self, step: Result<Step, SaslError>) -> Option<Event> {
        match step {
            Ok(Step::Challenge(challenge, exchange)) => {
                let line = format!("+ {challenge}\r\n");
                self.output.extend_from_slice(line.as_bytes());
                self.state = State::Exchange(exchange);
                None
            }
            Ok(Step::Complete(credentials)) => {
                self.state = State::LoggingIn;
                Some(Event::Login(credentials))
            }
            Err(error) => {
                self.reject(error);
                None
            }
        }
    }

    fn transact(&mut self, mut maildrop: Maildrop, command: Command) -> Option<Event> {
        match command {
            Command::Capa => self.capabilities(false),
            Command::Noop => self.ok("still here"),
            Command::Stat => {
                let (messages, octets) = maildrop.stat();
                self.ok(format_args!("{messages} {octets}"));
            }
            Command::List(None) => {
                let (messages, octets) = maildrop.stat();
                self.ok(format_args!("{messages} messages ({octets} octets)"));
                return self.begin_listing(maildrop, Column::Size);
            }
            Command::Uidl(None) => {
                self.ok("unique ids follow");
                return self.begin_listing(maildrop, Column::UniqueId);
            }
            Command::List(Some(number)) => self.single(&maildrop, number, Column::Size),
            Command::Uidl(Some(number)) => self.single(&maildrop, number, Column::UniqueId),
            Command::Retr(number) => return self.retrieve(maildrop, number, None),
            Command::Top(number, lines) => return self.retrieve(maildrop, number, Some(lines)),
            Command::Dele(number) if maildrop.delete(number) => {
                self.ok(format_args!("message {number} is marked"));
            }
            Command::Dele(_) => self.no_such_message(),
            Command::Rset => {
                maildrop.restore();
                self.ok("no message is marked");
            }
            Command::Quit => {
                self.state = State::Removing;
                return Some(Event::Remove(maildrop.deleted()));
            }
            Command::Stls
            | Command::Utf8
            | Command::User(_)
            | Command::Pass(_)
            | Command::Auth(_) => {
                self.state = State::Transaction(maildrop);
                self.reject("you are logged in already");
                return None;
            }
        }
        self.state = State::Transaction(maildrop);
        None
    }

    fn begin_listing(&mut self, maildrop: Maildrop, what: Column) -> Option<Event> {
        self.state = State::Listing(maildrop, Listing { what, next: 1 });
        None
    }

    /// Goes on with a listing, as far as one flight holds.
    fn list(&mut self, maildrop: Maildrop, mut listing: Listing) {
        while self.output.len() < FLIGHT {
            if listing.next > maildrop.len() {
                self.output.extend_from_slice(b".\r\n");
                self.state = State::Transaction(maildrop);
                return;
            }
            if let Some(message) = maildrop.get(listing.next) {
                let row = row(&maildrop, listing.next, message, listing.what);
                self.output.extend_from_slice(row.as_bytes());
            }
            listing.next += 1;
        }
        self.state = State::Listing(maildrop, listing);
    }

    fn single(&mut self, maildrop: &Maildrop, number: usize, what: Column) {
        match maildrop.get(number) {
            Some(message) => {
                let row = row(maildrop, number, message, what);
                self.ok(row.trim_end());
            }
            None => self.no_such_message(),
        }
    }

    fn retrieve(&mut self, maildrop: Maildrop, number: usize, lines: Option<u64>) -> Option<Event> {
        match maildrop.get(number) {
            Some(message) => {
                self.state = State::Sending(maildrop);
                Some(Event::Retrieve(message, lines))
            }
            None => {
                self.state = State::Transaction(maildrop);
                self.no_such_message();
                None
            }
        }
    }

    fn no_such_message(&mut self) {
        self.err("no such message");
    }

    /// RFC 2449 §5; what is offered only before a login is named only there.
    fn capabilities(&mut self, before_login: bool) {
        let mut lines = vec![
            "TOP".to_owned(),
            "UIDL".to_owned(),
            "RESP-CODES".to_owned(),
            "AUTH-RESP-CODE".to_owned(),
            "PIPELINING".to_owned(),
            "EXPIRE NEVER".to_owned(),
            "UTF8 USER".to_owned(),
        ];
        if let Some(seconds) = self.config.login_delay {
            lines.push(format!("LOGIN-DELAY {seconds}"));
        }
        if before_login && self.tls {
            lines.push("USER".to_owned());
            lines.push(format!("SASL {}", sasl::MECHANISMS.join(" ")));
        } else if before_login {
            lines.push("STLS".to_owned());
        }
        lines.push("IMPLEMENTATION Rohrpost".to_owned());
        self.lines(&lines);
    }

    fn lines(&mut self, lines: &[impl AsRef<str>]) {
        self.ok("a list follows");
        for line in lines {
            self.output.extend_from_slice(line.as_ref().as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
        self.output.extend_from_slice(b".\r\n");
    }

    /// A client that only ever sends nonsense is not worth a connection.
    fn reject(&mut self, error: impl Display) {
        self.err(error);
        self.errors += 1;
        if self.errors >= ERRORS_MAX {
            self.state = State::Closing;
        }
    }

    fn ok(&mut self, text: impl Display) {
        let line = format!("+OK {text}\r\n");
        self.output.extend_from_slice(line.as_bytes());
    }

    fn err(&mut self, text: impl Display) {
        let line = format!("-ERR {text}\r\n");
        self.output.extend_from_slice(line.as_bytes());
    }
}

fn row(maildrop: &Maildrop, number: usize, message: Message, what: Column) -> String {
    match what {
        Column::Size => format!("{number} {}\r\n", message.size),
        Column::UniqueId => format!("{number} {}\r\n", maildrop.unique_id(message)),
    }
}
