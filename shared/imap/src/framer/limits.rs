//! How much a client may send.

/// Limits on what a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command: lines and literals, without the messages of APPEND.
    pub command: usize,
    /// Literals of a command, likewise.
    pub literals: usize,
    /// How long a literal may be that does not wait for us; None is LITERAL+,
    /// 4096 is LITERAL- (RFC 7888).
    pub unasked: Option<u64>,
    /// How much is read only to be thrown away, so that the next command can be
    /// found, before it is better to hang up.
    pub discarded: u64,
}

impl Limits {
    /// For a client that has yet to log in.
    pub const BEFORE_LOGIN: Self = Self {
        command: 8 * 1024,
        literals: 4,
        unasked: Some(4096),
        discarded: 64 * 1024,
    };

    /// For a client that has logged in. Some write long sets of UIDs.
    pub const AFTER_LOGIN: Self = Self {
        command: 256 * 1024,
        literals: 200,
        unasked: None,
        discarded: 100 * 1024 * 1024,
    };
}
