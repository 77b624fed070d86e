//! SORT and THREAD (RFC 5256, RFC 5957's display keys).

use crate::command::CommandError;
use crate::cursor::{Cursor, Result};
use crate::search::{Charset, SearchKey};

/// The SORT and UID SORT commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// UID SORT: the result is of UIDs.
    pub uid: bool,
    /// By what.
    pub criteria: Vec<SortCriterion>,
    /// Which messages.
    pub key: SearchKey,
}

/// One thing to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortCriterion {
    /// REVERSE: the largest first.
    pub reverse: bool,
    /// By what.
    pub key: SortKey,
}

/// What messages are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// ARRIVAL: the internal date
    Arrival,
    /// CC: the first address's local part
    Cc,
    /// DATE: the Date field
    Date,
    /// FROM: the first address's local part
    From,
    /// SIZE
    Size,
    /// SUBJECT: the base subject
    Subject,
    /// TO: the first address's local part
    To,
    /// DISPLAYFROM: the first address's name (RFC 5957)
    DisplayFrom,
    /// DISPLAYTO
    DisplayTo,
}

/// The THREAD and UID THREAD commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// UID THREAD: the result is of UIDs.
    pub uid: bool,
    /// How.
    pub algorithm: ThreadAlgorithm,
    /// Which messages.
    pub key: SearchKey,
}

/// How messages become threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// By base subject, then by date
    OrderedSubject,
    /// By References and In-Reply-To, then by base subject
    References,
}

impl Sort {
    pub(crate) fn parse(cursor: &mut Cursor<'_>, uid: bool) -> Result<Self> {
        let criteria = cursor.list(false, SortCriterion::parse)?;
        let key = parse_rest(cursor)?;
        Ok(Self { uid, criteria, key })
    }
}

impl Thread {
    pub(crate) fn parse(cursor: &mut Cursor<'_>, uid: bool) -> Result<Self> {
        let algorithm = match cursor.keyword("a threading algorithm")?.as_str() {
            "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
            "REFERENCES" => ThreadAlgorithm::References,
            _ => return Err(CommandError::Expected("ORDEREDSUBJECT or REFERENCES")),
        };
        let key = parse_rest(cursor)?;
        Ok(Self {
            uid,
            algorithm,
            key,
        })
    }
}

/// ` charset key…`
fn parse_rest(cursor: &mut Cursor<'_>) -> Result<SearchKey> {
    cursor.space()?;
    Charset::parse(cursor)?;
    cursor.space()?;
    SearchKey::parse_all(cursor)
}

impl SortCriterion {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let reverse = cursor.skip_word("REVERSE ");
        let name = cursor.keyword("a sort key")?;
        let key = SortKey::ALL.into_iter().find(|key| key.name() == name);
        let key = key.ok_or(CommandError::Expected("a sort key such as DATE"))?;
        Ok(Self { reverse, key })
    }
}

impl SortKey {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Arrival,
        Self::Cc,
        Self::Date,
        Self::From,
        Self::Size,
        Self::Subject,
        Self::To,
        Self::DisplayFrom,
        Self::DisplayTo,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arrival => "ARRIVAL",
            Self::Cc => "CC",
            Self::Date => "DATE",
            Self::From => "FROM",
            Self::Size => "SIZE",
            Self::Subject => "SUBJECT",
            Self::To => "TO",
            Self::DisplayFrom => "DISPLAYFROM",
            Self::DisplayTo => "DISPLAYTO",
        }
    }
}

impl ThreadAlgorithm {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrderedSubject => "ORDEREDSUBJECT",
            Self::References => "REFERENCES",
        }
    }
}
