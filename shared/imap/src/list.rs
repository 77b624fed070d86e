//! LIST with its extensions (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154).

use std::fmt;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result};
use crate::mailbox_name::{NameEncoding, Pattern};
use crate::status_item::StatusItem;

/// What a mailbox is for (RFC 6154 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Archive,
        Self::Drafts,
        Self::Flagged,
        Self::Junk,
        Self::Sent,
        Self::Trash,
    ];

    /// Its attribute on the wire.
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::All => r"\All",
            Self::Archive => r"\Archive",
            Self::Drafts => r"\Drafts",
            Self::Flagged => r"\Flagged",
            Self::Junk => r"\Junk",
            Self::Sent => r"\Sent",
            Self::Trash => r"\Trash",
        }
    }

    /// `\Sent` and its like; None of an attribute nobody knows.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>> {
        cursor.expect(b'\\', r"a special use such as \Sent")?;
        let name = cursor.atom("a special use")?;
        let known = |using: &Self| using.attribute()[1..].eq_ignore_ascii_case(name);
        Ok(Self::ALL.into_iter().find(known))
    }
}

/// Which mailboxes LIST selects, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListSelection {
    /// SUBSCRIBED: the subscribed names, also of mailboxes that are gone.
    pub subscribed: bool,
    /// REMOTE: others' too; we have none.
    pub remote: bool,
    /// RECURSIVEMATCH: also those whose children match.
    pub recursive_match: bool,
    /// SPECIAL-USE: those with a use.
    pub special_use: bool,
}

/// What LIST tells of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListReturn {
    /// SUBSCRIBED: which are subscribed.
    pub subscribed: bool,
    /// CHILDREN: which have children.
    pub children: bool,
    /// SPECIAL-USE: what they are for.
    pub special_use: bool,
    /// STATUS: these items of each.
    pub status: Vec<StatusItem>,
}

/// The LIST command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Which mailboxes.
    pub selection: ListSelection,
    /// What the patterns stand behind.
    pub reference: Pattern,
    /// What is looked for.
    pub patterns: Vec<Pattern>,
    /// What is told; None of a client that knows no LIST-EXTENDED.
    pub returns: Option<ListReturn>,
    /// Whether several patterns, in parentheses, were allowed for.
    pub several: bool,
}

impl List {
    /// Whether a client asked in the way of LIST-EXTENDED.
    pub fn is_extended(&self) -> bool {
        self.several || self.returns.is_some() || self.selection != ListSelection::default()
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Self> {
        let mut selection = ListSelection::default();
        if cursor.peek() == Some(b'(') {
            selection = ListSelection::parse(cursor)?;
            cursor.space()?;
        }
        let reference = Pattern::parse_reference(cursor, names)?;
        cursor.space()?;
        let several = cursor.peek() == Some(b'(');
        let patterns = match several {
            true => cursor.list(false, |cursor| Pattern::parse(cursor, names))?,
            false => vec![Pattern::parse(cursor, names)?],
        };
        let returns = match cursor.skip_word(" RETURN ") {
            true => Some(ListReturn::parse(cursor)?),
            false => None,
        };
        Ok(Self {
            selection,
            reference,
            patterns,
            returns,
            several,
        })
    }
}

impl ListSelection {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut selection = Self::default();
        cursor.list(true, |cursor| {
            match cursor.keyword("a selection option")?.as_str() {
                "SUBSCRIBED" => selection.subscribed = true,
                "REMOTE" => selection.remote = true,
                "RECURSIVEMATCH" => selection.recursive_match = true,
                "SPECIAL-USE" => selection.special_use = true,
                _ => {
                    return Err(CommandError::Expected(
                        "SUBSCRIBED, REMOTE, RECURSIVEMATCH or SPECIAL-USE",
                    ));
                }
            }
            Ok(())
        })?;
        match selection.recursive_match && !(selection.subscribed || selection.special_use) {
            true => Err(CommandError::Expected(
                "another option beside RECURSIVEMATCH",
            )),
            false => Ok(selection),
        }
    }
}

impl ListReturn {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut returns = Self::default();
        cursor.list(true, |cursor| {
            match cursor.keyword("a return option")?.as_str() {
                "SUBSCRIBED" => returns.subscribed = true,
                "CHILDREN" => returns.children = true,
                "SPECIAL-USE" => returns.special_use = true,
                "STATUS" => {
                    cursor.space()?;
                    returns.status = cursor.list(false, StatusItem::parse)?;
                }
                _ => {
                    return Err(CommandError::Expected(
                        "SUBSCRIBED, CHILDREN, SPECIAL-USE or STATUS",
                    ));
                }
            }
            Ok(())
        })?;
        Ok(returns)
    }
}

impl fmt::Display for ListSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.subscribed, "SUBSCRIBED"),
            (self.remote, "REMOTE"),
            (self.recursive_match, "RECURSIVEMATCH"),
            (self.special_use, "SPECIAL-USE"),
        ];
        write!(f, "({})", chosen(words))
    }
}

impl fmt::Display for ListReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<_> = self.status.iter().map(|item| item.name()).collect();
        let status = format!("STATUS ({})", items.join(" "));
        let words = [
            (self.subscribed, "SUBSCRIBED"),
            (self.children, "CHILDREN"),
            (self.special_use, "SPECIAL-USE"),
            (!self.status.is_empty(), status.as_str()),
        ];
        write!(f, "({})", chosen(words))
    }
}

/// The words that are wanted, parted by spaces.
pub(crate) fn chosen<const N: usize>(words: [(bool, &str); N]) -> String {
    let words = words.into_iter().filter(|(wanted, _)| *wanted);
    words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}
