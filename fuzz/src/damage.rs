//! Octets on disk that are not those that were written.

/// One change: these octets stand there now.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// Where, from the start of the file; beyond its end, counted from its start
    /// again.
    pub at: usize,
    /// At most 255.
    pub octets: &'a [u8],
}

/// The edits that an input stands for: position in three octets (little-endian),
/// number of octets in one, octets.
pub fn edits(mut input: &[u8]) -> impl Iterator<Item = Edit<'_>> {
    std::iter::from_fn(move || {
        let (&[low, middle, high, length], rest) = input.split_first_chunk()?;
        let (octets, rest) = rest.split_at(rest.len().min(length.into()));
        input = rest;
        let at = u32::from_le_bytes([low, middle, high, 0]) as usize;
        Some(Edit { at, octets })
    })
}

impl Edit<'_> {
    /// Makes the change. A file keeps its length.
    pub fn apply(&self, file: &mut [u8]) {
        let Some(at) = self.at.checked_rem(file.len()) else {
            return;
        };
        let length = self.octets.len().min(file.len() - at);
        file[at..at + length].copy_from_slice(&self.octets[..length]);
    }
}
