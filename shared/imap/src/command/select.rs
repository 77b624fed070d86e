//! SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 7162 §3.1.8, §3.2.5).

use super::CommandError;
use crate::cursor::{Cursor, Result};
use crate::mailbox_name::{MailboxName, NameEncoding};
use crate::sequence_set::SequenceSet;

/// Which mailbox to open, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// CONDSTORE: tell modification sequences from now on.
    pub condstore: bool,
    /// QRESYNC: tell what changed since.
    pub qresync: Option<Qresync>,
}

/// What a client remembers of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qresync {
    /// The UIDVALIDITY it knows; of another it knows nothing.
    pub uid_validity: u32,
    /// The modification sequence it knows all changes up to.
    pub modseq: u64,
    /// The UIDs it knows.
    pub known_uids: Option<SequenceSet>,
    /// Message numbers and their UIDs, to find out what was expunged.
    pub matches: Option<(SequenceSet, SequenceSet)>,
}

impl Select {
    pub(super) fn parse(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Self> {
        let mut select = Self {
            mailbox: MailboxName::parse(cursor, names)?,
            condstore: false,
            qresync: None,
        };
        if cursor.skip(b' ') {
            cursor.list(false, |cursor| {
                match cursor.keyword("CONDSTORE or QRESYNC")?.as_str() {
                    "CONDSTORE" => select.condstore = true,
                    "QRESYNC" => {
                        cursor.space()?;
                        select.qresync = Some(Qresync::parse(cursor)?);
                    }
                    _ => return Err(CommandError::Expected("CONDSTORE or QRESYNC")),
                }
                Ok(())
            })?;
        }
        Ok(select)
    }
}

impl Qresync {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        cursor.expect(b'(', "an opening parenthesis")?;
        let uid_validity = cursor.nonzero()?;
        cursor.space()?;
        let mut qresync = Self {
            uid_validity,
            modseq: cursor.number64()?,
            known_uids: None,
            matches: None,
        };
        let mut more = cursor.skip(b' ');
        if more && cursor.peek() != Some(b'(') {
            qresync.known_uids = Some(SequenceSet::parse_closed(cursor)?);
            more = cursor.skip(b' ');
        }
        if more {
            cursor.expect(b'(', "an opening parenthesis")?;
            let numbers = SequenceSet::parse_closed(cursor)?;
            cursor.space()?;
            let uids = SequenceSet::parse_closed(cursor)?;
            cursor.expect(b')', "a closing parenthesis")?;
            qresync.matches = Some((numbers, uids));
        }
        cursor.expect(b')', "a closing parenthesis")?;
        Ok(qresync)
    }
}
