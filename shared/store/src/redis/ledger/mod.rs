//! The ledger on Redis.
//!
//! A message is one hash; sorted sets index what is open, closed, due, waiting
//! for a destination, and referred to. The functions in `functions/ledger/` say
//! which key has what; what they need not understand (envelopes, routes,
//! outcomes) is JSON that only this module reads.
//!
//! Whatever is answered is durable as far as the server's `appendfsync` goes.
//! Operations that read a message with very many jobs take several calls; what
//! changes meanwhile may show in later ones.

mod destination;
mod entry;
mod feed;
mod job;
mod notice;
mod queue;
mod record;
mod reference;
mod reply;
mod route;

use message::Timestamp;

use super::RedisStore;
use super::connection::Call;

/// The files of the library `rohrpost_ledger`, in the order in which they use
/// one another.
pub(super) const FUNCTIONS: &[&str] = &[
    include_str!("../functions/ledger/turn.lua"),
    include_str!("../functions/ledger/course.lua"),
    include_str!("../functions/ledger/place.lua"),
    include_str!("../functions/ledger/reference.lua"),
    include_str!("../functions/ledger/message.lua"),
    include_str!("../functions/ledger/job.lua"),
    include_str!("../functions/ledger/settle.lua"),
    include_str!("../functions/ledger/entry.lua"),
    include_str!("../functions/ledger/route.lua"),
    include_str!("../functions/ledger/work.lua"),
    include_str!("../functions/ledger/feed.lua"),
    include_str!("../functions/ledger/notice.lua"),
    include_str!("../functions/ledger/destination.lua"),
    include_str!("../functions/ledger/queue.lua"),
];

/// How all keys of the ledger begin. The hash tag keeps them on one node of a
/// cluster: a step may touch a message, its content and its destination.
const KEYS: &str = "l:{ledger-0}";

/// Jobs of one message that one call reads.
const JOBS: usize = 100;
/// Rows that one call of another kind reads or changes.
const ROWS: usize = 100;

impl RedisStore {
    /// A call of a function that changes the ledger.
    fn ledger(&self, function: &str) -> Call {
        self.told(Call::write(&format!("ledger_{function}"), KEYS))
    }

    /// A call of a function that only reads the ledger.
    fn reading(&self, function: &str) -> Call {
        self.told(Call::read(&format!("ledger_{function}"), KEYS))
    }

    /// Adds what each function is told first.
    fn told(&self, call: Call) -> Call {
        let options = &self.options;
        call.arg(self.link.now())
            .arg(span(options.feed_interval))
            .arg(options.max_tries)
            .arg(options.backlog)
    }
}

/// Microseconds since 1970, as scores of sorted sets hold them exactly.
fn micros(at: Timestamp) -> u64 {
    const LAST: u64 = 9_000_000_000_000_000;
    u64::try_from(at.as_microsecond()).unwrap_or(0).min(LAST)
}

/// A span in microseconds.
fn span(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// How functions take what need not be there.
fn or_empty<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// JSON for what only we read.
fn json(value: &impl serde::Serialize) -> Result<String, crate::StoreError> {
    serde_json::to_string(value)
        .map_err(|error| crate::StoreError::Misused(format!("it cannot be written: {error}")))
}
