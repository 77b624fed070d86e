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

mod authorization;
mod listing;
mod reply;
mod transaction;

use std::sync::Arc;

use sasl::{Credentials, Exchange};

use super::command::Command;
use super::maildrop::{Maildrop, Message};
pub(crate) use authorization::LoginRefusal;
use listing::Listing;

/// The longest line: a response of SASL (RFC 5034 §4 names no limit; 12,288
/// octets are what RFC 4954 asks of SMTP).
const LINE_MAX: usize = 12_288;

/// So much is sent at a time, however long a listing is.
const FLIGHT: usize = 16 * 1024;

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
        match std::mem::replace(&mut self.state, State::Authorization { user: None }) {
            State::Exchange(exchange) => return self.step(exchange.respond(line)),
            state => self.state = state,
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
}
