//! What mailboxes are called, and what they are for.

use serde::{Deserialize, Serialize};

/// The name of a mailbox: levels parted by `/`, the first one in any case of
/// `INBOX` as `INBOX`. At most 1000 octets, no control characters, no empty
/// level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailboxName(Box<str>);

/// Text that cannot name a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mailbox name is 1 to 1000 octets without control characters or empty levels")]
pub struct MailboxNameError;

const INBOX: &str = "INBOX";

impl MailboxName {
    /// What parts the levels.
    pub const SEPARATOR: char = '/';

    /// Where new mail goes.
    pub fn inbox() -> Self {
        Self(INBOX.into())
    }

    /// Whether new mail goes here.
    pub fn is_inbox(&self) -> bool {
        &*self.0 == INBOX
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names above it, the nearest first.
    pub fn superiors(&self) -> impl Iterator<Item = Self> {
        self.0
            .rmatch_indices(Self::SEPARATOR)
            .map(|(end, _)| Self(self.0[..end].into()))
    }

    /// Whether it stands below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0
            .strip_prefix(&*other.0)
            .is_some_and(|rest| rest.starts_with(Self::SEPARATOR))
    }

    /// What it is called once `old`, or a mailbox above it, is called `new`.
    ///
    /// # Errors
    /// When that would be too long for a name.
    pub fn renamed(&self, old: &Self, new: &Self) -> Result<Self, MailboxNameError> {
        match self.0.strip_prefix(&*old.0) {
            Some(rest) => format!("{}{rest}", new.0).try_into(),
            None => Ok(self.clone()),
        }
    }
}

impl TryFrom<String> for MailboxName {
    type Error = MailboxNameError;

    fn try_from(mut text: String) -> Result<Self, MailboxNameError> {
        let well_formed = (1..=1000).contains(&text.len())
            && !text.chars().any(char::is_control)
            && text.split(Self::SEPARATOR).all(|level| !level.is_empty());
        if !well_formed {
            return Err(MailboxNameError);
        }
        let first = text.split(Self::SEPARATOR).next().unwrap_or_default();
        if first.eq_ignore_ascii_case(INBOX) {
            text.replace_range(..INBOX.len(), INBOX);
        }
        Ok(Self(text.into()))
    }
}

impl std::str::FromStr for MailboxName {
    type Err = MailboxNameError;

    fn from_str(text: &str) -> Result<Self, MailboxNameError> {
        text.to_owned().try_into()
    }
}

impl From<MailboxName> for String {
    fn from(name: MailboxName) -> Self {
        name.0.into()
    }
}

impl std::fmt::Display for MailboxName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of an account's mailboxes, whatever it is called: given once, kept
/// when it is renamed, never given again. As text it is the MAILBOXID of
/// RFC 8474.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MailboxId(u32);

impl MailboxId {
    /// The inbox of every account, for as long as the account is there.
    pub const INBOX: Self = Self(1);

    /// The mailbox with this number, as read back from a store.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for MailboxId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "M{}", self.0)
    }
}

impl std::str::FromStr for MailboxId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('M').unwrap_or_default().parse().map(Self)
    }
}

/// What a mailbox is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Incoming mail.
    Inbox,
    /// `\Sent`
    Sent,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Trash`
    Trash,
    /// `\Archive`
    Archive,
}

/// The mailboxes every account has from the start, subscribed; their ids are
/// 1, 2 and so on in this order.
pub const STANDARD: [(&str, Role); 6] = [
    (INBOX, Role::Inbox),
    ("Sent", Role::Sent),
    ("Drafts", Role::Drafts),
    ("Junk", Role::Junk),
    ("Trash", Role::Trash),
    ("Archive", Role::Archive),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MailboxName {
        text.parse().unwrap()
    }

    #[test]
    fn the_inbox_is_one_in_any_case() {
        assert_eq!(name("inBox"), MailboxName::inbox());
        assert_eq!(name("inbox/lists").as_str(), "INBOX/lists");
        assert_eq!(name("inboxes").as_str(), "inboxes");
        assert_eq!(name("a/inbox").as_str(), "a/inbox");
    }

    #[test]
    fn levels_tell_what_is_above() {
        let superiors: Vec<_> = name("a/b/c").superiors().collect();
        assert_eq!(superiors, [name("a/b"), name("a")]);
        assert!(name("a/b").is_below(&name("a")));
        assert!(!name("ab").is_below(&name("a")));
        assert!(!name("a").is_below(&name("a")));
        let moved = name("a/b/c").renamed(&name("a/b"), &name("x"));
        assert_eq!(moved, Ok(name("x/c")));
        let long = name(&"y".repeat(999));
        assert_eq!(
            name("a/b").renamed(&name("a"), &long),
            Err(MailboxNameError)
        );
    }

    #[test]
    fn an_id_survives_text() {
        assert_eq!("M12".parse(), Ok(MailboxId::from_number(12)));
        assert_eq!(MailboxId::from_number(12).to_string(), "M12");
        assert!("12".parse::<MailboxId>().is_err());
    }
}
