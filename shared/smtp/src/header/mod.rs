//! The header section of a submitted message (RFC 6409, RFC 5322 §3.6): read,
//! so that the author can be checked, and completed. The body streams by.
//!
//! Only whole fields are taken away or added; what stays keeps its octets. A
//! line that is no field ends the section as an empty line would, and gets one
//! before it.

mod author;
mod section;

pub use author::AuthorError;
pub use section::{HeaderSection, HeaderTooBig};

use std::ops::ControlFlow;

/// Gathers a header section from content as it streams by.
#[derive(Debug, Default)]
pub struct HeaderCollector {
    octets: Vec<u8>,
    /// Where the first line begins that has not been looked at.
    line: usize,
    /// Up to where there is no further line end.
    searched: usize,
}

impl HeaderCollector {
    /// The largest header section that is taken.
    pub const MAX: usize = 96 * 1024;

    /// A collector at the beginning of the content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next octets of the content. Breaks with the header section
    /// and the first octets of the body as soon as the section is complete.
    ///
    /// # Errors
    /// When the section is larger than [`HeaderCollector::MAX`].
    pub fn push(
        &mut self,
        content: &[u8],
    ) -> Result<ControlFlow<(HeaderSection, Vec<u8>)>, HeaderTooBig> {
        self.grow(content.len());
        self.octets.extend_from_slice(content);
        while let Some(found) = memchr::memchr(b'\n', &self.octets[self.searched..]) {
            let end = self.searched + found + 1;
            self.searched = end;
            match kind(&self.octets[self.line..end], self.line == 0) {
                Line::Field => self.line = end,
                Line::Empty => return Ok(ControlFlow::Break(self.split(self.line, end))),
                Line::Body => return Ok(ControlFlow::Break(self.split(self.line, self.line))),
            }
        }
        self.searched = self.octets.len();
        if self.octets.len() > Self::MAX {
            Err(HeaderTooBig)
        } else {
            Ok(ControlFlow::Continue(()))
        }
    }

    /// Makes room as a vector does, by doubling, but never for more than is taken.
    fn grow(&mut self, more: usize) {
        let needed = self.octets.len() + more;
        if needed > self.octets.capacity() {
            let target = needed.max((2 * self.octets.capacity()).min(Self::MAX));
            self.octets.reserve_exact(target - self.octets.len());
        }
    }

    /// The section of content that ends without a body.
    pub fn finish(mut self) -> HeaderSection {
        if self.line < self.octets.len() {
            self.octets.extend_from_slice(b"\r\n");
        }
        HeaderSection::new(self.octets)
    }

    fn split(&mut self, header_end: usize, body: usize) -> (HeaderSection, Vec<u8>) {
        let mut octets = std::mem::take(self).octets;
        let body = octets.split_off(body);
        octets.truncate(header_end);
        (HeaderSection::new(octets), body)
    }
}

enum Line {
    /// A field's first line, or one that continues it.
    Field,
    /// What ends the section.
    Empty,
    /// What can only be body.
    Body,
}

fn kind(line: &[u8], first: bool) -> Line {
    match line {
        [b'\r', b'\n'] | [b'\n'] => Line::Empty,
        [b' ' | b'\t', ..] if !first => Line::Field,
        _ if section::field_name(line).is_some() => Line::Field,
        _ => Line::Body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(content: &str, step: usize) -> (String, String) {
        let mut collector = HeaderCollector::new();
        let mut pieces = content.as_bytes().chunks(step);
        while let Some(piece) = pieces.next() {
            if let ControlFlow::Break((section, mut body)) = collector.push(piece).unwrap() {
                body.extend(pieces.flatten());
                let header = String::from_utf8(section.octets().to_vec()).unwrap();
                return (header, String::from_utf8(body).unwrap());
            }
        }
        let section = collector.finish();
        (
            String::from_utf8(section.octets().to_vec()).unwrap(),
            String::new(),
        )
    }

    fn check(content: &str, header: &str, body: &str) {
        for step in [1, 3, 1000] {
            let (got_header, got_body) = split(content, step);
            assert_eq!(got_header, format!("{header}\r\n"), "{content:?} by {step}");
            assert_eq!(got_body, body, "{content:?} by {step}");
        }
    }

    #[test]
    fn header_and_body_are_parted() {
        check(
            "A: b\r\nC: d\r\n e\r\n\r\nbody\r\n\r\nx",
            "A: b\r\nC: d\r\n e\r\n",
            "body\r\n\r\nx",
        );
        check("\r\nbody\r\n", "", "body\r\n");
        check("A: b\r\n", "A: b\r\n", "");
        check("", "", "");
        check("no header\r\nA: b\r\n", "", "no header\r\nA: b\r\n");
        check("A: b\r\nno field\r\n\r\nx", "A: b\r\n", "no field\r\n\r\nx");
        check(" x: y\r\n", "", " x: y\r\n");
    }

    #[test]
    fn the_section_is_bounded() {
        let mut collector = HeaderCollector::new();
        let line = format!("A: {}\r\n", "x".repeat(1000));
        assert!((0..200).any(|_| collector.push(line.as_bytes()).is_err()));
        assert!(collector.octets.capacity() <= HeaderCollector::MAX + line.len());
    }

    proptest! {
        #[test]
        fn no_content_makes_it_panic(content in "[a: \r\n\t]{0,60}", step in 1_usize..9) {
            let mut collector = HeaderCollector::new();
            for piece in content.as_bytes().chunks(step) {
                if let Ok(ControlFlow::Break((mut section, _))) = collector.push(piece) {
                    section.complete("now", "<id>");
                    return Ok(());
                }
            }
        }
    }
}
