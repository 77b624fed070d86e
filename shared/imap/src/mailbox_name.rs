//! Names of mailboxes, and the patterns that LIST matches them with.

use std::fmt;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result, is_astring_char, utf8};
use crate::utf7;

/// How mailbox names travel in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameEncoding {
    /// Modified UTF-7, until a client enables one of the others.
    #[default]
    Utf7,
    /// UTF-8: after ENABLE IMAP4rev2 (RFC 9051 §5.1) or UTF8=ACCEPT (RFC 6855).
    Utf8,
}

/// A mailbox's name as people read it: levels parted by `/`, `INBOX` in any
/// case as `INBOX`. Whether it may exist is for the store to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MailboxName(Box<str>);

/// What stands between the levels of a name.
pub(crate) const DELIMITER: char = '/';

impl MailboxName {
    /// The name `text`.
    pub fn new(text: &str) -> Self {
        match text.eq_ignore_ascii_case("INBOX") {
            true => Self("INBOX".into()),
            false => Self(text.into()),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it travels.
    pub fn encode(&self, encoding: NameEncoding) -> String {
        match encoding {
            NameEncoding::Utf7 => utf7::encode(&self.0),
            NameEncoding::Utf8 => self.0.to_string(),
        }
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>, encoding: NameEncoding) -> Result<Self> {
        let octets = cursor.astring("a mailbox name")?;
        decode(&octets, encoding).map(|name| Self::new(&name))
    }
}

/// Some clients write UTF-8 without being asked to; none writes it in an `&…-`.
fn decode(octets: &[u8], encoding: NameEncoding) -> Result<String> {
    let text = utf8(octets)?;
    match encoding {
        NameEncoding::Utf7 if text.is_ascii() => utf7::decode(&text).ok_or(CommandError::Expected(
            "a mailbox name in modified UTF-7 (& is written &-)",
        )),
        NameEncoding::Utf7 | NameEncoding::Utf8 => Ok(text),
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What LIST looks for: `*` stands for anything, `%` for anything within a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// The pattern `text`.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it travels.
    pub fn encode(&self, encoding: NameEncoding) -> String {
        MailboxName(self.0.clone()).encode(encoding)
    }

    /// This pattern behind a reference name: one that starts at the root with
    /// `/` ignores it.
    pub fn under(&self, reference: &str) -> Self {
        match self.0.strip_prefix(DELIMITER) {
            Some(rooted) => Self(rooted.into()),
            None => Self(format!("{reference}{}", self.0).into()),
        }
    }

    /// Whether `name` matches; its first level in any case where that is INBOX.
    pub fn matches(&self, name: &str) -> bool {
        let fold = name == "INBOX" || name.starts_with("INBOX/");
        glob(self.0.as_bytes(), name.as_bytes(), |at, pattern, octet| {
            pattern == octet || fold && at < 5 && pattern.eq_ignore_ascii_case(&octet)
        })
    }

    /// A reference name, which is a name that may be empty or unfinished.
    pub(crate) fn parse_reference(cursor: &mut Cursor<'_>, encoding: NameEncoding) -> Result<Self> {
        let octets = cursor.astring("a reference name")?;
        decode(&octets, encoding).map(|name| Self(name.into()))
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>, encoding: NameEncoding) -> Result<Self> {
        const WHAT: &str = "a mailbox pattern";
        let octets = match cursor.peek() {
            Some(b'"' | b'{') => cursor.string(WHAT)?.into_owned(),
            Some(_) | None => {
                let belongs = |b: u8| is_astring_char(b) || matches!(b, b'%' | b'*');
                cursor.run(belongs, WHAT)?.as_bytes().to_vec()
            }
        };
        decode(&octets, encoding).map(|pattern| Self(pattern.into()))
    }
}

/// Matches in time linear in `name` for each wildcard: only the last `*`, and
/// the last `%` behind it, are ever gone back to.
fn glob(pattern: &[u8], name: &[u8], same: impl Fn(usize, u8, u8) -> bool) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut percent: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), name.get(n)) {
            (Some(b'*'), _) => {
                p += 1;
                star = Some((p, n));
                percent = None;
                continue;
            }
            (Some(b'%'), _) => {
                p += 1;
                percent = Some((p, n));
                continue;
            }
            (Some(wanted), Some(octet)) if same(n, *wanted, *octet) => {
                p += 1;
                n += 1;
                continue;
            }
            (None, None) => return true,
            (Some(_) | None, _) => {}
        }
        // A dead end: let the last wildcard that can take one octet more.
        let within_level = percent.filter(|(_, at)| name.get(*at).is_some_and(|b| *b != b'/'));
        if let Some((after, at)) = within_level {
            percent = Some((after, at + 1));
            (p, n) = (after, at + 1);
        } else if let Some((after, at)) = star.filter(|(_, at)| *at < name.len()) {
            star = Some((after, at + 1));
            percent = None;
            (p, n) = (after, at + 1);
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let pattern = Pattern::new(pattern);
        for name in matching {
            assert!(pattern.matches(name), "{pattern:?} {name}");
        }
        for name in others {
            assert!(!pattern.matches(name), "{pattern:?} {name}");
        }
    }

    #[test]
    fn patterns_match_names() {
        check("*", &["INBOX", "a/b"], &[]);
        check("%", &["INBOX", "a"], &["a/b"]);
        check("a/%", &["a/b"], &["a", "a/b/c", "b/a"]);
        check("%/b", &["a/b"], &["b", "a/a/b"]);
        check("*b", &["ab", "a/b", "abb"], &["ba"]);
        check("%a%/%c", &["xay/bc"], &["xy/bc", "a/b/c"]);
        check("*a%c", &["a/a/abc", "ac"], &["a/c"]);
        check("%%", &["a"], &["a/b"]);
        check("inbox", &["INBOX"], &["Inbox2"]);
        check("inbox/x", &["INBOX/x"], &["INBOX/X"]);
        check("sent", &["sent"], &["Sent"]);
        check("", &[], &["a"]);
    }

    /// The definition, too slow to use.
    fn slow(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| slow(rest, &name[n..])),
            Some((b'%', rest)) => {
                let level = name.iter().position(|b| *b == b'/').unwrap_or(name.len());
                (0..=level).any(|n| slow(rest, &name[n..]))
            }
            Some((octet, rest)) => name.first() == Some(octet) && slow(rest, &name[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn matching_is_as_defined(pattern in "[ab/%*]{0,8}", name in "[ab/]{0,10}") {
            let expected = slow(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(Pattern::new(&pattern).matches(&name), expected);
        }
    }
}
