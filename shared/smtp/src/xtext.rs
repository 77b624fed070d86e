//! The encodings of DSN parameters: xtext (RFC 3461 §4) and, for addresses of
//! type `utf-8`, RFC 6533 §3's `\x{…}`.

/// Octets that xtext carries as they are.
fn is_xchar(c: char) -> bool {
    matches!(c, '!'..='~') && !matches!(c, '+' | '=')
}

/// Octets that utf-8-addr-xtext carries as they are.
fn is_qchar(c: char) -> bool {
    is_xchar(c) && c != '\\'
}

/// `text` as xtext: everything but plain printable ASCII becomes `+HH`.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match char::from(octet) {
            c if is_xchar(c) => encoded.push(c),
            _ => encoded.push_str(&format!("+{octet:02X}")),
        }
    }
    encoded
}

/// The text that `xtext` stands for; none if it is no xtext, or is not UTF-8
/// once decoded.
pub fn decode(xtext: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(xtext.len());
    let mut rest = xtext.chars();
    while let Some(c) = rest.next() {
        match c {
            '+' => octets.push(upper_hex(rest.next()?)? << 4 | upper_hex(rest.next()?)?),
            c if is_xchar(c) => octets.push(c as u8),
            _ => return None,
        }
    }
    String::from_utf8(octets).ok()
}

/// xtext has capital digits only.
fn upper_hex(c: char) -> Option<u8> {
    matches!(c, '0'..='9' | 'A'..='F')
        .then(|| c.to_digit(16).map(|digit| digit as u8))
        .flatten()
}

/// `text` as a `utf-8` address. Characters beyond ASCII stay as they are where
/// the transaction is `smtputf8` (utf-8-addr-unitext), else they are written
/// `\x{…}` (utf-8-addr-xtext).
pub fn encode_utf8_address(text: &str, smtputf8: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if is_qchar(c) || (smtputf8 && !c.is_ascii()) {
            encoded.push(c);
        } else {
            encoded.push_str(&format!("\\x{{{:02X}}}", u32::from(c)));
        }
    }
    encoded
}

/// The address that either form of a `utf-8` address stands for.
pub fn decode_utf8_address(encoded: &str) -> Option<String> {
    let mut text = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let (point, after) = rest.strip_prefix("\\x{")?.split_once('}')?;
            text.push(code_point(point)?);
            rest = after;
        } else if is_qchar(c) || !c.is_ascii() {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            return None;
        }
    }
    Some(text)
}

/// RFC 6533's HEXPOINT: two to six hexadecimal digits of a scalar value.
fn code_point(digits: &str) -> Option<char> {
    let well_formed =
        (2..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    well_formed
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
        .and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn xtext_is_read_and_written() {
        assert_eq!(encode("a+b=c d\u{e9}"), "a+2Bb+3Dc+20d+C3+A9");
        assert_eq!(decode("a+2Bb+3Dc").as_deref(), Some("a+b=c"));
        for wrong in ["+", "+2", "+2g", "+2b", "a=b", "a b", "é", "+FF"] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn utf8_addresses_are_read_and_written() {
        assert_eq!(
            encode_utf8_address("grün+x@b.example", false),
            r"gr\x{FC}n\x{2B}x@b.example"
        );
        assert_eq!(
            encode_utf8_address("grün@b.example", true),
            "grün@b.example"
        );
        assert_eq!(
            decode_utf8_address(r"gr\x{FC}n@ü").as_deref(),
            Some("grün@ü")
        );
        // HEXPOINT has two digits at least.
        assert_eq!(encode_utf8_address("\t", false), r"\x{09}");
        for wrong in [
            r"\",
            r"\x{}",
            r"\x{F}",
            r"\x{D800}",
            r"\x{1234567}",
            "a+b",
            "a=b",
            "a b",
        ] {
            assert_eq!(decode_utf8_address(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "\\PC{0,40}") {
            prop_assert_eq!(decode(&encode(&text)), Some(text.clone()));
            for smtputf8 in [false, true] {
                let encoded = encode_utf8_address(&text, smtputf8);
                prop_assert!(smtputf8 || encoded.is_ascii());
                prop_assert_eq!(decode_utf8_address(&encoded), Some(text.clone()));
            }
        }
    }
}
