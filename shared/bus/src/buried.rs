//! What was buried on [`Topic::Dead`]: octets that were no job.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use bytes::Bytes;
use message::Topic;

/// Names what was buried, as long as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuriedId(pub u64);

impl fmt::Display for BuriedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BuriedId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// Octets that were no job, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buried {
    /// Its name.
    pub id: BuriedId,
    /// Where they were found.
    pub topic: Topic,
    /// The octets.
    pub payload: Bytes,
    /// Why they are no job.
    pub reason: String,
}
