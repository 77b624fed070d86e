//! What messages are made of: the same in every run, for every server.

use clap::Args;

/// Octets of the shortest line of content: a letter, the full stop, the end. A
/// full stop alone would end the data.
const MIN_LINE: usize = 4;

/// How large messages are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sizes {
    /// Smallest and largest content, in octets.
    #[arg(long, num_args = 2, default_values_t = [1024, 10_240])]
    size: Vec<usize>,
}

impl Sizes {
    pub(crate) fn are_sorted(&self) -> bool {
        self.size[0] <= self.size[1]
    }

    /// That of one message: a spread that is the same in every run.
    pub(crate) fn of(&self, message: u64) -> usize {
        let spread = (self.size[1] - self.size[0]) as u64 + 1;
        self.size[0]
            + (message.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize % spread as usize
    }
}

/// Adds lines to a header until there are `size` octets.
pub(crate) fn fill(content: &mut Vec<u8>, size: usize) {
    let line = b"The quick brown fox jumps over the lazy dog, again and again and again.\r\n";
    while content.len() < size {
        let room = (size - content.len()).min(line.len());
        content.extend_from_slice(&line[line.len() - room.max(MIN_LINE)..]);
    }
}
