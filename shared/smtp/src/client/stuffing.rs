//! Content as DATA carries it: dots doubled at line starts, a dot at the end
//! (RFC 5321 §4.5.2); or as BDAT does, which counts instead (RFC 3030).

/// How the server is to know where the content ends.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By DATA: a dot on a line of its own.
    #[default]
    Dot,
    /// By BDAT: each chunk says its length, and the last one that it is.
    Chunks,
}

/// Turns content into the octets that follow a 354 or a BDAT, piece by piece.
///
/// A CR or LF that stands alone is sent as CRLF: a server that takes it for a
/// line end must not see a dot there that we did not double ("SMTP smuggling"),
/// and §2.3.8 forbids to send it.
#[derive(Debug, Default)]
pub struct DotStuffer {
    framing: Framing,
    last: Last,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    #[default]
    LineEnd,
    /// A CR has been taken, and its CRLF sent.
    Cr,
    Text,
}

impl DotStuffer {
    /// A stuffer at the start of content.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same for either framing: in chunks a dot is like any other octet.
    pub fn framed(framing: Framing) -> Self {
        Self {
            framing,
            ..Self::default()
        }
    }

    /// Appends the next piece of content to `wire`.
    pub fn push(&mut self, content: &[u8], wire: &mut Vec<u8>) {
        wire.reserve(content.len() + content.len() / 64);
        let mut rest = content;
        while let Some(&first) = rest.first() {
            match first {
                b'\n' => {
                    // The LF of a CRLF has been sent with its CR.
                    if self.last != Last::Cr {
                        wire.extend_from_slice(b"\r\n");
                    }
                    self.last = Last::LineEnd;
                    rest = &rest[1..];
                }
                b'\r' => {
                    wire.extend_from_slice(b"\r\n");
                    self.last = Last::Cr;
                    rest = &rest[1..];
                }
                _ => {
                    let stuffed = self.framing == Framing::Dot;
                    if stuffed && first == b'.' && self.last != Last::Text {
                        wire.push(b'.');
                    }
                    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    wire.extend_from_slice(&rest[..end]);
                    self.last = Last::Text;
                    rest = &rest[end..];
                }
            }
        }
    }

    /// Appends the end of data, and before it the line end that the content lacks.
    pub fn finish(self, wire: &mut Vec<u8>) {
        if self.last == Last::Text {
            wire.extend_from_slice(b"\r\n");
        }
        match self.framing {
            Framing::Dot => wire.extend_from_slice(b".\r\n"),
            Framing::Chunks => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuff<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut stuffer = DotStuffer::new();
        let mut wire = Vec::new();
        for piece in pieces {
            stuffer.push(piece, &mut wire);
        }
        stuffer.finish(&mut wire);
        wire
    }

    fn check(content: &str, expected: &str) {
        let wire = stuff([content.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&wire), expected, "{content:?}");
    }

    #[test]
    fn dots_are_doubled_and_the_end_is_marked() {
        check("", ".\r\n");
        check("a\r\n", "a\r\n.\r\n");
        check("a", "a\r\n.\r\n");
        check(".\r\n..\r\na.b\r\n", "..\r\n...\r\na.b\r\n.\r\n");
        check("\r\n.\r\n", "\r\n..\r\n.\r\n");
    }

    #[test]
    fn chunks_carry_dots_as_they_are() {
        for (content, expected) in [
            ("", ""),
            (".", ".\r\n"),
            (".a\n.\r\n..", ".a\r\n.\r\n..\r\n"),
        ] {
            let mut stuffer = DotStuffer::framed(Framing::Chunks);
            let mut wire = Vec::new();
            stuffer.push(content.as_bytes(), &mut wire);
            stuffer.finish(&mut wire);
            assert_eq!(String::from_utf8_lossy(&wire), expected, "{content:?}");
        }
    }

    #[test]
    fn lone_line_ends_cannot_smuggle_a_dot() {
        check("a\n.\nb\r\n", "a\r\n..\r\nb\r\n.\r\n");
        check("a\r.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n");
        check("a\r\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n");
        check("a\n\r.\r\n", "a\r\n\r\n..\r\n.\r\n");
        check("a\r", "a\r\n.\r\n");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(content in "[a.\r\n]{0,40}", cut in 0_usize..40) {
            let cut = cut.min(content.len());
            let (head, tail) = content.as_bytes().split_at(cut);
            prop_assert_eq!(stuff([head, tail]), stuff([content.as_bytes()]));
        }

        #[test]
        fn the_end_stands_once(content in "[a.\r\n]{0,40}") {
            let wire = stuff([content.as_bytes()]);
            let framed = [b"\r\n".as_slice(), &wire].concat();
            let ends = framed.windows(5).filter(|w| w == b"\r\n.\r\n").count();
            prop_assert_eq!(ends, 1, "{:?}", String::from_utf8_lossy(&wire));
        }
    }
}
