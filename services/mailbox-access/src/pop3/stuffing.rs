//! A message as a multi-line response: lines that begin with a dot get another,
//! a line with a dot ends it all (RFC 1939 §3). Of TOP, the header and some lines.
//!
//! Many clients take a line feed alone for the end of a line, others do not. So a dot
//! behind one gets another, lest the former see an end; and the end stands behind
//! CR LF always, where the latter look for it.

/// Stuffs a message that comes in pieces.
#[derive(Debug)]
pub(crate) struct Stuffing {
    /// Lines of the body that are still to be sent; all of them if none.
    lines: Option<u64>,
    place: Place,
    /// The last two octets, or what stands before the first.
    last: [u8; 2],
}

/// What the last octets were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the begin of a line of the header.
    HeaderStart,
    /// Within a line of the header.
    Header,
    /// Behind a CR that may end the header.
    HeaderReturn,
    /// At the begin of a line of the body.
    BodyStart,
    /// Within a line of the body.
    Body,
    /// No more is wanted.
    Done,
}

impl Stuffing {
    /// A whole message, or its header and so many lines of its body.
    pub(crate) fn new(lines: Option<u64>) -> Self {
        Self {
            lines,
            place: Place::HeaderStart,
            last: *b"\r\n",
        }
    }

    /// Whether more octets would change nothing.
    pub(crate) fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Adds the next octets of the message to `out`.
    pub(crate) fn push(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        while !octets.is_empty() && !self.is_done() {
            if octets[0] == b'.' && matches!(self.place, Place::HeaderStart | Place::BodyStart) {
                out.push(b'.');
            }
            // What is left of the line; or all there is.
            let end = octets.iter().position(|octet| *octet == b'\n');
            let (line, rest) = octets.split_at(end.map_or(octets.len(), |end| end + 1));
            out.extend_from_slice(line);
            self.last = match *line {
                [.., a, b] => [a, b],
                [b] => [self.last[1], b],
                [] => self.last,
            };
            self.advance(line, end.is_some());
            octets = rest;
        }
    }

    fn advance(&mut self, line: &[u8], ended: bool) {
        self.place = match (self.place, ended) {
            (Place::HeaderStart, false) if line == b"\r" => Place::HeaderReturn,
            (Place::HeaderStart | Place::Header | Place::HeaderReturn, false) => Place::Header,
            (Place::HeaderStart, true) if matches!(line, b"\r\n" | b"\n") => self.line_of_body(0),
            (Place::HeaderReturn, true) if line == b"\n" => self.line_of_body(0),
            (Place::HeaderStart | Place::Header | Place::HeaderReturn, true) => Place::HeaderStart,
            (Place::BodyStart | Place::Body, false) => Place::Body,
            (Place::BodyStart | Place::Body, true) => self.line_of_body(1),
            (Place::Done, _) => Place::Done,
        };
    }

    /// The next line of the body, after so many; if more are wanted.
    fn line_of_body(&mut self, after: u64) -> Place {
        match &mut self.lines {
            None => Place::BodyStart,
            Some(lines) => {
                *lines = lines.saturating_sub(after);
                if *lines == 0 {
                    Place::Done
                } else {
                    Place::BodyStart
                }
            }
        }
    }

    /// Ends the response.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        if self.last != *b"\r\n" {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, lines: Option<u64>, expected: &str) {
        for step in [1, 2, 3, usize::MAX] {
            let mut stuffing = Stuffing::new(lines);
            let mut out = Vec::new();
            for piece in message.as_bytes().chunks(step.min(message.len()).max(1)) {
                stuffing.push(piece, &mut out);
            }
            stuffing.finish(&mut out);
            let out = String::from_utf8(out).unwrap();
            assert_eq!(out, expected, "{message:?} by {step}");
        }
    }

    #[test]
    fn dots_at_the_begin_of_lines_are_doubled() {
        check("", None, ".\r\n");
        check(
            "A: b\r\n\r\n.\r\n..x\r\n",
            None,
            "A: b\r\n\r\n..\r\n...x\r\n.\r\n",
        );
        check(".A: b\r\nx.y", None, "..A: b\r\nx.y\r\n.\r\n");
        check("a\n.b\n", None, "a\n..b\n\r\n.\r\n");
        check("a\r", None, "a\r\r\n.\r\n");
    }

    #[test]
    fn top_gives_the_header_and_some_lines() {
        let message = "A: b\r\nC: d\r\n\r\n.one\r\n\r\nthree";
        let header = "A: b\r\nC: d\r\n\r\n";
        check(message, Some(0), &format!("{header}.\r\n"));
        check(message, Some(1), &format!("{header}..one\r\n.\r\n"));
        check(message, Some(2), &format!("{header}..one\r\n\r\n.\r\n"));
        let all = format!("{header}..one\r\n\r\nthree\r\n.\r\n");
        check(message, Some(3), &all);
        check(message, Some(99), &all);
        check("A: b\r\n", Some(5), "A: b\r\n.\r\n");
        check("A: b\n\nc\nd\n", Some(1), "A: b\n\nc\n\r\n.\r\n");
    }
}
