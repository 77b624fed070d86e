//! Tags: what a client puts before a command, and hears with its answer.

use std::fmt;

use crate::cursor::is_astring_char;

/// A command's tag: 1 to [`Tag::MAX`] characters of an ASTRING, without `+`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    /// The longest tag, in octets. Clients use some ten.
    pub const MAX: usize = 256;

    /// Takes octets that are a tag.
    pub fn new(octets: &[u8]) -> Option<Self> {
        let well_formed = (1..=Self::MAX).contains(&octets.len())
            && octets.iter().all(|b| is_astring_char(*b) && *b != b'+');
        let text = std::str::from_utf8(octets).ok()?;
        well_formed.then(|| Self(text.into()))
    }

    /// The tag of a command, even of one that makes no sense behind it.
    pub fn of(command: &[u8]) -> Option<Self> {
        let end = command
            .iter()
            .position(|b| matches!(b, b' ' | b'\r' | b'\n'));
        Self::new(&command[..end.unwrap_or(command.len())])
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
