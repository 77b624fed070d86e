//! How the stream goes on: a step at a time.

use super::announcement::Announcement;
use super::discard::{Discard, Discarded};
use super::{Event, Found, Framer, Pending, State, without_end};
use crate::command::{AppendLine, AppendMessage, CommandError, Malformed};

/// How much memory a framer keeps between commands.
const KEPT: usize = 256;

impl Framer {
    pub(super) fn step(&mut self, octets: &[u8]) -> (usize, Option<Found>) {
        if self.whole {
            let state = std::mem::replace(&mut self.state, State::Line);
            self.begin(state);
        }
        match &mut self.state {
            State::Line | State::Plain | State::Behind { .. } => self.gather(octets),
            State::Literal { left } => {
                let count = octets.len().min(*left);
                self.held.extend_from_slice(&octets[..count]);
                *left -= count;
                if *left == 0 {
                    self.state = State::Line;
                }
                (count, None)
            }
            // Fed without a decision.
            State::Undecided(_) => {
                self.refuse();
                (0, None)
            }
            // Others are handed out before.
            State::Message { closing, .. } => {
                let behind = State::Behind { closing: *closing };
                self.begin(behind);
                (0, Some(Found::Event(Event::MessageEnd)))
            }
            State::Discard(discard) => {
                let (count, discarded) = discard.take(octets, self.limits.discarded);
                let malformed = discard.malformed.take_if(|_| discarded == Discarded::All);
                let event = match discarded {
                    Discarded::More => None,
                    Discarded::Flood => Some(Event::Flood),
                    Discarded::All => {
                        self.begin(State::Line);
                        malformed.map(Event::Malformed)
                    }
                };
                (count, event.map(Found::Event))
            }
        }
    }

    /// Takes octets up to the end of a line.
    fn gather(&mut self, octets: &[u8]) -> (usize, Option<Found>) {
        let end = octets.iter().position(|b| *b == b'\n').map(|at| at + 1);
        let piece = &octets[..end.unwrap_or(octets.len())];
        let room = self.limits.command.saturating_sub(self.held.len());
        if piece.len() > room {
            self.held.extend_from_slice(&piece[..room]);
            self.discard_line();
            return (room, None);
        }
        self.held.extend_from_slice(piece);
        let found = match end {
            Some(_) => self.line(),
            None => None,
        };
        (piece.len(), found)
    }

    /// The line is too long: throws it away, and the rest of the command.
    fn discard_line(&mut self) {
        let mut malformed = Malformed::new(&self.held, CommandError::TooLong);
        if !matches!(self.state, State::Line) {
            malformed.tag = None;
        }
        let discard = Discard::line(&self.held[self.line..]).telling(malformed);
        self.begin(State::Discard(discard));
    }

    /// A line has ended: what it is depends on where it stands.
    fn line(&mut self) -> Option<Found> {
        match self.state {
            State::Plain => {
                self.state = State::Line;
                self.whole = true;
                Some(Found::Line)
            }
            State::Behind { closing } => self.behind(closing),
            _ => {
                let line = without_end(&self.held[self.line..]);
                match Announcement::at_end_of(line) {
                    Some(literal) => self.announced(literal),
                    None => {
                        self.whole = true;
                        Some(Found::Command)
                    }
                }
            }
        }
    }

    fn announced(&mut self, literal: Announcement) -> Option<Found> {
        let judged = match AppendLine::parse(without_end(&self.held), self.names) {
            AppendLine::Message(append, message) => match self.judge_unasked(literal) {
                Ok(()) => {
                    self.tell_of(&message);
                    return Some(Found::Event(Event::Append(append, message)));
                }
                Err(error) => Err(error),
            },
            AppendLine::Malformed(error) => Err(error),
            AppendLine::Other => self.judge(literal),
        };
        if let Err(error) = judged {
            let malformed = Malformed::new(&self.held, error);
            return self.discard_literal(literal, malformed);
        }
        // Judged to be small.
        let left = usize::try_from(literal.size).unwrap_or(usize::MAX);
        self.literals += 1;
        self.line = self.held.len() + left;
        self.state = State::Literal { left };
        literal
            .synchronising
            .then_some(Found::Event(Event::Continue))
    }

    /// Whether there is room for a literal of a command.
    fn judge(&self, literal: Announcement) -> Result<(), CommandError> {
        let room = self.limits.command.saturating_sub(self.held.len());
        if literal.size > room as u64 {
            return Err(CommandError::LiteralTooLong);
        }
        if self.literals >= self.limits.literals {
            return Err(CommandError::TooManyLiterals);
        }
        self.judge_unasked(literal)
    }

    fn judge_unasked(&self, literal: Announcement) -> Result<(), CommandError> {
        let most = self.limits.unasked.unwrap_or(u64::MAX);
        match literal.synchronising || literal.size <= most {
            true => Ok(()),
            false => Err(CommandError::MustSynchronise),
        }
    }

    fn tell_of(&mut self, message: &AppendMessage) {
        self.state = State::Undecided(Pending {
            size: message.size,
            synchronising: message.synchronising,
            closing: message.utf8,
        });
    }

    /// A line behind a message has ended.
    fn behind(&mut self, closing: bool) -> Option<Found> {
        let mut line = without_end(&self.held);
        if closing {
            match line.strip_prefix(b")") {
                Some(rest) => line = rest,
                None => return self.malformed_behind("a closing parenthesis behind the message"),
            }
        }
        if line.is_empty() {
            self.begin(State::Line);
            return Some(Found::Event(Event::AppendEnd));
        }
        let Some(literal) = Announcement::at_end_of(line) else {
            return self.malformed_behind("the end of the command or another message");
        };
        let next = AppendMessage::parse_next(line);
        match next.and_then(|message| self.judge_unasked(literal).map(|()| message)) {
            Ok(message) => {
                self.tell_of(&message);
                Some(Found::Event(Event::AppendNext(message)))
            }
            Err(error) => self.discard_literal(literal, Malformed { tag: None, error }),
        }
    }

    fn malformed_behind(&mut self, what: &'static str) -> Option<Found> {
        let malformed = Malformed {
            tag: None,
            error: CommandError::Expected(what),
        };
        match Announcement::at_end_of(without_end(&self.held)) {
            Some(literal) => self.discard_literal(literal, malformed),
            None => {
                self.begin(State::Line);
                Some(Found::Event(Event::Malformed(malformed)))
            }
        }
    }

    /// Throws away the literal and the rest of the command, unless the client
    /// waits to send it: then it hears now.
    fn discard_literal(&mut self, literal: Announcement, malformed: Malformed) -> Option<Found> {
        if literal.synchronising {
            self.begin(State::Line);
            return Some(Found::Event(Event::Malformed(malformed)));
        }
        let discard = Discard::literal(literal.size).telling(malformed);
        self.begin(State::Discard(discard));
        (literal.size > self.limits.discarded).then_some(Found::Event(Event::Flood))
    }

    /// Forgets what is held.
    pub(super) fn begin(&mut self, state: State) {
        self.state = state;
        self.whole = false;
        self.line = 0;
        self.literals = 0;
        match self.held.capacity() {
            0..=KEPT => self.held.clear(),
            _ => self.held = Vec::new(),
        }
    }
}
