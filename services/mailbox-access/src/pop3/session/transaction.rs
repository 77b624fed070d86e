//! After the login: the maildrop, its messages, and their removal at QUIT
//! (RFC 1939 §5 and §6).

use super::listing::Column;
use super::{Event, Session, State};
use crate::pop3::command::Command;
use crate::pop3::maildrop::Maildrop;

impl Session {
    pub(super) fn transact(&mut self, mut maildrop: Maildrop, command: Command) -> Option<Event> {
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
}
