//! Flags of messages (RFC 9051 §2.3.2).

use std::fmt;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result, is_atom_char};

/// A flag that a client may set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// Any other, such as `$Forwarded`.
    Keyword(Keyword),
}

/// An atom that names a keyword.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyword(Box<str>);

impl Keyword {
    /// The longest keyword, in octets.
    pub const MAX: usize = 128;

    /// Takes text that is an atom.
    pub fn new(text: &str) -> Option<Self> {
        let well_formed = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(is_atom_char);
        well_formed.then(|| Self(text.into()))
    }

    /// The keyword as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Flag {
    /// None where it is `\Recent`, which nobody can set, but which may come back
    /// from a client that saw it elsewhere.
    fn parse_or_recent(cursor: &mut Cursor<'_>) -> Result<Option<Self>> {
        if !cursor.skip(b'\\') {
            let keyword = Keyword::new(cursor.atom("a flag")?);
            let keyword = keyword.ok_or(CommandError::Expected("a keyword of up to 128 octets"))?;
            return Ok(Some(Self::Keyword(keyword)));
        }
        match cursor.keyword("a flag")?.as_str() {
            "SEEN" => Ok(Some(Self::Seen)),
            "ANSWERED" => Ok(Some(Self::Answered)),
            "FLAGGED" => Ok(Some(Self::Flagged)),
            "DELETED" => Ok(Some(Self::Deleted)),
            "DRAFT" => Ok(Some(Self::Draft)),
            "RECENT" => Ok(None),
            _ => Err(CommandError::Expected(
                r"\Seen, \Answered, \Flagged, \Deleted, \Draft or a keyword",
            )),
        }
    }

    /// `( … )`, without `\Recent`.
    pub(crate) fn parse_list(cursor: &mut Cursor<'_>) -> Result<Vec<Self>> {
        let flags = cursor.list(true, Self::parse_or_recent)?;
        Ok(flags.into_iter().flatten().collect())
    }

    /// A list, or flags parted by spaces to the end (STORE).
    pub(crate) fn parse_list_or_bare(cursor: &mut Cursor<'_>) -> Result<Vec<Self>> {
        if cursor.peek() == Some(b'(') {
            return Self::parse_list(cursor);
        }
        let mut flags = Vec::new();
        loop {
            flags.extend(Self::parse_or_recent(cursor)?);
            if cursor.is_at_end() {
                return Ok(flags);
            }
            cursor.space()?;
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seen => r"\Seen",
            Self::Answered => r"\Answered",
            Self::Flagged => r"\Flagged",
            Self::Deleted => r"\Deleted",
            Self::Draft => r"\Draft",
            Self::Keyword(keyword) => keyword.as_str(),
        })
    }
}
