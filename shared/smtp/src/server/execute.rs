//! Commands at work: their order, and what each does.

use std::ops::Range;

use sasl::SaslError;

use super::Role;
use super::input::{LINE_MAX, Line};
use super::replies;
use super::session::{Session, Step};
use super::state::{Chunk, Hello, Question, State};
use crate::command::{ClientName, Command, CommandError, Mail, Rcpt};

/// The longest command line: 512 octets (RFC 5321 §4.5.3.1.4), and what SIZE,
/// 8BITMIME, SMTPUTF8, DSN and AUTH add to MAIL and RCPT.
const COMMAND_MAX: usize = 2048;

impl Session {
    /// Takes a line and does what it says.
    pub(super) fn line(&mut self) -> Step {
        let range = match self.input.take_line() {
            None => return Step::Receive,
            Some(Line::Whole(range)) if range.len() <= self.longest(&range) => range,
            Some(Line::Whole(_) | Line::TooLong) => {
                self.reply(replies::line_too_long());
                return Step::Again;
            }
            Some(Line::BareLf) => {
                self.close(replies::bare_line_feed());
                return Step::Again;
            }
        };
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Challenged(exchange) => {
                self.go_on_with_login(exchange.respond(self.input.taken(range)));
                Step::Again
            }
            state => {
                self.state = state;
                self.command(range)
            }
        }
    }

    fn longest(&self, line: &Range<usize>) -> usize {
        let line = self.input.taken(line.clone());
        let login = matches!(self.state, State::Challenged(_))
            || line
                .get(..5)
                .is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        if login { LINE_MAX } else { COMMAND_MAX }
    }

    fn command(&mut self, line: Range<usize>) -> Step {
        let smtputf8 = matches!(&self.state, State::Open(begun) if begun.smtputf8());
        match Command::parse(self.input.taken(line), smtputf8) {
            // What follows may be octets of a chunk: nobody can tell how many.
            Err(error @ CommandError::Chunk) => {
                self.close(error.reply());
                Step::Again
            }
            Err(error) => {
                self.reply(error.reply());
                Step::Again
            }
            Ok(command) if must_be_last(&command) && !self.input.is_empty() => {
                self.close(replies::pipelined());
                Step::Again
            }
            Ok(command) => self.execute(command),
        }
    }

    fn execute(&mut self, command: Command) -> Step {
        match command {
            Command::Ehlo(name) => return self.hello(name, true),
            Command::Helo(name) => return self.hello(name, false),
            Command::Rset => return self.reset(),
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(rcpt) => self.rcpt(rcpt),
            Command::Data => self.data(),
            Command::Bdat { size, last } => {
                let left = size;
                return self.bdat(Chunk { size, left, last });
            }
            Command::Noop => self.reply(replies::ok()),
            Command::Quit => self.close(replies::bye()),
            Command::Vrfy => self.reply(replies::cannot_verify()),
            Command::Expn => self.reply(replies::not_offered()),
            Command::Help => self.reply(replies::help()),
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => {
                if self.may_log_in() {
                    match sasl::begin(&mechanism, initial.as_ref()) {
                        None => self.reply(replies::unknown_mechanism()),
                        Some(step) => self.go_on_with_login(step),
                    }
                }
            }
        }
        Step::Again
    }

    fn hello(&mut self, name: ClientName, extended: bool) -> Step {
        let step = self.abandon();
        self.peer.hello = Some(Hello { name, extended });
        self.reply(if extended {
            replies::extensions(&self.config, self.peer.tls.is_some())
        } else {
            replies::hello(&self.config.hostname)
        });
        step
    }

    fn reset(&mut self) -> Step {
        let step = self.abandon();
        self.reply(replies::ok());
        step
    }

    /// Ends the transaction, if one is open.
    fn abandon(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open(_) | State::Chunks(_) => Step::Abandoned(None),
            state => {
                self.state = state;
                Step::Again
            }
        }
    }

    fn mail(&mut self, mail: Mail) {
        let under_tls = self.peer.tls.is_some();
        let refusal = if self.peer.hello.is_none() {
            Some(replies::wrong_order("Begin with EHLO"))
        } else if self.in_transaction() {
            Some(replies::wrong_order("A transaction is open already"))
        } else if self.config.role == Role::Submission && self.peer.account.is_none() {
            Some(replies::login_required(under_tls))
        } else if mail.size.is_some_and(|size| size > self.config.size_limit) {
            Some(replies::too_big(self.config.size_limit))
        } else {
            None
        };
        match refusal {
            Some(refusal) => self.reply(refusal),
            None => self.state = State::Asked(Question::Mail(mail)),
        }
    }

    fn rcpt(&mut self, rcpt: Rcpt) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open(begun)
                if begun.envelope().recipients.len() >= self.config.max_recipients =>
            {
                self.state = State::Open(begun);
                self.reply(replies::too_many_recipients());
            }
            State::Open(begun) => self.state = State::Asked(Question::Recipient(begun, rcpt)),
            state => {
                let instead = state.instead();
                self.state = state;
                self.reply(replies::wrong_order(instead));
            }
        }
    }

    fn data(&mut self) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open(begun) if begun.envelope().recipients.is_empty() => {
                self.state = State::Open(begun);
                self.reply(replies::no_recipients());
            }
            State::Open(begun) => self.state = State::Asked(Question::Data(begun, None)),
            state => {
                let instead = state.instead();
                self.state = state;
                self.reply(replies::wrong_order(instead));
            }
        }
    }

    fn start_tls(&mut self) {
        if self.peer.tls.is_some() {
            self.reply(replies::wrong_order("TLS is active already"));
        } else if !self.config.starttls {
            self.reply(replies::not_offered());
        } else if self.peer.hello.is_none() || self.in_transaction() {
            self.reply(replies::wrong_order("STARTTLS follows EHLO"));
        } else {
            self.state = State::Handshake;
            self.reply(replies::start_tls());
        }
    }

    /// Whether AUTH has its place here; if not, the client was told so.
    fn may_log_in(&mut self) -> bool {
        let refusal = if self.config.role == Role::Mx {
            replies::not_offered()
        } else if self.peer.tls.is_none() {
            replies::encryption_required()
        } else if self.peer.hello.is_none() || self.in_transaction() {
            replies::wrong_order("AUTH follows EHLO")
        } else if self.peer.account.is_some() {
            replies::wrong_order("You are logged in already")
        } else {
            return true;
        };
        self.reply(refusal);
        false
    }

    fn go_on_with_login(&mut self, step: Result<sasl::Step, SaslError>) {
        match step {
            Ok(sasl::Step::Challenge(challenge, exchange)) => {
                self.state = State::Challenged(exchange);
                self.reply(replies::challenge(challenge));
            }
            Ok(sasl::Step::Complete(credentials)) => {
                self.state = State::Asked(Question::Authenticate(credentials));
            }
            Err(error) => self.reply(replies::login_error(error)),
        }
    }
}

/// Commands whose reply decides how the octets behind them are to be read
/// (RFC 2920 §3.1, RFC 3207, RFC 4954 §4): what is sent ahead of it may have
/// been meant for somebody else. EHLO should wait too, but what follows it means
/// the same either way.
fn must_be_last(command: &Command) -> bool {
    match command {
        Command::Data | Command::StartTls | Command::Auth { .. } => true,
        Command::Ehlo(_)
        | Command::Helo(_)
        | Command::Mail(_)
        | Command::Rcpt(_)
        | Command::Bdat { .. }
        | Command::Rset
        | Command::Noop
        | Command::Quit
        | Command::Vrfy
        | Command::Expn
        | Command::Help => false,
    }
}
