//! Octets as a network hands them over: cut anywhere.

/// The octets of an input, in pieces whose lengths the input itself decides by
/// its first four octets, used in turn.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    lengths: [u8; 4],
    turn: usize,
    rest: &'a [u8],
}

impl<'a> Pieces<'a> {
    /// Takes the lengths off the front of `input`; none if it is shorter.
    pub fn of(input: &'a [u8]) -> Option<Self> {
        let (&lengths, rest) = input.split_first_chunk()?;
        Some(Self {
            lengths,
            turn: 0,
            rest,
        })
    }

    /// What has not been handed over yet, in one piece.
    pub fn whole(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let length = match self.lengths[self.turn % 4] {
            small @ 0..128 => 1 + usize::from(small),
            // As much as a socket gives at once.
            large => 128 * usize::from(large - 127),
        };
        self.turn += 1;
        let (piece, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}
