//! Server side: content in chunks (RFC 3030), without dots, as strict as DATA.

use super::scrutiny::{Fault, Scrutiny, Summary};

/// Checks the octets of chunks as they come. Chunks may end anywhere, also
/// between CR and LF.
#[derive(Debug)]
pub struct ChunkDecoder {
    tail: Tail,
    scrutiny: Scrutiny,
}

/// What the octets so far end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    LineEnd,
    Cr,
    Text,
}

impl ChunkDecoder {
    /// A decoder at the beginning of the first chunk.
    pub fn new(size_limit: u64, hop_limit: usize) -> Self {
        Self {
            tail: Tail::LineEnd,
            scrutiny: Scrutiny::new(size_limit, hop_limit),
        }
    }

    /// Takes the next octets of a chunk; true if all of them belong to the
    /// content, false if the content is refused.
    pub fn take(&mut self, octets: &[u8]) -> bool {
        self.check_lines(octets);
        self.scrutiny.take(octets)
    }

    /// What must be added behind the last chunk for the last line to end, once.
    pub fn complete(&mut self) -> Option<&'static [u8]> {
        const LINE_END: &[u8] = b"\r\n";
        let tail = std::mem::replace(&mut self.tail, Tail::LineEnd);
        match tail {
            Tail::LineEnd => None,
            Tail::Cr => {
                self.scrutiny.refuse(Fault::BareCr);
                None
            }
            Tail::Text => self.scrutiny.take(LINE_END).then_some(LINE_END),
        }
    }

    /// Why the content is refused, as far as is known.
    pub fn fault(&self) -> Option<Fault> {
        self.scrutiny.fault()
    }

    /// What was seen, behind the last chunk.
    ///
    /// # Errors
    /// When the content is refused.
    pub fn end(&self) -> Result<Summary, Fault> {
        self.scrutiny.end()
    }

    fn check_lines(&mut self, octets: &[u8]) {
        let Some((&first, &last)) = octets.first().zip(octets.last()) else {
            return;
        };
        if self.tail == Tail::Cr && first != b'\n' {
            self.scrutiny.refuse(Fault::BareCr);
        }
        let mut from = 0;
        while let Some(found) = memchr::memchr3(b'\r', b'\n', 0, &octets[from..]) {
            let at = from + found;
            from = at + 1;
            match octets[at] {
                b'\r' => match octets.get(from) {
                    Some(b'\n') => from += 1,
                    Some(_) => self.scrutiny.refuse(Fault::BareCr),
                    None => {}
                },
                b'\n' if at == 0 && self.tail == Tail::Cr => {}
                b'\n' => self.scrutiny.refuse(Fault::BareLf),
                _ => self.scrutiny.refuse(Fault::Nul),
            }
        }
        self.tail = match last {
            b'\n' => Tail::LineEnd,
            b'\r' => Tail::Cr,
            _ => Tail::Text,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of content in chunks of `step` octets.
    fn decode(content: &[u8], step: usize) -> (Vec<u8>, Result<u64, Fault>) {
        let (mut decoder, mut got) = (ChunkDecoder::new(100, 50), Vec::new());
        for chunk in content.chunks(step) {
            if decoder.take(chunk) {
                got.extend_from_slice(chunk);
            }
        }
        got.extend_from_slice(decoder.complete().unwrap_or_default());
        assert_eq!(decoder.complete(), None);
        (got, decoder.end().map(|summary| summary.size))
    }

    fn check(content: &str, expected: Result<&str, Fault>) {
        for step in 1..8 {
            let (got, end) = decode(content.as_bytes(), step);
            let size = expected.map(|text| text.len() as u64);
            assert_eq!(end, size, "{content:?} by {step}");
            if let Ok(text) = expected {
                assert_eq!(got, text.as_bytes(), "{content:?} by {step}");
            }
        }
    }

    #[test]
    fn lines_end_in_crlf_and_nothing_else() {
        check("", Ok(""));
        check("\r\n", Ok("\r\n"));
        check("a", Ok("a\r\n"));
        check(".\r\n.\r\n", Ok(".\r\n.\r\n"));
        check("a\r\n.\r\nb", Ok("a\r\n.\r\nb\r\n"));
        check("a\r", Err(Fault::BareCr));
        check("a\rb", Err(Fault::BareCr));
        check("a\r\r\n", Err(Fault::BareCr));
        check("\na", Err(Fault::BareLf));
        check("a\n", Err(Fault::BareLf));
        check("a\r\n\n", Err(Fault::BareLf));
        check("a\0", Err(Fault::Nul));
        check("a\0\nb", Err(Fault::BareLf));
    }

    #[test]
    fn the_line_end_that_is_added_counts() {
        check(&"x".repeat(98), Ok(&("x".repeat(98) + "\r\n")));
        check(&"x".repeat(99), Err(Fault::TooBig));
    }
}
