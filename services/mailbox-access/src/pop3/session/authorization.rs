//! Before the login: TLS, and who the client is (RFC 1939 §4 and §7, RFC 5034).

use sasl::{Credentials, SaslError, Step};

use super::{Event, Session, State};
use crate::pop3::command::{Command, Mechanism};
use crate::pop3::maildrop::Maildrop;

/// So many failed logins a session survives.
const FAILED_LOGINS_MAX: u32 = 3;

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

impl Session {
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

    pub(super) fn authorize(&mut self, command: Command) -> Option<Event> {
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

    pub(super) fn step(&mut self, step: Result<Step, SaslError>) -> Option<Event> {
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
}
