//! `{n}` at the end of a line (RFC 9051 §4.3).

/// A literal that a line ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announcement {
    /// Octets that follow the line; as many as can be where it says even more.
    pub(super) size: u64,
    /// Whether the client waits for us.
    pub(super) synchronising: bool,
}

impl Announcement {
    /// The longest: `~{18446744073709551615+}` and the line end.
    pub(super) const MAX: usize = 26;

    /// What a line, without its line end, ends with. Leading zeros do not count
    /// as long as it is no longer than [`Announcement::MAX`].
    pub(super) fn at_end_of(line: &[u8]) -> Option<Self> {
        let inside = line.strip_suffix(b"}")?;
        let (inside, synchronising) = match inside.strip_suffix(b"+") {
            Some(inside) => (inside, false),
            None => (inside, true),
        };
        let digits = inside.iter().rev().take_while(|b| b.is_ascii_digit());
        let (before, digits) = inside.split_at(inside.len() - digits.count());
        if before.last() != Some(&b'{') || digits.is_empty() {
            return None;
        }
        let digits = std::str::from_utf8(digits).ok()?;
        Some(Self {
            size: digits.parse().unwrap_or(u64::MAX),
            synchronising,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(u64, bool)>) {
        let found = Announcement::at_end_of(line.as_bytes());
        let found = found.map(|found| (found.size, found.synchronising));
        assert_eq!(found, expected, "{line:?}");
    }

    #[test]
    fn literals_are_announced_at_the_end() {
        check("a LOGIN {5}", Some((5, true)));
        check("{0+}", Some((0, false)));
        check("a APPEND x ~{12+}", Some((12, false)));
        check("{99999999999999999999}", Some((u64::MAX, true)));
        for line in [
            "", "}", "{}", "{+}", "5}", "{5} ", "{5", "{-5}", "{5++}", "{ 5}", "\"{5}\"",
        ] {
            check(line, None);
        }
    }
}
