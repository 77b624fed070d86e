//! Reverse and forward paths (RFC 5321 §4.1.2).

use message::{Address, AddressError, ReversePath};

/// The path of RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<postmaster>` in any case, without a domain (RFC 5321 §4.5.1).
    Postmaster,
    /// An address.
    Address(Address),
}

impl ForwardPath {
    /// Reads the inside of the angle brackets.
    pub(super) fn parse(inside: &str) -> Result<Self, AddressError> {
        if inside.eq_ignore_ascii_case("postmaster") {
            return Ok(Self::Postmaster);
        }
        skip_route(inside)?.parse().map(Self::Address)
    }
}

/// Reads the inside of the angle brackets of MAIL.
pub(super) fn reverse_path(inside: &str) -> Result<ReversePath, AddressError> {
    match inside {
        "" => Ok(ReversePath::Null),
        _ => skip_route(inside)?.parse().map(ReversePath::Address),
    }
}

/// Parts `<inside> parameters`; a `>` in a quoted local part ends nothing.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    let end = text.bytes().position(|b| {
        let ends = b == b'>' && !quoted;
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        ends
    })?;
    let (inside, rest) = (&text[..end], &text[end + 1..]);
    (rest.is_empty() || rest.starts_with(' ')).then_some((inside, rest))
}

/// Skips a source route, `@relay.example,@[192.0.2.1]:`, which is accepted and
/// ignored (RFC 5321 appendix C).
fn skip_route(inside: &str) -> Result<&str, AddressError> {
    if !inside.starts_with('@') {
        return Ok(inside);
    }
    let mut in_literal = false;
    let end = inside.bytes().position(|b| {
        match b {
            b'[' => in_literal = true,
            b']' => in_literal = false,
            _ => {}
        }
        b == b':' && !in_literal
    });
    end.map(|end| &inside[end + 1..])
        .ok_or(AddressError::NoDomain)
}
