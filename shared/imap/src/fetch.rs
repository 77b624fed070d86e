//! What FETCH can ask of a message (RFC 9051 §6.4.5, RFC 7162, RFC 8474).

use std::fmt;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result, utf8};
use crate::sequence_set::Messages;

/// The FETCH and UID FETCH commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// UID FETCH: the set is of UIDs.
    pub uid: bool,
    /// Of which messages.
    pub messages: Messages,
    /// What of them.
    pub items: Vec<FetchItem>,
    /// Of which of them only.
    pub modifiers: FetchModifiers,
}

/// Modifiers of FETCH (RFC 7162 §3.1.4, §3.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FetchModifiers {
    /// CHANGEDSINCE: only messages changed since.
    pub changed_since: Option<u64>,
    /// VANISHED: and which were expunged since.
    pub vanished: bool,
}

/// A thing to fetch. The macros ALL, FAST and FULL come as what they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// BODY: the structure without extensions.
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// ENVELOPE
    Envelope,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822.SIZE
    Rfc822Size,
    /// UID
    Uid,
    /// MODSEQ (RFC 7162)
    Modseq,
    /// EMAILID (RFC 8474)
    EmailId,
    /// THREADID (RFC 8474)
    ThreadId,
    /// SAVEDATE (RFC 8514)
    SaveDate,
    /// RFC822, as IMAP4rev1 called `BODY[]`
    Rfc822,
    /// RFC822.HEADER: `BODY.PEEK[HEADER]`
    Rfc822Header,
    /// RFC822.TEXT: `BODY[TEXT]`
    Rfc822Text,
    /// BODY[section]<partial>
    Section {
        /// BODY.PEEK: it does not set `\Seen`.
        peek: bool,
        /// What of the message.
        section: Section,
        /// Which octets of that.
        partial: Option<Partial>,
    },
    /// BINARY[part]<partial> (RFC 3516): without its transfer encoding
    Binary {
        /// BINARY.PEEK: it does not set `\Seen`.
        peek: bool,
        /// Which part.
        part: Part,
        /// Which octets of that.
        partial: Option<Partial>,
    },
    /// BINARY.SIZE[part]
    BinarySize(Part),
}

/// Which body part: `1.2` is the second within the first; the empty one is the
/// message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Part(pub Box<[u32]>);

impl Part {
    /// How deep parts may lie.
    pub const MAX_DEPTH: usize = 100;
}

/// What BODY[…] names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Section {
    /// Which part.
    pub part: Part,
    /// What of it; all of it where None.
    pub text: Option<SectionText>,
}

/// What of a message or part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SectionText {
    /// HEADER
    Header,
    /// HEADER.FIELDS (…)
    Fields(Vec<Box<str>>),
    /// HEADER.FIELDS.NOT (…)
    FieldsNot(Vec<Box<str>>),
    /// TEXT
    Text,
    /// MIME
    Mime,
}

/// `<offset.length>`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Partial {
    /// The first octet.
    pub offset: u32,
    /// At most so many; never zero.
    pub length: u32,
}

impl Fetch {
    pub(crate) fn parse(cursor: &mut Cursor<'_>, uid: bool) -> Result<Self> {
        let messages = Messages::parse(cursor)?;
        cursor.space()?;
        let items = parse_items(cursor)?;
        let modifiers = match cursor.is_at_end() {
            true => FetchModifiers::default(),
            false => FetchModifiers::parse(cursor)?,
        };
        if modifiers.vanished && !(uid && modifiers.changed_since.is_some()) {
            return Err(CommandError::Expected(
                "UID FETCH and CHANGEDSINCE with VANISHED",
            ));
        }
        Ok(Self {
            uid,
            messages,
            items,
            modifiers,
        })
    }
}

impl FetchModifiers {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut modifiers = Self::default();
        cursor.space()?;
        cursor.list(false, |cursor| {
            match cursor.keyword("CHANGEDSINCE or VANISHED")?.as_str() {
                "CHANGEDSINCE" => {
                    cursor.space()?;
                    modifiers.changed_since = Some(cursor.number64()?);
                }
                "VANISHED" => modifiers.vanished = true,
                _ => return Err(CommandError::Expected("CHANGEDSINCE or VANISHED")),
            }
            Ok(())
        })?;
        Ok(modifiers)
    }
}

fn parse_items(cursor: &mut Cursor<'_>) -> Result<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Rfc822Size};
    if cursor.peek() == Some(b'(') {
        return cursor.list(false, FetchItem::parse);
    }
    let mut ahead = cursor.clone();
    let items = match ahead.keyword("what to fetch")?.as_str() {
        "ALL" => vec![Flags, InternalDate, Rfc822Size, Envelope],
        "FAST" => vec![Flags, InternalDate, Rfc822Size],
        "FULL" => vec![Flags, InternalDate, Rfc822Size, Envelope, Body],
        _ => return Ok(vec![FetchItem::parse(cursor)?]),
    };
    *cursor = ahead;
    Ok(items)
}

impl FetchItem {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
        let name = cursor.run(is_name, "what to fetch")?.to_ascii_uppercase();
        let bracket = cursor.peek() == Some(b'[');
        Ok(match (name.as_str(), bracket) {
            ("BODY", false) => Self::Body,
            ("BODYSTRUCTURE", false) => Self::BodyStructure,
            ("ENVELOPE", false) => Self::Envelope,
            ("FLAGS", false) => Self::Flags,
            ("INTERNALDATE", false) => Self::InternalDate,
            ("RFC822.SIZE", false) => Self::Rfc822Size,
            ("UID", false) => Self::Uid,
            ("MODSEQ", false) => Self::Modseq,
            ("EMAILID", false) => Self::EmailId,
            ("THREADID", false) => Self::ThreadId,
            ("SAVEDATE", false) => Self::SaveDate,
            ("RFC822", false) => Self::Rfc822,
            ("RFC822.HEADER", false) => Self::Rfc822Header,
            ("RFC822.TEXT", false) => Self::Rfc822Text,
            ("BODY" | "BODY.PEEK", true) => Self::Section {
                peek: name == "BODY.PEEK",
                section: Section::parse(cursor)?,
                partial: Partial::parse(cursor)?,
            },
            ("BINARY" | "BINARY.PEEK", true) => Self::Binary {
                peek: name == "BINARY.PEEK",
                part: Part::parse_in_brackets(cursor)?,
                partial: Partial::parse(cursor)?,
            },
            ("BINARY.SIZE", true) => Self::BinarySize(Part::parse_in_brackets(cursor)?),
            _ => return Err(CommandError::Expected("something known to fetch")),
        })
    }
}

impl Part {
    fn parse_in_brackets(cursor: &mut Cursor<'_>) -> Result<Self> {
        cursor.expect(b'[', "an opening bracket")?;
        let mut part = Vec::new();
        while !cursor.skip(b']') {
            if !part.is_empty() {
                cursor.expect(b'.', "a closing bracket")?;
            }
            part.push(cursor.nonzero()?);
            Self::check_depth(&part)?;
        }
        Ok(Self(part.into()))
    }

    fn check_depth(part: &[u32]) -> Result<()> {
        match part.len() {
            0..=Self::MAX_DEPTH => Ok(()),
            _ => Err(CommandError::TooDeep),
        }
    }
}

impl Section {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        cursor.expect(b'[', "an opening bracket")?;
        let mut part = Vec::new();
        let mut text = None;
        while !cursor.skip(b']') {
            if text.is_some() {
                return Err(CommandError::Expected("a closing bracket"));
            }
            if !part.is_empty() {
                cursor.expect(b'.', "a closing bracket")?;
            }
            if cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
                part.push(cursor.nonzero()?);
                Part::check_depth(&part)?;
            } else {
                text = Some(SectionText::parse(cursor)?);
            }
        }
        if text == Some(SectionText::Mime) && part.is_empty() {
            return Err(CommandError::Expected("a part's number before MIME"));
        }
        Ok(Self {
            part: Part(part.into()),
            text,
        })
    }
}

impl SectionText {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let is_name = |b: u8| b.is_ascii_alphabetic() || b == b'.';
        match cursor
            .run(is_name, "a section")?
            .to_ascii_uppercase()
            .as_str()
        {
            "HEADER" => Ok(Self::Header),
            "HEADER.FIELDS" => parse_fields(cursor).map(Self::Fields),
            "HEADER.FIELDS.NOT" => parse_fields(cursor).map(Self::FieldsNot),
            "TEXT" => Ok(Self::Text),
            "MIME" => Ok(Self::Mime),
            _ => Err(CommandError::Expected(
                "HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME",
            )),
        }
    }
}

fn parse_fields(cursor: &mut Cursor<'_>) -> Result<Vec<Box<str>>> {
    cursor.space()?;
    cursor.list(false, |cursor| {
        let name = utf8(&cursor.astring("a field name")?)?;
        // Field names come back in the answer, where none may break the line.
        let well_formed = !name.is_empty() && !name.chars().any(char::is_control);
        let name = well_formed.then(|| name.to_ascii_uppercase().into());
        name.ok_or(CommandError::Expected(
            "a field name without control characters",
        ))
    })
}

impl Partial {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>> {
        if !cursor.skip(b'<') {
            return Ok(None);
        }
        let offset = cursor.number()?;
        cursor.expect(b'.', "a dot between offset and length")?;
        let length = cursor.nonzero()?;
        cursor.expect(b'>', "a closing angle bracket")?;
        Ok(Some(Self { offset, length }))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, number) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            write!(f, "{dot}{number}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}.{}>", self.offset, self.length)
    }
}
