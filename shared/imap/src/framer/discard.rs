//! Finding the end of a command that is thrown away.

use super::announcement::Announcement;
use super::without_end;
use crate::command::Malformed;

/// A command that is thrown away: how far it has come.
#[derive(Debug)]
pub(super) struct Discard {
    /// What to say once it has ended.
    pub(super) malformed: Option<Malformed>,
    /// Octets of a literal that are to come.
    left: u64,
    /// The end of the line so far: as much as shows whether a literal follows.
    tail: Vec<u8>,
    /// Octets thrown away.
    spent: u64,
}

/// How throwing away goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Discarded {
    /// More of the command is to come.
    More,
    /// It has ended, or waits for a literal to be asked for that never will be.
    All,
    /// It is too much.
    Flood,
}

impl Discard {
    /// From within a line that starts so.
    pub(super) fn line(start: &[u8]) -> Self {
        let mut discard = Self::literal(0);
        discard.keep_tail(start);
        discard
    }

    /// From within a literal.
    pub(super) fn literal(left: u64) -> Self {
        Self {
            malformed: None,
            left,
            tail: Vec::new(),
            spent: 0,
        }
    }

    pub(super) fn telling(mut self, malformed: Malformed) -> Self {
        self.malformed = Some(malformed);
        self
    }

    /// Takes octets, of at most `limit` in all.
    pub(super) fn take(&mut self, octets: &[u8], limit: u64) -> (usize, Discarded) {
        if self.is_too_much(limit) {
            return (0, Discarded::Flood);
        }
        let count = match self.left {
            0 => match octets.iter().position(|b| *b == b'\n') {
                Some(end) => end + 1,
                None => octets.len(),
            },
            left => usize::try_from(left).map_or(octets.len(), |left| left.min(octets.len())),
        };
        self.spent += count as u64;
        if self.left > 0 {
            self.left -= count as u64;
            return (count, Discarded::More);
        }
        self.keep_tail(&octets[..count]);
        match self.judge_line() {
            Discarded::More if self.is_too_much(limit) => (count, Discarded::Flood),
            judged => (count, judged),
        }
    }

    fn is_too_much(&self, limit: u64) -> bool {
        self.left.saturating_add(self.spent) > limit
    }

    /// Whether the line has ended, and with it the command.
    fn judge_line(&mut self) -> Discarded {
        if !self.tail.ends_with(b"\n") {
            return Discarded::More;
        }
        let literal = Announcement::at_end_of(without_end(&self.tail));
        self.tail.clear();
        match literal {
            Some(literal) if !literal.synchronising => {
                self.left = literal.size;
                Discarded::More
            }
            Some(_) | None => Discarded::All,
        }
    }

    fn keep_tail(&mut self, octets: &[u8]) {
        const ROOM: usize = Announcement::MAX + 2;
        let octets = &octets[octets.len().saturating_sub(ROOM)..];
        let excess = (self.tail.len() + octets.len()).saturating_sub(ROOM);
        self.tail.drain(..excess.min(self.tail.len()));
        self.tail.extend_from_slice(octets);
    }
}
