//! Mail addresses (RFC 5321 §4.1.2, with the UTF-8 of RFC 6531 §3.3).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::serde_as_string;

/// Text that is not an address, and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@` that parts local part and domain.
    #[error("an address needs a local part, an @ and a domain")]
    NoDomain,
    /// The local part is empty, over 64 octets, or breaks RFC 5321's syntax.
    #[error("the local part must be 1 to 64 octets: dot-separated atoms or a quoted string")]
    LocalPart,
    /// The domain is empty, too long, or breaks the syntax of host names.
    #[error("the domain must be dot-separated labels of letters, digits and hyphens")]
    Domain,
    /// The address literal is not an IP address in RFC 5321 §4.1.3's form.
    #[error("an address literal must be [IPv4] or [IPv6:…]")]
    Literal,
}

/// The part left of the `@`: case and meaning belong to the receiving host.
///
/// Kept without quotes; printed with them where the syntax asks for it. At most
/// 64 octets; may hold UTF-8 (RFC 6531), never a control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// The longest local part, in octets (RFC 5321 §4.5.3.1.1).
    pub const MAX: usize = 64;

    /// The local part without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name in lower case and in normal form C (RFC 6530 §10.1),
    /// under which local recipients are looked up. Of a name that would outgrow
    /// [`LocalPart::MAX`] only ASCII is put in lower case.
    pub fn folded(&self) -> Self {
        let ascii_folded = || Self(self.0.to_ascii_lowercase().into());
        if self.0.is_ascii() {
            return ascii_folded();
        }
        let lower = self.0.to_lowercase();
        let folded = ComposingNormalizerBorrowed::new_nfc().normalize(&lower);
        match folded.len() {
            ..=Self::MAX => Self(folded.into()),
            _ => ascii_folded(),
        }
    }

    /// Takes unquoted text, such as a name out of a directory or a URL.
    pub fn from_unquoted(text: &str) -> Result<Self, AddressError> {
        let well_formed =
            (1..=Self::MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        well_formed
            .then(|| Self(text.into()))
            .ok_or(AddressError::LocalPart)
    }
}

impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

impl FromStr for LocalPart {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix('"') {
            None if is_dot_string(text) => Self::from_unquoted(text),
            None => Err(AddressError::LocalPart),
            Some(rest) => {
                let quoted = rest.strip_suffix('"').ok_or(AddressError::LocalPart)?;
                Self::from_unquoted(&unquote(quoted).ok_or(AddressError::LocalPart)?)
            }
        }
    }
}

/// RFC 5321's Dot-string: atoms parted by single dots.
fn is_dot_string(text: &str) -> bool {
    let atext = |c: char| {
        !c.is_ascii() && !c.is_control()
            || c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
    };
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

/// The inside of a Quoted-string, its quoted-pairs resolved.
fn unquote(quoted: &str) -> Option<String> {
    let mut plain = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => plain.push(chars.next().filter(|c| (' '..='~').contains(c))?),
            c => plain.push(c),
        }
    }
    Some(plain)
}

/// A domain in lower case and in ASCII (internationalised labels as A-labels,
/// RFC 5891), or an address literal such as `[192.0.2.1]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Box<str>);

impl Domain {
    /// The longest domain, in octets (RFC 5321 §4.5.3.1.2).
    pub const MAX: usize = 255;

    /// The domain as printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, where this is an address literal.
    pub fn literal(&self) -> Option<IpAddr> {
        parse_literal(&self.0).ok()
    }

    /// The address literal of `ip`.
    pub fn from_ip(ip: IpAddr) -> Self {
        Self(match ip {
            IpAddr::V4(ip) => format!("[{ip}]").into(),
            IpAddr::V6(ip) => format!("[IPv6:{ip}]").into(),
        })
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('[') {
            return parse_literal(text).map(Self::from_ip);
        }
        if text.len() > 4 * Self::MAX {
            return Err(AddressError::Domain);
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(text).map_err(|_| AddressError::Domain)?
        };
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                // An underscore is no host name, but real domains have it.
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if ascii.len() > Self::MAX || !ascii.split('.').all(label_ok) {
            return Err(AddressError::Domain);
        }
        Ok(Self(ascii.into()))
    }
}

/// RFC 5321 §4.1.3: `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
fn parse_literal(text: &str) -> Result<IpAddr, AddressError> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let inner = inner.ok_or(AddressError::Literal)?;
    let is_v6 = inner
        .get(..5)
        .is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    if is_v6 {
        return inner[5..]
            .parse::<Ipv6Addr>()
            .map(IpAddr::V6)
            .map_err(|_| AddressError::Literal);
    }
    inner
        .parse()
        .map(IpAddr::V4)
        .map_err(|_| AddressError::Literal)
}

/// A mailbox address: `local-part@domain`.
///
/// Two addresses are equal when domain (in any case) and local part (octet for
/// octet) are; [`Address::folded`] is the form under which a local recipient is
/// looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    local_part: LocalPart,
    domain: Domain,
}

impl Address {
    /// Joins the two parts.
    pub fn new(local_part: LocalPart, domain: Domain) -> Self {
        Self { local_part, domain }
    }

    /// The part left of the `@`.
    pub fn local_part(&self) -> &LocalPart {
        &self.local_part
    }

    /// The part right of the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The address with its local part folded.
    pub fn folded(&self) -> Self {
        Self {
            local_part: self.local_part.folded(),
            domain: self.domain.clone(),
        }
    }

    /// Whether the local part needs SMTPUTF8 (RFC 6531) to be transmitted.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local_part.0.is_ascii()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        // A quoted local part may hold an @; a domain never does.
        let (local_part, domain) = text.rsplit_once('@').ok_or(AddressError::NoDomain)?;
        Ok(Self {
            local_part: local_part.parse()?,
            domain: domain.parse()?,
        })
    }
}

/// The return path of a message: whom to tell, or nobody (RFC 5321 §4.5.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: notices themselves, which must never cause another notice.
    Null,
    /// The address that hears of failures.
    Address(Address),
}

impl ReversePath {
    /// The address, unless the path is null.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }

    /// Whether this is the null path.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

impl FromStr for ReversePath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let inner = text.strip_prefix('<').and_then(|t| t.strip_suffix('>'));
        match inner.ok_or(AddressError::NoDomain)? {
            "" => Ok(Self::Null),
            address => address.parse().map(Self::Address),
        }
    }
}

serde_as_string!(LocalPart, Domain, Address, ReversePath);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(input: &str, expected: &str) {
        let address = input.parse::<Address>().map(|a| a.to_string());
        assert_eq!(address.as_deref(), Ok(expected), "{input:?}");
    }

    #[test]
    fn addresses_are_read_and_printed() {
        check("alice@example.org", "alice@example.org");
        check("Alice@EXAMPLE.org", "Alice@example.org");
        check("a+b=c@example.org", "a+b=c@example.org");
        check("\"a b\"@example.org", "\"a b\"@example.org");
        check("\"plain\"@example.org", "plain@example.org");
        check("\"a@b\"@example.org", "\"a@b\"@example.org");
        check(r#""q\"\\"@example.org"#, r#""q\"\\"@example.org"#);
        check("grün@bücher.example", "grün@xn--bcher-kva.example");
        check("x@[192.0.2.1]", "x@[192.0.2.1]");
        check("x@[ipv6:2001:DB8::1]", "x@[IPv6:2001:db8::1]");
        check("x@with_underscore.example", "x@with_underscore.example");
    }

    #[test]
    fn folded_addresses_are_equal_where_a_reader_sees_the_same() {
        for (one, other) in [
            ("Alice@example.org", "aLICE@EXAMPLE.ORG"),
            ("GRÜN@bücher.example", "grün@xn--bcher-kva.example"),
            // U and its diaeresis, composed and apart.
            ("gr\u{fc}n@example.org", "gru\u{308}n@example.org"),
            ("x@B\u{fc}cher.example", "x@bu\u{308}cher.example"),
        ] {
            let folded = |text: &str| text.parse::<Address>().unwrap().folded();
            assert_eq!(folded(one), folded(other));
        }
    }

    #[test]
    fn a_folded_address_is_one() {
        // Two octets as capital letters, three as small ones.
        for local in ["Ⱥ".repeat(32), "Ⱥ".repeat(21) + "A", "Ⱥ".repeat(31) + "A"] {
            let address: Address = format!("{local}@example.org").parse().unwrap();
            let folded = address.folded();
            assert_eq!(folded.to_string().parse().as_ref(), Ok(&folded));
            assert_eq!(folded.folded(), folded);
            assert!(!folded.to_string().contains('A'));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for wrong in [
            "",
            "alice",
            "@example.org",
            "alice@",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a b@c.d",
            "a@b..c",
            "a@-b.c",
            "a@b-.c",
            "\"a@b.c",
            "\"a\"b\"@c.d",
            "a@[1.2.3]",
            "a@[::1]",
            "a@b c",
            "a\r\n@b.c",
            "\"a\r\n\"@b.c",
            "a@b.c.",
            &long,
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(local in "[ -~äß]{1,30}", domain in "[a-z]{1,10}(\\.[a-z0-9]{1,5}){0,3}") {
            let address = Address::new(LocalPart::from_unquoted(&local).unwrap(), domain.parse().unwrap());
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = text.parse::<Address>();
            let _ = text.parse::<ReversePath>();
        }
    }
}
