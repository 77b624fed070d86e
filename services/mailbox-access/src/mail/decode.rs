//! Undoing transfer encodings (RFC 2045 §6) and charsets.

use encoding_rs::{UTF_8, WINDOWS_1252};

/// How a body is encoded for transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    /// 7bit, 8bit, binary: not at all.
    #[default]
    Identity,
    /// base64
    Base64,
    /// quoted-printable
    QuotedPrintable,
    /// One that nobody knows.
    Unknown,
}

impl Encoding {
    pub(super) fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Self::Identity,
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            _ => Self::Unknown,
        }
    }
}

/// Decodes a body while it passes by. What makes no sense is left out (Base64)
/// or left as it is (quoted-printable).
#[derive(Debug)]
pub(crate) struct Decoder {
    encoding: Encoding,
    /// Base64: bits that make no octet yet, and how many.
    bits: (u32, u8),
    /// Base64: its end was met.
    ended: bool,
    /// Quoted-printable: an escape, or white space at the end of a line, of which
    /// the rest is to come.
    held: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            bits: (0, 0),
            ended: false,
            held: Vec::new(),
        }
    }

    /// Decodes octets into `out`.
    pub(crate) fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity | Encoding::Unknown => out.extend_from_slice(octets),
            Encoding::Base64 => octets.iter().for_each(|b| self.base64(*b, out)),
            Encoding::QuotedPrintable => octets.iter().for_each(|b| self.quoted(*b, out)),
        }
    }

    /// Whatever is left at the end.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        let text = held.trim_ascii_end();
        if text != b"=" {
            out.extend_from_slice(text);
        }
    }

    fn base64(&mut self, octet: u8, out: &mut Vec<u8>) {
        let value = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                self.ended = true;
                return;
            }
            _ => return,
        };
        if std::mem::take(&mut self.ended) {
            // Another piece behind the end of one.
            self.bits = (0, 0);
        }
        let (bits, count) = (self.bits.0 << 6 | u32::from(value), self.bits.1 + 6);
        self.bits = (bits, count);
        if count >= 8 {
            out.push((bits >> (count - 8)) as u8);
            self.bits = (bits & ((1 << (count - 8)) - 1), count - 8);
        }
    }

    fn quoted(&mut self, octet: u8, out: &mut Vec<u8>) {
        match (self.held.first(), octet) {
            (None, b'=' | b' ' | b'\t') => self.held.push(octet),
            (None, _) => out.push(octet),
            (Some(b'='), _) => self.escaped(octet, out),
            (Some(_), b' ' | b'\t') => self.hold_space(octet, out),
            // White space at the end of a line is not the message's.
            (Some(_), b'\r') => self.held.push(octet),
            (Some(_), b'\n') => {
                let end: &[u8] = match self.held.ends_with(b"\r") {
                    true => b"\r\n",
                    false => b"\n",
                };
                out.extend_from_slice(end);
                self.held.clear();
            }
            (Some(_), _) => {
                out.append(&mut self.held);
                self.quoted(octet, out);
            }
        }
    }

    fn hold_space(&mut self, octet: u8, out: &mut Vec<u8>) {
        if self.held.len() > 1000 || self.held.ends_with(b"\r") {
            out.append(&mut self.held);
        }
        self.held.push(octet);
    }

    fn escaped(&mut self, octet: u8, out: &mut Vec<u8>) {
        match (&self.held[1..], octet) {
            // A soft line break.
            (_, b'\n') => self.held.clear(),
            (rest, b' ' | b'\t' | b'\r') if rest.iter().all(u8::is_ascii_whitespace) => {
                if self.held.len() < 1000 {
                    self.held.push(octet);
                }
            }
            ([], _) if octet.is_ascii_hexdigit() => self.held.push(octet),
            ([high], _) if high.is_ascii_hexdigit() && octet.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(octet));
                self.held.clear();
            }
            _ => {
                out.append(&mut self.held);
                self.quoted(octet, out);
            }
        }
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

/// Text in a charset; what is no UTF-8 though it should be, and what is in a
/// charset nobody knows, is taken for Windows-1252, as browsers do.
pub(crate) fn text_of(octets: &[u8], charset: &str) -> String {
    if let Some(encoding) = encoding_rs::Encoding::for_label(charset.trim().as_bytes())
        && encoding != UTF_8
        && !charset.eq_ignore_ascii_case("us-ascii")
    {
        return encoding.decode(octets).0.into_owned();
    }
    if charset.eq_ignore_ascii_case("utf-7")
        && let Some(decode) = mail_parser::decoders::charsets::map::charset_decoder(b"utf-7")
    {
        return decode(octets);
    }
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode(octets).0.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: Encoding, sent: &str, expected: &str) {
        for piece in [1, 3, 1000] {
            let mut decoder = Decoder::new(encoding);
            let mut out = Vec::new();
            for octets in sent.as_bytes().chunks(piece) {
                decoder.feed(octets, &mut out);
            }
            decoder.finish(&mut out);
            assert_eq!(
                String::from_utf8_lossy(&out),
                expected,
                "{sent:?} by {piece}"
            );
        }
    }

    #[test]
    fn base64_is_undone() {
        check(Encoding::Base64, "aGVsbG8=\r\n", "hello");
        check(Encoding::Base64, "aGVs\r\nbG8gd29y\r\nbGQ", "hello world");
        check(Encoding::Base64, "aGk=aGk=", "hihi");
        check(Encoding::Base64, "!aG~k", "hi");
    }

    #[test]
    fn quoted_printable_is_undone() {
        check(
            Encoding::QuotedPrintable,
            "a=3Db=\r\nc  \r\nd e",
            "a=bc\r\nd e",
        );
        check(Encoding::QuotedPrintable, "=C3=A4 x", "ä x");
        check(Encoding::QuotedPrintable, "a=zz=", "a=zz");
        check(
            Encoding::QuotedPrintable,
            "soft= \r\nbreak \n",
            "softbreak\n",
        );
    }

    #[test]
    fn charsets_are_undone() {
        assert_eq!(text_of(b"gr\xfcn", "iso-8859-1"), "grün");
        assert_eq!(text_of("grün".as_bytes(), "utf-8"), "grün");
        assert_eq!(text_of(b"gr\xfcn", "utf-8"), "grün");
        assert_eq!(text_of("grün".as_bytes(), "nonsense"), "grün");
        assert_eq!(text_of(b"\x1b$B4A;z\x1b(B", "iso-2022-jp"), "漢字");
    }
}
