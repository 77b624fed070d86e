//! The addresses of a `From` field (RFC 5322 §3.4, with groups by RFC 6854).

use message::Address;

/// Why a header section does not tell its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorError {
    /// There is no `From` field.
    #[error("the message has no From field")]
    Missing,
    /// There is more than one.
    #[error("the message has more than one From field")]
    Repeated,
    /// The field holds no address, or something that is none.
    #[error("the From field does not hold an address")]
    Syntax,
}

/// Reads the addresses out of a field's value.
pub(super) fn addresses(value: &[u8]) -> Result<Vec<Address>, AuthorError> {
    let value = std::str::from_utf8(value).map_err(|_| AuthorError::Syntax)?;
    let mut found = Vec::new();
    let mut mailbox = Mailbox::default();
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '(' => skip_comment(&mut rest)?,
            '"' => mailbox.push_quoted(&mut rest)?,
            '<' => mailbox.open()?,
            '>' => mailbox.close()?,
            ',' | ';' if !mailbox.is_open() => {
                found.extend(std::mem::take(&mut mailbox).address()?)
            }
            // A group's name has been read; its members follow.
            ':' if !mailbox.is_open() && !mailbox.holds_literal() => mailbox = Mailbox::default(),
            c => mailbox.push(c),
        }
    }
    found.extend(mailbox.address()?);
    if found.is_empty() {
        Err(AuthorError::Syntax)
    } else {
        Ok(found)
    }
}

/// What has been read of one mailbox.
#[derive(Default)]
struct Mailbox {
    /// Everything outside angle brackets: a display name, or a bare address.
    outside: String,
    inside: Option<String>,
    open: bool,
}

impl Mailbox {
    fn is_open(&self) -> bool {
        self.open
    }

    /// Whether an address literal has begun, which may hold a colon.
    fn holds_literal(&self) -> bool {
        self.outside.contains("@[")
    }

    fn open(&mut self) -> Result<(), AuthorError> {
        let again = self.inside.replace(String::new()).is_some();
        self.open = true;
        if again {
            Err(AuthorError::Syntax)
        } else {
            Ok(())
        }
    }

    fn close(&mut self) -> Result<(), AuthorError> {
        if std::mem::take(&mut self.open) {
            Ok(())
        } else {
            Err(AuthorError::Syntax)
        }
    }

    fn push(&mut self, c: char) {
        match &mut self.inside {
            Some(inside) if self.open => inside.push(c),
            Some(_) | None => self.outside.push(c),
        }
    }

    fn push_quoted(&mut self, rest: &mut std::str::Chars<'_>) -> Result<(), AuthorError> {
        self.push('"');
        loop {
            let c = rest.next().ok_or(AuthorError::Syntax)?;
            self.push(c);
            match c {
                '\\' => self.push(rest.next().ok_or(AuthorError::Syntax)?),
                '"' => return Ok(()),
                _ => {}
            }
        }
    }

    /// The address; none where nothing but blanks was read, as behind a
    /// group's last semicolon.
    fn address(self) -> Result<Option<Address>, AuthorError> {
        if self.open {
            return Err(AuthorError::Syntax);
        }
        let address = self.inside.as_deref().unwrap_or(&self.outside).trim();
        if address.is_empty() && self.inside.is_none() {
            return Ok(None);
        }
        address.parse().map(Some).map_err(|_| AuthorError::Syntax)
    }
}

/// Skips a comment, which may hold others.
fn skip_comment(rest: &mut std::str::Chars<'_>) -> Result<(), AuthorError> {
    let mut depth = 1;
    while depth > 0 {
        match rest.next().ok_or(AuthorError::Syntax)? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(rest.next()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(value: &str, expected: &[&str]) {
        let found = addresses(value.as_bytes()).expect(value);
        assert_eq!(
            found.iter().map(|a| a.to_string()).collect::<Vec<_>>(),
            expected,
            "{value:?}"
        );
    }

    #[test]
    fn addresses_are_found() {
        check("alice@example.org", &["alice@example.org"]);
        check("Alice <alice@example.org>", &["alice@example.org"]);
        check(
            r#""Smith, <x@y> \"A\"" <alice@example.org>"#,
            &["alice@example.org"],
        );
        check(
            "alice@example.org (Alice (of (Wonder\\)land)))",
            &["alice@example.org"],
        );
        check(
            "A <a@b.example>,\r\n\tB <c@d.example>",
            &["a@b.example", "c@d.example"],
        );
        check(
            "Team: a@b.example, C <c@d.example>;",
            &["a@b.example", "c@d.example"],
        );
        check("x@[IPv6:::1]", &["x@[IPv6:::1]"]);
        check(r#"<"a b"@c.example>"#, &[r#""a b"@c.example"#]);
        check("=?utf-8?q?Gr=C3=BCn?= <g@b.example>", &["g@b.example"]);
    }

    #[test]
    fn what_holds_no_address_is_refused() {
        for wrong in [
            "",
            "Alice",
            "<>",
            "Alice <a@b",
            "a@b>",
            "<a@b> <c@d>",
            "\"Alice",
            "(",
            "Group:;",
            "a@b c@d",
        ] {
            assert_eq!(
                addresses(wrong.as_bytes()),
                Err(AuthorError::Syntax),
                "{wrong:?}"
            );
        }
        assert_eq!(addresses(b"\xff@b"), Err(AuthorError::Syntax));
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in "[a@<>()\"\\\\,;: ]{0,30}") {
            let _ = addresses(value.as_bytes());
        }
    }
}
