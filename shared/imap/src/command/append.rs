//! APPEND (RFC 9051 §6.3.12, MULTIAPPEND of RFC 3502, UTF8 of RFC 6855): what
//! stands around the messages, which themselves stream.

use jiff::Timestamp;

use super::CommandError;
use crate::cursor::{Cursor, Result};
use crate::date::parse_date_time;
use crate::flag::Flag;
use crate::mailbox_name::{MailboxName, NameEncoding};
use crate::tag::Tag;

/// The start of an APPEND command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// What the answer starts with.
    pub tag: Tag,
    /// Where to.
    pub mailbox: MailboxName,
}

/// A message that is about to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    /// Its first flags.
    pub flags: Vec<Flag>,
    /// Its internal date; now, where None.
    pub internal_date: Option<Timestamp>,
    /// Its size in octets.
    pub size: u64,
    /// Whether the client waits to be told to send it.
    pub synchronising: bool,
    /// Whether it may hold NUL (a literal8, RFC 3516 §4.4).
    pub binary: bool,
    /// Whether it came as `UTF8 (…)`, and ends with the parenthesis.
    pub utf8: bool,
}

/// What a line that ends with a literal's size is, read as APPEND.
#[derive(Debug)]
pub(crate) enum AppendLine {
    /// Not APPEND, or not yet at its message: the mailbox is a literal.
    Other,
    /// A message follows.
    Message(Append, AppendMessage),
    /// It makes no sense.
    Malformed(CommandError),
}

impl AppendLine {
    /// Reads a line up to its line end.
    pub(crate) fn parse(line: &[u8], names: NameEncoding) -> Self {
        let Some(tag) = Tag::of(line) else {
            return Self::Other;
        };
        let mut cursor = Cursor::new(&line[tag.as_str().len()..]);
        if !cursor.skip_word(" APPEND ") {
            return Self::Other;
        }
        let names_mailbox = cursor.peek() == Some(b'{') && !line.contains(&b'\n');
        if names_mailbox {
            return Self::Other;
        }
        match parse_head(&mut cursor, names) {
            Ok((mailbox, message)) => Self::Message(Append { tag, mailbox }, message),
            Err(error) => Self::Malformed(error),
        }
    }
}

fn parse_head(
    cursor: &mut Cursor<'_>,
    names: NameEncoding,
) -> Result<(MailboxName, AppendMessage)> {
    let mailbox = MailboxName::parse(cursor, names)?;
    cursor.space()?;
    Ok((mailbox, AppendMessage::parse(cursor)?))
}

impl AppendMessage {
    /// Reads ` (flags) "date" {size}`, as it stands behind another message.
    pub(crate) fn parse_next(line: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(line);
        cursor.space()?;
        Self::parse(&mut cursor)
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut flags = Vec::new();
        if cursor.peek() == Some(b'(') {
            flags = Flag::parse_list(cursor)?;
            cursor.space()?;
        }
        let mut internal_date = None;
        if cursor.peek() == Some(b'"') {
            internal_date = Some(parse_date_time(cursor)?);
            cursor.space()?;
        }
        let utf8 = cursor.skip_word("UTF8 (");
        let binary = cursor.skip(b'~');
        if utf8 && !binary {
            return Err(CommandError::Expected("a literal8 (~{size}) in UTF8 (…)"));
        }
        cursor.expect(b'{', "the message as a literal")?;
        let size = cursor.number64()?;
        let synchronising = !cursor.skip(b'+');
        cursor.expect(b'}', "the end of the literal's size")?;
        cursor.end()?;
        Ok(Self {
            flags,
            internal_date,
            size,
            synchronising,
            binary,
            utf8,
        })
    }
}
