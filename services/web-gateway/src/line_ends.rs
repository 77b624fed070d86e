//! Line ends as mail has them: CRLF, whatever a file had; also behind the last
//! line.

/// Turns line ends of octets that come in pieces.
#[derive(Default)]
pub(crate) struct LineEnds {
    /// A CR was the last octet, and is not passed on yet.
    returned: bool,
    /// The last octet passed on ended no line.
    open: bool,
}

impl LineEnds {
    /// Adds the next octets to `out`.
    pub(crate) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        for &octet in octets {
            match octet {
                b'\n' => self.end_line(out),
                _ if self.returned => {
                    // A CR alone ends a line too, as on very old systems.
                    self.end_line(out);
                    self.take(octet, out);
                }
                _ => self.take(octet, out),
            }
        }
    }

    /// Ends the last line.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        if self.open || self.returned {
            self.end_line(out);
        }
    }

    fn take(&mut self, octet: u8, out: &mut Vec<u8>) {
        if octet == b'\r' {
            self.returned = true;
        } else {
            out.push(octet);
            self.open = true;
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.returned = false;
        self.open = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        for step in [1, 2, 100] {
            let (mut ends, mut out) = (LineEnds::default(), Vec::new());
            for piece in text.as_bytes().chunks(step) {
                ends.push(piece, &mut out);
            }
            ends.finish(&mut out);
            assert_eq!(
                String::from_utf8(out).unwrap(),
                expected,
                "{text:?} by {step}"
            );
        }
    }

    #[test]
    fn every_line_ends_with_crlf() {
        check("", "");
        check("a\nb\n", "a\r\nb\r\n");
        check("a\r\nb\r\n", "a\r\nb\r\n");
        check("a\r\n\r\n\nb", "a\r\n\r\n\r\nb\r\n");
        check("a\rb\r", "a\r\nb\r\n");
        check("\r\r\n", "\r\n\r\n");
    }
}
