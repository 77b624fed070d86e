//! What is told of mailboxes: LIST, LSUB, STATUS (RFC 9051 §7.3).

use super::output::Output;
use crate::list::SpecialUse;
use crate::mailbox_name::{DELIMITER, MailboxName};
use crate::status_item::StatusItem;

/// What LIST tells of a mailbox (RFC 9051 §7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxAttribute {
    /// `\HasChildren`
    HasChildren,
    /// `\HasNoChildren`
    HasNoChildren,
    /// `\NonExistent`: it is a level between others, or is gone.
    NonExistent,
    /// `\Noselect`, as IMAP4rev1 has it
    Noselect,
    /// `\Subscribed`
    Subscribed,
    /// What it is for.
    Use(SpecialUse),
}

impl MailboxAttribute {
    const fn name(self) -> &'static str {
        match self {
            Self::HasChildren => r"\HasChildren",
            Self::HasNoChildren => r"\HasNoChildren",
            Self::NonExistent => r"\NonExistent",
            Self::Noselect => r"\Noselect",
            Self::Subscribed => r"\Subscribed",
            Self::Use(using) => using.attribute(),
        }
    }
}

/// A line of LIST or LSUB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxLine<'a> {
    /// What it is.
    pub attributes: &'a [MailboxAttribute],
    /// Its name; the empty one tells the delimiter only.
    pub name: &'a MailboxName,
    /// CHILDINFO: it does not match itself, but has subscribed children.
    pub subscribed_child: bool,
}

impl MailboxLine<'_> {
    pub(super) fn write(&self, out: &mut Output, word: &str) {
        out.word("* ");
        out.word(word);
        out.word(" ");
        out.list(self.attributes, |out, attribute| out.word(attribute.name()));
        out.word(" \"");
        out.word(DELIMITER.encode_utf8(&mut [0; 4]));
        out.word("\" ");
        out.mailbox(self.name);
        if self.subscribed_child {
            out.word(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
        }
        out.end();
    }
}

/// A STATUS response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxStatus<'a> {
    /// Of which mailbox.
    pub mailbox: &'a MailboxName,
    /// Its numbers.
    pub items: &'a [(StatusItem, u64)],
    /// Its id, where that was asked for.
    pub id: Option<&'a str>,
}

impl MailboxStatus<'_> {
    pub(super) fn write(&self, out: &mut Output) {
        out.word("* STATUS ");
        out.mailbox(self.mailbox);
        out.word(" (");
        for (at, (item, number)) in self.items.iter().enumerate() {
            if at > 0 {
                out.word(" ");
            }
            out.word(item.name());
            out.word(" ");
            out.number(*number);
        }
        if let Some(id) = self.id {
            out.word(if self.items.is_empty() { "" } else { " " });
            out.word("MAILBOXID (");
            out.text(id);
            out.word(")");
        }
        out.word(")");
        out.end();
    }
}
