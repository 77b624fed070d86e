//! Who has an account's mailboxes for itself (RFC 1939 §4).

use std::fmt;

use message::Randomness;

/// Whoever holds a lock: a name drawn for one session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LockHolder(u128);

impl LockHolder {
    /// Draws a name that nobody else has.
    pub fn draw(random: &dyn Randomness) -> Self {
        let mut fresh = [0; 16];
        random.fill(&mut fresh);
        Self(u128::from_be_bytes(fresh))
    }

    /// The holder with these bits, as read back from a store.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Debug for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
