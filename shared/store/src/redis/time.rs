//! Whose clock an operation goes by.

use std::fmt;
use std::sync::Arc;

use message::Clock;

/// Whose clock the store goes by: leases expire and jobs come due by it.
#[derive(Clone)]
pub enum Time {
    /// The server's, the same for all processes.
    Server,
    /// This one, for tests.
    Given(Arc<dyn Clock>),
}

impl Time {
    /// What a function is told: microseconds since 1970, or nothing, whereupon
    /// it asks the server.
    pub(super) fn argument(&self) -> String {
        match self {
            Self::Server => String::new(),
            Self::Given(clock) => clock.now().as_microsecond().to_string(),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "Server",
            Self::Given(_) => "Given",
        })
    }
}
