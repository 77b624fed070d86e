//! The octets of the client that wait to be understood: a fixed buffer.

use std::ops::Range;

/// The longest line of AUTH (RFC 4954 §4), CRLF included; no other is as long.
pub(super) const LINE_MAX: usize = 12_288;

/// Room for the longest line, and for a good part of content at a time.
const CAPACITY: usize = 16 * 1024;

/// A buffer of fixed size.
pub(super) struct Input {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// A line was too long; what comes belongs to it up to its end.
    skipping: bool,
}

/// A line taken from the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Where it stands, without CRLF; valid until more is read.
    Whole(Range<usize>),
    /// It was longer than [`LINE_MAX`] and is gone.
    TooLong,
    /// It ended in LF without CR.
    BareLf,
}

impl Input {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; CAPACITY].into(),
            start: 0,
            end: 0,
            skipping: false,
        }
    }

    /// Where to read into; never empty.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        &mut self.buffer[self.end..]
    }

    /// Says that `count` octets were read into the spare room.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(CAPACITY);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// What has not been taken yet.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes `count` octets and says where they stand.
    pub(super) fn take(&mut self, count: usize) -> Range<usize> {
        let taken = self.start..(self.start + count).min(self.end);
        self.start = taken.end;
        taken
    }

    /// Octets taken before; valid until more is read.
    pub(super) fn taken(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Takes a line; none if its end has not come.
    pub(super) fn take_line(&mut self) -> Option<Line> {
        let Some(length) = memchr::memchr(b'\n', self.waiting()) else {
            if self.waiting().len() >= LINE_MAX {
                self.skipping = true;
                self.start = self.end;
            }
            return None;
        };
        let mut line = self.take(length + 1);
        if std::mem::take(&mut self.skipping) || line.len() > LINE_MAX {
            return Some(Line::TooLong);
        }
        if !self.buffer[line.clone()].ends_with(b"\r\n") {
            return Some(Line::BareLf);
        }
        line.end -= 2;
        Some(Line::Whole(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(input: &mut Input, octets: &[u8]) {
        input.spare()[..octets.len()].copy_from_slice(octets);
        input.filled(octets.len());
    }

    #[test]
    fn lines_are_taken_as_they_come() {
        let mut input = Input::new();
        fill(&mut input, b"NOOP\r\nRS");
        let line = input.take_line();
        assert_eq!(line, Some(Line::Whole(0..4)));
        assert_eq!(input.take_line(), None);
        fill(&mut input, b"ET\r\nx\n");
        let Some(Line::Whole(range)) = input.take_line() else {
            panic!("no line")
        };
        assert_eq!(input.taken(range), b"RSET");
        assert_eq!(input.take_line(), Some(Line::BareLf));
        assert!(input.is_empty());
    }

    #[test]
    fn a_line_without_end_is_skipped() {
        let mut input = Input::new();
        for _ in 0..100 {
            let spare = input.spare();
            assert!(!spare.is_empty());
            spare.fill(b'x');
            let count = spare.len();
            input.filled(count);
            assert_eq!(input.take_line(), None);
        }
        fill(&mut input, b"y\r\nNOOP\r\n");
        assert_eq!(input.take_line(), Some(Line::TooLong));
        assert!(matches!(input.take_line(), Some(Line::Whole(_))));
    }
}
