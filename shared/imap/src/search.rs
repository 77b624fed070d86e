//! What SEARCH can ask (RFC 9051 §6.4.4, RFC 5032, RFC 7162, RFC 8474, RFC 8514).

use jiff::civil::Date;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result, utf8};
use crate::date::parse_date;
use crate::flag::{Flag, Keyword};
use crate::sequence_set::{Messages, SequenceSet};

/// The SEARCH and UID SEARCH commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// UID SEARCH: the result is of UIDs.
    pub uid: bool,
    /// What to return, in an ESEARCH response; None asks for the old SEARCH one.
    pub returns: Option<SearchReturn>,
    /// Which messages.
    pub key: SearchKey,
}

/// RETURN (…) (RFC 9051 §6.4.4; an empty one stands for ALL).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchReturn {
    /// MIN: the lowest number.
    pub min: bool,
    /// MAX: the highest number.
    pub max: bool,
    /// ALL: all numbers.
    pub all: bool,
    /// COUNT: how many.
    pub count: bool,
    /// SAVE: keep the result as `$`.
    pub save: bool,
}

/// Which charset strings were written in. Others are refused with BADCHARSET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// US-ASCII
    Ascii,
    /// UTF-8
    Utf8,
}

/// A condition on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey {
    /// ALL
    All,
    /// All of these: keys side by side or in parentheses.
    And(Vec<SearchKey>),
    /// OR
    Or(Box<(SearchKey, SearchKey)>),
    /// NOT
    Not(Box<SearchKey>),
    /// Message numbers, or `$`
    Numbers(Messages),
    /// UID
    Uids(Messages),
    /// A flag is set: SEEN, DELETED, KEYWORD …
    Flag(Flag),
    /// RECENT, which no message is
    Recent,
    /// BCC
    Bcc(String),
    /// CC
    Cc(String),
    /// FROM
    From(String),
    /// TO
    To(String),
    /// SUBJECT
    Subject(String),
    /// HEADER: a field, and what it holds; the empty text is in all
    Header(String, String),
    /// BODY
    Body(String),
    /// TEXT
    Text(String),
    /// BEFORE a day of the internal date
    Before(Date),
    /// ON
    On(Date),
    /// SINCE
    Since(Date),
    /// SENTBEFORE a day of the Date field
    SentBefore(Date),
    /// SENTON
    SentOn(Date),
    /// SENTSINCE
    SentSince(Date),
    /// SAVEDBEFORE a day of the save date
    SavedBefore(Date),
    /// SAVEDON
    SavedOn(Date),
    /// SAVEDSINCE
    SavedSince(Date),
    /// SAVEDATESUPPORTED
    SaveDateSupported,
    /// LARGER than so many octets
    Larger(u64),
    /// SMALLER
    Smaller(u64),
    /// OLDER than so many seconds
    Older(u32),
    /// YOUNGER
    Younger(u32),
    /// MODSEQ, with or without the name of an entry: at least this one
    Modseq(u64),
    /// EMAILID
    EmailId(String),
    /// THREADID
    ThreadId(String),
}

/// How deep keys may be nested.
const MAX_DEPTH: usize = 50;

impl Search {
    pub(crate) fn parse(cursor: &mut Cursor<'_>, uid: bool) -> Result<Self> {
        let returns = match cursor.skip_word("RETURN ") {
            true => {
                let returns = SearchReturn::parse(cursor)?;
                cursor.space()?;
                Some(returns)
            }
            false => None,
        };
        if cursor.skip_word("CHARSET ") {
            Charset::parse(cursor)?;
            cursor.space()?;
        }
        let key = SearchKey::parse_all(cursor)?;
        Ok(Self { uid, returns, key })
    }
}

impl SearchReturn {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut returns = Self::default();
        cursor.list(true, |cursor| {
            match cursor.keyword("a return option")?.as_str() {
                "MIN" => returns.min = true,
                "MAX" => returns.max = true,
                "ALL" => returns.all = true,
                "COUNT" => returns.count = true,
                "SAVE" => returns.save = true,
                _ => return Err(CommandError::Expected("MIN, MAX, ALL, COUNT or SAVE")),
            }
            Ok(())
        })?;
        if returns == Self::default() {
            returns.all = true;
        }
        Ok(returns)
    }
}

impl Charset {
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let name = cursor.astring("a charset")?;
        match name.to_ascii_uppercase().as_slice() {
            b"US-ASCII" | b"ASCII" => Ok(Self::Ascii),
            b"UTF-8" | b"UTF8" => Ok(Self::Utf8),
            _ => Err(CommandError::Charset),
        }
    }
}

impl SearchKey {
    /// Keys parted by spaces, to the end of the command.
    pub(crate) fn parse_all(cursor: &mut Cursor<'_>) -> Result<Self> {
        let first = Self::parse(cursor, MAX_DEPTH)?;
        if cursor.is_at_end() {
            return Ok(first);
        }
        let mut keys = vec![first];
        while !cursor.is_at_end() {
            cursor.space()?;
            keys.push(Self::parse(cursor, MAX_DEPTH)?);
        }
        Ok(Self::And(keys))
    }

    fn parse(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self> {
        let depth = depth.checked_sub(1).ok_or(CommandError::TooDeep)?;
        match cursor.peek() {
            Some(b'(') => {
                let mut keys = cursor.list(false, |cursor| Self::parse(cursor, depth))?;
                Ok(match keys.len() {
                    1 => keys.remove(0),
                    _ => Self::And(keys),
                })
            }
            Some(b'0'..=b'9' | b'*' | b'$') => Messages::parse(cursor).map(Self::Numbers),
            Some(_) | None => {
                let name = cursor.keyword("a search key")?;
                match Self::simple(&name) {
                    Some(key) => Ok(key),
                    None => Self::parse_arguments(&name, cursor, depth),
                }
            }
        }
    }

    /// A key without arguments.
    fn simple(name: &str) -> Option<Self> {
        let unset = |flag| Self::Not(Box::new(Self::Flag(flag)));
        Some(match name {
            "ALL" => Self::All,
            "ANSWERED" => Self::Flag(Flag::Answered),
            "DELETED" => Self::Flag(Flag::Deleted),
            "DRAFT" => Self::Flag(Flag::Draft),
            "FLAGGED" => Self::Flag(Flag::Flagged),
            "SEEN" => Self::Flag(Flag::Seen),
            "UNANSWERED" => unset(Flag::Answered),
            "UNDELETED" => unset(Flag::Deleted),
            "UNDRAFT" => unset(Flag::Draft),
            "UNFLAGGED" => unset(Flag::Flagged),
            "UNSEEN" => unset(Flag::Seen),
            "RECENT" => Self::Recent,
            "NEW" => Self::And(vec![Self::Recent, unset(Flag::Seen)]),
            "OLD" => Self::Not(Box::new(Self::Recent)),
            "SAVEDATESUPPORTED" => Self::SaveDateSupported,
            _ => return None,
        })
    }

    fn parse_arguments(name: &str, cursor: &mut Cursor<'_>, depth: usize) -> Result<Self> {
        let known = Self::argument(name).ok_or(CommandError::Expected("a known search key"))?;
        cursor.space()?;
        Ok(match known {
            Argument::Key => Self::Not(Box::new(Self::parse(cursor, depth)?)),
            Argument::Keys => {
                let one = Self::parse(cursor, depth)?;
                cursor.space()?;
                Self::Or(Box::new((one, Self::parse(cursor, depth)?)))
            }
            Argument::Uids => Self::Uids(Messages::parse(cursor)?),
            Argument::Keyword { set } => {
                let keyword = Keyword::new(cursor.atom("a keyword")?);
                let keyword = keyword.ok_or(CommandError::Expected("a shorter keyword"))?;
                let key = Self::Flag(Flag::Keyword(keyword));
                if set { key } else { Self::Not(Box::new(key)) }
            }
            Argument::Text(make) => make(cursor.text("text to search for")?),
            Argument::Header => {
                let field = cursor.text("a field name")?;
                cursor.space()?;
                Self::Header(field, cursor.text("text to search for")?)
            }
            Argument::Date(make) => make(parse_date(cursor)?),
            Argument::Octets(make) => make(cursor.number64()?),
            Argument::Seconds(make) => make(cursor.nonzero()?),
            Argument::Modseq => Self::Modseq(parse_modseq(cursor)?),
        })
    }

    fn argument(name: &str) -> Option<Argument> {
        Some(match name {
            "NOT" => Argument::Key,
            "OR" => Argument::Keys,
            "UID" => Argument::Uids,
            "KEYWORD" => Argument::Keyword { set: true },
            "UNKEYWORD" => Argument::Keyword { set: false },
            "BCC" => Argument::Text(Self::Bcc),
            "CC" => Argument::Text(Self::Cc),
            "FROM" => Argument::Text(Self::From),
            "TO" => Argument::Text(Self::To),
            "SUBJECT" => Argument::Text(Self::Subject),
            "BODY" => Argument::Text(Self::Body),
            "TEXT" => Argument::Text(Self::Text),
            "EMAILID" => Argument::Text(Self::EmailId),
            "THREADID" => Argument::Text(Self::ThreadId),
            "HEADER" => Argument::Header,
            "BEFORE" => Argument::Date(Self::Before),
            "ON" => Argument::Date(Self::On),
            "SINCE" => Argument::Date(Self::Since),
            "SENTBEFORE" => Argument::Date(Self::SentBefore),
            "SENTON" => Argument::Date(Self::SentOn),
            "SENTSINCE" => Argument::Date(Self::SentSince),
            "SAVEDBEFORE" => Argument::Date(Self::SavedBefore),
            "SAVEDON" => Argument::Date(Self::SavedOn),
            "SAVEDSINCE" => Argument::Date(Self::SavedSince),
            "LARGER" => Argument::Octets(Self::Larger),
            "SMALLER" => Argument::Octets(Self::Smaller),
            "OLDER" => Argument::Seconds(Self::Older),
            "YOUNGER" => Argument::Seconds(Self::Younger),
            "MODSEQ" => Argument::Modseq,
            _ => return None,
        })
    }
}

/// What stands behind the name of a key.
enum Argument {
    Key,
    Keys,
    Uids,
    Keyword { set: bool },
    Text(fn(String) -> SearchKey),
    Header,
    Date(fn(Date) -> SearchKey),
    Octets(fn(u64) -> SearchKey),
    Seconds(fn(u32) -> SearchKey),
    Modseq,
}

/// RFC 7162 §3.1.5: the entry that may stand before the number selects nothing
/// here, where all flags share one modification sequence.
fn parse_modseq(cursor: &mut Cursor<'_>) -> Result<u64> {
    if cursor.peek() == Some(b'"') {
        utf8(&cursor.string("an entry's name")?)?;
        cursor.space()?;
        match cursor.keyword("priv, shared or all")?.as_str() {
            "PRIV" | "SHARED" | "ALL" => cursor.space()?,
            _ => return Err(CommandError::Expected("priv, shared or all")),
        }
    }
    cursor.number64()
}

impl From<SequenceSet> for SearchKey {
    fn from(set: SequenceSet) -> Self {
        Self::Numbers(Messages::Set(set))
    }
}
