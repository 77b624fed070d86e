//! STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

use super::CommandError;
use crate::cursor::{Cursor, Result};
use crate::flag::Flag;
use crate::sequence_set::Messages;

/// The STORE and UID STORE commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// UID STORE: the set is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub messages: Messages,
    /// UNCHANGEDSINCE: only messages not changed since.
    pub unchanged_since: Option<u64>,
    /// What to do with the flags.
    pub mode: StoreMode,
    /// .SILENT: the client need not hear of it.
    pub silent: bool,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// What becomes of a message's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreMode {
    /// FLAGS: these and no others.
    Replace,
    /// +FLAGS: these too.
    Add,
    /// -FLAGS: all but these.
    Remove,
}

impl Store {
    pub(super) fn parse(cursor: &mut Cursor<'_>, uid: bool) -> Result<Self> {
        let messages = Messages::parse(cursor)?;
        cursor.space()?;
        let mut unchanged_since = None;
        if cursor.skip(b'(') {
            let found = cursor.skip_word("UNCHANGEDSINCE ");
            found
                .then_some(())
                .ok_or(CommandError::Expected("UNCHANGEDSINCE"))?;
            unchanged_since = Some(cursor.number64()?);
            cursor.expect(b')', "a closing parenthesis")?;
            cursor.space()?;
        }
        let mode = StoreMode::parse(cursor);
        let silent = match cursor.keyword("FLAGS or FLAGS.SILENT")?.as_str() {
            "FLAGS" => false,
            "FLAGS.SILENT" => true,
            _ => return Err(CommandError::Expected("FLAGS or FLAGS.SILENT")),
        };
        cursor.space()?;
        Ok(Self {
            uid,
            messages,
            unchanged_since,
            mode,
            silent,
            flags: Flag::parse_list_or_bare(cursor)?,
        })
    }
}

impl StoreMode {
    /// The sign before FLAGS.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Replace => "",
            Self::Add => "+",
            Self::Remove => "-",
        }
    }

    fn parse(cursor: &mut Cursor<'_>) -> Self {
        if cursor.skip(b'+') {
            Self::Add
        } else if cursor.skip(b'-') {
            Self::Remove
        } else {
            Self::Replace
        }
    }
}
