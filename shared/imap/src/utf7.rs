//! Modified UTF-7 (RFC 3501 §5.1.3), in which IMAP4rev1 writes mailbox names.

use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Writes `name` in printable ASCII.
pub(crate) fn encode(name: &str) -> String {
    let mut wire = String::with_capacity(name.len() + 16);
    let mut shifted: Vec<u8> = Vec::new();
    let mut units = [0; 2];
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            shift_back(&mut wire, &mut shifted);
            wire.push(c);
            if c == '&' {
                wire.push('-');
            }
        } else {
            let units = c.encode_utf16(&mut units);
            shifted.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift_back(&mut wire, &mut shifted);
    wire
}

fn shift_back(wire: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        wire.push('&');
        BASE64.encode_string(&shifted, wire);
        wire.push('-');
        shifted.clear();
    }
}

/// Reads a name; None of what [`encode`] would have written otherwise, so that
/// each name has one spelling.
pub(crate) fn decode(wire: &str) -> Option<String> {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (shifted, after) = shifted.split_once('-')?;
        match shifted {
            "" => name.push('&'),
            shifted => name.push_str(&decode_shifted(shifted)?),
        }
        rest = after;
    }
    name.push_str(rest);
    (encode(&name) == wire).then_some(name)
}

fn decode_shifted(shifted: &str) -> Option<String> {
    let octets = BASE64.decode(shifted).ok()?;
    let (pairs, odd) = octets.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    odd.is_empty().then(|| String::from_utf16(&units).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_written_and_read() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("R&D", "R&-D"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
            ("ä&ö", "&AOQ-&-&APY-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_has_one_spelling() {
        // No end, no Base64, printable ASCII shifted, half a pair, two shifts in a row.
        for wrong in [
            "&",
            "&APw",
            "&A-",
            "&!!!!-",
            "&AGE-",
            "&2D0-",
            "&APw-&APw-",
            "&APx-",
            "ü",
        ] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "\\PC{0,40}") {
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert_eq!(decode(&wire), Some(name));
        }

        #[test]
        fn no_text_makes_the_reader_panic(wire in "[ -~&,+/A-Za-z0-9-]{0,40}") {
            let _ = decode(&wire);
        }
    }
}
