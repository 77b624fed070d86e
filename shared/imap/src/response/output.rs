//! The buffer that answers are written into.

use crate::mailbox_name::{MailboxName, NameEncoding};
use crate::sequence_set::write_numbers;

/// The longest quoted string; what is longer is a literal.
const MAX_QUOTED: usize = 1024;

/// Answers as octets, to be sent when it suits.
#[derive(Debug, Default)]
pub struct Output {
    octets: Vec<u8>,
    names: NameEncoding,
}

impl Output {
    /// Sets how mailboxes are named, and whether quoted strings may hold UTF-8.
    pub fn set_names(&mut self, names: NameEncoding) {
        self.names = names;
    }

    /// What was written.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Forgets what was written; keeps no more than `capacity` octets of memory.
    pub fn clear(&mut self, capacity: usize) {
        self.octets.clear();
        self.octets.shrink_to(capacity);
    }

    /// Takes what was written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.octets)
    }

    /// Writes octets as they are: the inside of a literal that was announced, or
    /// something that an `Output` has written before.
    pub fn raw(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    pub(crate) fn word(&mut self, word: &str) {
        self.raw(word.as_bytes());
    }

    pub(crate) fn number(&mut self, number: impl Into<u64>) {
        self.word(&number.into().to_string());
    }

    pub(crate) fn numbers(&mut self, numbers: &[u32]) {
        write_numbers(&mut self.octets, numbers.iter().copied());
    }

    pub(crate) fn end(&mut self) {
        self.raw(b"\r\n");
    }

    /// Free text: no line end, no control character, and printable ASCII only.
    pub(crate) fn text(&mut self, text: &str) {
        let printable = text.chars().map(|c| match c {
            ' '..='~' => c as u8,
            c if c.is_control() => b' ',
            _ => b'?',
        });
        self.octets.extend(printable);
    }

    /// A string: quoted where it can be, else a literal. NUL, which neither can
    /// hold, is left out.
    pub(crate) fn string(&mut self, octets: &[u8]) {
        let utf8 = self.names == NameEncoding::Utf8;
        if is_quotable(octets, utf8) {
            return quote(&mut self.octets, octets);
        }
        let nuls = octets.iter().filter(|b| **b == 0).count();
        self.literal((octets.len() - nuls) as u64);
        self.octets.extend(octets.iter().filter(|b| **b != 0));
    }

    pub(crate) fn nstring(&mut self, octets: Option<&[u8]>) {
        match octets {
            Some(octets) => self.string(octets),
            None => self.word("NIL"),
        }
    }

    /// `{size}`: as many octets must follow.
    pub(crate) fn literal(&mut self, size: u64) {
        self.word("{");
        self.number(size);
        self.word("}\r\n");
    }

    pub(crate) fn mailbox(&mut self, name: &MailboxName) {
        let wire = name.encode(self.names);
        self.string(wire.as_bytes());
    }

    /// `( … )` with single spaces between.
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.word("(");
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.word(" ");
            }
            write(self, item);
        }
        self.word(")");
    }

    /// The items, each behind a space.
    pub(crate) fn spaced<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        for item in items {
            self.word(" ");
            write(self, item);
        }
    }
}

/// Whether a quoted string can hold `octets` (RFC 9051 §9 `quoted`).
pub(crate) fn is_quotable(octets: &[u8], utf8: bool) -> bool {
    let plain = |b: &u8| matches!(b, b' '..=b'~' | b'\t') || utf8 && *b >= 0x80;
    octets.len() <= MAX_QUOTED
        && octets.iter().all(plain)
        && (octets.is_ascii() || std::str::from_utf8(octets).is_ok())
}

/// Writes what [`is_quotable`].
pub(crate) fn quote(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'"');
    for octet in octets {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*octet);
    }
    out.push(b'"');
}
