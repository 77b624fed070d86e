//! What must be known of a header section as it streams by.

/// The field that every host on the way adds (RFC 5321 §4.4).
const TRACE_FIELD: &[u8] = b"received:";

/// Counts hops and looks for octets beyond ASCII, up to the empty line.
#[derive(Debug, Default)]
pub(super) struct HeaderWatch {
    over: bool,
    /// Octets of the current line, and how many at its front spell the trace field.
    column: usize,
    matched: usize,
    hops: usize,
    eight_bit: bool,
}

impl HeaderWatch {
    pub(super) fn hops(&self) -> usize {
        self.hops
    }

    pub(super) fn eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Takes the next octets of the content.
    pub(super) fn observe(&mut self, mut octets: &[u8]) {
        while !self.over && !octets.is_empty() {
            let end = memchr::memchr(b'\n', octets).map_or(octets.len(), |at| at + 1);
            let (piece, rest) = octets.split_at(end);
            self.line_piece(piece);
            octets = rest;
        }
    }

    fn line_piece(&mut self, piece: &[u8]) {
        self.eight_bit |= !piece.is_ascii();
        if self.column == self.matched && self.matched < TRACE_FIELD.len() {
            let wanted = TRACE_FIELD[self.matched..].iter();
            self.matched += piece
                .iter()
                .zip(wanted)
                .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
                .count();
            self.hops += usize::from(self.matched == TRACE_FIELD.len());
        }
        self.column += piece.len();
        if piece.ends_with(b"\n") {
            self.over = self.column == b"\r\n".len();
            (self.column, self.matched) = (0, 0);
        }
    }
}
