//! Flags and keywords of entries (RFC 9051 §2.3.2).

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A flag of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// Any other, such as `$Forwarded`.
    Keyword(Keyword),
}

impl Flag {
    /// The most keywords that one entry may have.
    pub const MAX_KEYWORDS: usize = 32;
}

/// A flag that is not one of IMAP's own: an atom of at most
/// [`Keyword::MAX`] octets, the same in any case (RFC 9051 §9, `flag-keyword`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Keyword(Box<str>);

/// Text that is no keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a keyword is an atom of 1 to 64 octets")]
pub struct KeywordError;

impl Keyword {
    /// The longest keyword, in octets.
    pub const MAX: usize = 64;

    /// The keyword as it was first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|octet| octet.to_ascii_lowercase())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for Keyword {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|octet| octet.hash(state));
        state.write_u8(0xff);
    }
}

impl TryFrom<String> for Keyword {
    type Error = KeywordError;

    fn try_from(text: String) -> Result<Self, KeywordError> {
        let atom = |octet: u8| octet.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&octet);
        let well_formed = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(atom);
        well_formed.then(|| Self(text.into())).ok_or(KeywordError)
    }
}

impl std::str::FromStr for Keyword {
    type Err = KeywordError;

    fn from_str(text: &str) -> Result<Self, KeywordError> {
        text.to_owned().try_into()
    }
}

impl From<Keyword> for String {
    fn from(keyword: Keyword) -> Self {
        keyword.0.into()
    }
}

impl std::fmt::Display for Keyword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the flags of entries are changed (RFC 9051 §6.4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagChange {
    /// These are set, the others stay.
    Add(Vec<Flag>),
    /// These are taken away, the others stay.
    Remove(Vec<Flag>),
    /// These and no others are set.
    Replace(Vec<Flag>),
}

impl FlagChange {
    /// What `flags` become, sorted; `None` if they would have too many keywords.
    pub fn applied_to(&self, flags: &[Flag]) -> Option<Vec<Flag>> {
        let changed = match self {
            Self::Add(more) => flags.iter().chain(more).cloned().collect(),
            Self::Remove(less) => {
                let left = flags.iter().filter(|flag| !less.contains(flag));
                left.cloned().collect()
            }
            Self::Replace(others) => others.clone(),
        };
        sorted(changed)
    }
}

/// Flags in order, each once; `None` if too many of them are keywords.
pub fn sorted(mut flags: Vec<Flag>) -> Option<Vec<Flag>> {
    // The sort is stable: of two that differ in case, the earlier one stays.
    flags.sort();
    flags.dedup();
    let keywords = flags
        .iter()
        .filter(|flag| matches!(flag, Flag::Keyword(_)))
        .count();
    (keywords <= Flag::MAX_KEYWORDS).then_some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyword(text: &str) -> Flag {
        Flag::Keyword(text.parse().unwrap())
    }

    #[test]
    fn keywords_are_atoms() {
        for bad in ["", "a b", "\\Seen", "a(", "ä", "a]", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Keyword>(), Err(KeywordError), "{bad:?}");
        }
        assert_eq!(keyword("$Forwarded"), keyword("$FORWARDED"));
    }

    #[test]
    fn flags_change_as_told() {
        let before = [Flag::Seen, keyword("$Forwarded")];
        let add = FlagChange::Add(vec![keyword("$forwarded"), Flag::Answered]);
        let after = add.applied_to(&before).unwrap();
        assert_eq!(after, [Flag::Seen, Flag::Answered, keyword("$Forwarded")]);
        let Flag::Keyword(kept) = &after[2] else {
            panic!("a keyword: {after:?}")
        };
        assert_eq!(kept.as_str(), "$Forwarded");
        let remove = FlagChange::Remove(vec![keyword("$FORWARDED")]);
        assert_eq!(remove.applied_to(&before).unwrap(), [Flag::Seen]);
        let many = (0..=Flag::MAX_KEYWORDS).map(|n| keyword(&n.to_string()));
        assert_eq!(
            FlagChange::Replace(many.collect()).applied_to(&before),
            None
        );
    }
}
