//! Cuts a client's octets into commands.
//!
//! A command is lines and literals up to a line end that no literal follows. The
//! framer keeps the octets of one command, within [`Limits`], until it is whole;
//! messages of APPEND pass through it in pieces. What exceeds a limit is read to
//! its end, thrown away and then reported, so that the next command is found;
//! a client that waits to be asked for a literal hears at once and never sends it.

mod advance;
mod announcement;
mod discard;
mod limits;
#[cfg(test)]
mod tests;

use crate::command::{Append, AppendMessage, Malformed};
use crate::mailbox_name::NameEncoding;

use discard::Discard;

pub use limits::Limits;

/// Cuts a stream of octets into commands.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    names: NameEncoding,
    state: State,
    /// What of the command is there so far.
    held: Vec<u8>,
    /// Where in it the line begins that is not whole yet.
    line: usize,
    literals: usize,
    /// What is held was handed out, and is thrown away with the next octets.
    whole: bool,
}

/// What the client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Nothing whole: more is needed.
    More,
    /// Nothing whole, and the client waits to be told to go on: `+ `.
    Continue,
    /// A command, its literals and its line end.
    Command(&'a [u8]),
    /// A line that was asked for with [`Framer::expect_line`], without its end.
    Line(&'a [u8]),
    /// APPEND is about to send its first message: accept or refuse it.
    Append(Append, AppendMessage),
    /// It is about to send another one: accept or refuse it.
    AppendNext(AppendMessage),
    /// Octets of the message.
    Octets(&'a [u8]),
    /// The message is whole.
    MessageEnd,
    /// APPEND is whole.
    AppendEnd,
    /// What was sent was no command, or too much of one; the next is waited for.
    /// Without a tag behind [`Event::Append`]: it is that command's then.
    Malformed(Malformed),
    /// More was sent than is worth throwing away: hang up.
    Flood,
}

/// Where in a command the stream is.
#[derive(Debug)]
enum State {
    /// In a line of a command.
    Line,
    /// In a literal of one.
    Literal { left: usize },
    /// In a line that is no command.
    Plain,
    /// Before a message that is neither accepted nor refused.
    Undecided(Pending),
    /// In a message.
    Message { left: u64, closing: bool },
    /// Behind a message: the command ends, or another one follows.
    Behind { closing: bool },
    /// In something that is thrown away.
    Discard(Discard),
}

/// A message that was told of.
#[derive(Debug)]
struct Pending {
    size: u64,
    synchronising: bool,
    /// Whether `)` must follow it.
    closing: bool,
}

/// An event before it borrows its octets.
enum Found {
    Command,
    Line,
    Event(Event<'static>),
}

impl Framer {
    /// A framer at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            names: NameEncoding::default(),
            state: State::Line,
            held: Vec::new(),
            line: 0,
            literals: 0,
            whole: false,
        }
    }

    /// Sets limits for what follows.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Sets how APPEND names mailboxes from now on.
    pub fn set_names(&mut self, names: NameEncoding) {
        self.names = names;
    }

    /// What comes next is one line that is no command: an answer to a challenge
    /// of AUTHENTICATE, or the end of IDLE.
    pub fn expect_line(&mut self) {
        self.begin(State::Plain);
    }

    /// Lets the message come that [`Event::Append`] or [`Event::AppendNext`]
    /// told of. Where it is synchronising, the client waits for `+ `.
    pub fn accept(&mut self) {
        if let State::Undecided(pending) = &self.state {
            self.state = State::Message {
                left: pending.size,
                closing: pending.closing,
            };
        }
    }

    /// Refuses the message that was told of, or gives up the one that is coming:
    /// no more events come of this APPEND, which is to be answered.
    pub fn refuse(&mut self) {
        match &self.state {
            State::Undecided(pending) if pending.synchronising => self.begin(State::Line),
            State::Undecided(pending) => self.begin(State::Discard(Discard::literal(pending.size))),
            State::Message { left, .. } => self.begin(State::Discard(Discard::literal(*left))),
            State::Behind { .. } => self.begin(State::Discard(Discard::line(&self.held))),
            State::Line | State::Literal { .. } | State::Plain | State::Discard(_) => {}
        }
    }

    /// Whether nothing has come since the last whole command.
    pub fn is_at_start(&self) -> bool {
        matches!(self.state, State::Line | State::Plain) && (self.whole || self.held.is_empty())
    }

    /// Takes octets up to the next event; returns how many it took. Those it
    /// did not take are to be fed again.
    pub fn feed<'a>(&'a mut self, octets: &'a [u8]) -> (usize, Event<'a>) {
        if let State::Message { left, .. } = &mut self.state
            && *left > 0
        {
            let count = usize::try_from(*left).map_or(octets.len(), |left| left.min(octets.len()));
            if count == 0 {
                return (0, Event::More);
            }
            *left -= count as u64;
            return (count, Event::Octets(&octets[..count]));
        }
        let mut taken = 0;
        loop {
            let (count, found) = self.step(&octets[taken..]);
            taken += count;
            match found {
                Some(Found::Command) => return (taken, Event::Command(&self.held)),
                Some(Found::Line) => return (taken, Event::Line(without_end(&self.held))),
                Some(Found::Event(event)) => return (taken, event),
                None if taken == octets.len() => return (taken, Event::More),
                None => {}
            }
        }
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
