//! Header fields (RFC 5322 §2.2), of the notice and of its reports.
//!
//! Everything that comes from elsewhere passes through [`Fields::add`], which
//! lets no control character through and folds long values itself: no value can
//! begin a field of its own or make a line longer than SMTP allows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// The preferred length of a line (RFC 5322 §2.1.1).
const LINE: usize = 78;
/// The longest word left in one piece; a line may have 998 octets.
const WORD: usize = 900;
/// The octets of one encoded word, of which it may have 75 with its frame
/// (RFC 2047 §2), before base64.
const ENCODED: usize = 45;

/// A group of fields, each ended by CRLF.
#[derive(Debug, Default)]
pub(super) struct Fields(String);

impl Fields {
    /// Adds a field. Runs of white space and control characters in `value`
    /// become one space, or a fold where the line gets too long.
    pub(super) fn add(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push_str(name);
        self.0.push(':');
        let mut column = name.len() + 1;
        let mut first = true;
        for word in words(value.as_ref()).flat_map(pieces) {
            if !first && column + 1 + word.len() > LINE {
                self.0.push_str("\r\n");
                column = 0;
            }
            self.0.push(' ');
            self.0.push_str(word);
            column += 1 + word.len();
            first = false;
        }
        self.0.push_str("\r\n");
    }

    /// Adds a field if there is a value.
    pub(super) fn add_some(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// The fields as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The words of a text from elsewhere.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
}

/// `word` in pieces that fit on a line.
pub(super) fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(WORD));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// `text` for an unstructured field or a display name: as it is where it is
/// plain ASCII, else as encoded words (RFC 2047).
pub(super) fn unstructured(text: &str) -> String {
    let plain = text.is_ascii() && !text.contains("=?");
    if plain {
        return text.to_owned();
    }
    let mut encoded = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(ENCODED));
        encoded.push(format!("=?utf-8?B?{}?=", STANDARD.encode(chunk)));
        rest = after;
    }
    encoded.join(" ")
}

/// A display name as RFC 5322 §3.4 writes it.
pub(super) fn phrase(name: &str) -> String {
    let atoms = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    if name.chars().all(atoms) || !name.is_ascii() {
        return unstructured(name);
    }
    let escaped: String = name
        .chars()
        .flat_map(|c| {
            matches!(c, '"' | '\\')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect();
    format!("\"{escaped}\"")
}

/// `text` in ASCII: other characters as `\x{…}`, the way of RFC 6533 §3.
pub(super) fn ascii(text: &str) -> String {
    escape(text, |c| c.is_ascii())
}

/// An address in RFC 6533's utf-8-addr-xtext, for where UTF-8 may not stand.
pub(super) fn address_in_ascii(address: &str) -> String {
    escape(address, |c| {
        c.is_ascii_graphic() && !matches!(c, '\\' | '+' | '=')
    })
}

fn escape(text: &str, plain: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if plain(c) {
            escaped.push(c);
        } else {
            escaped.push_str(&format!("\\x{{{:02X}}}", u32::from(c)));
        }
    }
    escaped
}

/// A time as header fields write it (RFC 5322 §3.3).
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let mut fields = Fields::default();
        fields.add("Name", value);
        assert_eq!(fields.as_str(), expected, "{value:?}");
    }

    #[test]
    fn no_value_begins_a_field_of_its_own() {
        check("plain", "Name: plain\r\n");
        check("", "Name:\r\n");
        check(" a\r\nBcc: b\r\n\r\nc ", "Name: a Bcc: b c\r\n");
        check("a\rb\nc\0d\u{85}e", "Name: a b c d e\r\n");
    }

    #[test]
    fn long_values_are_folded_and_long_words_cut() {
        let word = "w".repeat(40);
        check(
            &format!("{word} {word} {word}"),
            &format!("Name: {word}\r\n {word}\r\n {word}\r\n"),
        );
        let mut fields = Fields::default();
        fields.add("Name", "ä".repeat(3000));
        assert!(fields.as_str().lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn other_scripts_become_encoded_words() {
        assert_eq!(unstructured("plain text"), "plain text");
        assert_eq!(unstructured("Grüße"), "=?utf-8?B?R3LDvMOfZQ==?=");
        assert_eq!(unstructured("=?x?="), "=?utf-8?B?PT94Pz0=?=");
        let long = unstructured(&"ü".repeat(100));
        assert!(long.split(' ').all(|word| word.len() <= 75), "{long}");
    }

    #[test]
    fn display_names_are_quoted_where_needed() {
        assert_eq!(phrase("Mail Delivery System"), "Mail Delivery System");
        assert_eq!(phrase("Mail (\"X\"), Ltd."), r#""Mail (\"X\"), Ltd.""#);
        assert_eq!(phrase("Poststück"), "=?utf-8?B?UG9zdHN0w7xjaw==?=");
    }

    #[test]
    fn addresses_in_ascii_escape_what_rfc_6533_says() {
        assert_eq!(address_in_ascii("grün@x.example"), "gr\\x{FC}n@x.example");
        assert_eq!(address_in_ascii("a+b\\=@x"), "a\\x{2B}b\\x{5C}\\x{3D}@x");
        assert_eq!(ascii("zu groß"), "zu gro\\x{DF}");
    }

    #[test]
    fn dates_are_those_of_rfc_5322() {
        let at = "2026-11-03T05:06:07.9Z".parse().unwrap();
        assert_eq!(date(at), "Tue, 03 Nov 2026 05:06:07 +0000");
    }
}
