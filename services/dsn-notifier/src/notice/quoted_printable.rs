//! Quoted-printable (RFC 2045 §6.7), for text that is not plain ASCII.

/// The longest encoded line, without its CRLF.
const LINE: usize = 76;

/// Encodes text whose lines end in LF; the result's end in CRLF.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3 / 2);
    for line in text.split_inclusive('\n') {
        encode_line(line.strip_suffix('\n').unwrap_or(line), &mut encoded);
        encoded.push_str("\r\n");
    }
    encoded
}

fn encode_line(line: &str, encoded: &mut String) {
    let mut column = 0;
    for (at, &octet) in line.as_bytes().iter().enumerate() {
        let ends_line = at + 1 == line.len();
        let plain = matches!(octet, b'!'..=b'<' | b'>'..=b'~') || octet == b' ' && !ends_line;
        let width = if plain { 1 } else { 3 };
        // The `=` of a soft break needs a column of its own.
        if column + width > LINE - 1 {
            encoded.push_str("=\r\n");
            column = 0;
        }
        if plain {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("={octet:02X}"));
        }
        column += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_in_short_lines() {
        assert_eq!(encode("plain\n\n"), "plain\r\n\r\n");
        assert_eq!(encode("gr\u{fc}n = \n"), "gr=C3=BCn =3D=20\r\n");
        let long = encode(&"\u{e4}".repeat(200));
        assert!(long.lines().all(|line| line.len() <= LINE), "{long}");
        let joined = long.replace("=\r\n", "");
        assert_eq!(joined, "=C3=A4".repeat(200) + "\r\n");
    }
}
