//! Work that is done round after round, and fails as long as an engine is away.

use std::fmt::Display;

/// Logs when rounds begin to fail and when they succeed again, not each of them.
#[derive(Debug)]
pub struct Rounds {
    work: &'static str,
    failing: bool,
}

impl Rounds {
    /// Rounds of `work`, as a noun.
    pub const fn of(work: &'static str) -> Self {
        let failing = false;
        Self { work, failing }
    }

    /// A round has ended.
    pub fn ended<T, E: Display>(&mut self, result: &Result<T, E>) {
        let work = self.work;
        match result {
            Ok(_) if self.failing => tracing::info!(work, "goes on"),
            Ok(_) => {}
            Err(error) if self.failing => tracing::debug!(work, %error, "still waits"),
            Err(error) => tracing::warn!(work, %error, "waits until it can be done"),
        }
        self.failing = result.is_err();
    }
}
