//! Tells when the server goes away and when it is back, once each, however many
//! operations fail in between.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redis::RedisError;

use super::failure::is_absence;

/// Whether the server is away, as far as operations have found out.
#[derive(Debug, Default)]
pub(super) struct Outage {
    now: AtomicBool,
    failed: AtomicU64,
}

impl Outage {
    /// An operation has failed for good.
    pub(super) fn failed(&self, error: &RedisError) {
        if !is_absence(error) {
            return;
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        if !self.now.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "Redis is away; what needs it waits, or is refused for now");
        }
    }

    /// The server has answered.
    pub(super) fn answered(&self) {
        if self.now.load(Ordering::Relaxed) && self.now.swap(false, Ordering::Relaxed) {
            let failed = self.failed.swap(0, Ordering::Relaxed);
            tracing::info!(failed, "Redis is back");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn an_outage_lasts_until_an_answer() {
        let outage = Outage::default();
        for _ in 0..3 {
            outage.failed(&Error::from(ErrorKind::ConnectionRefused).into());
            assert!(outage.now.load(Ordering::Relaxed));
        }
        assert_eq!(outage.failed.load(Ordering::Relaxed), 3);
        outage.answered();
        assert!(!outage.now.load(Ordering::Relaxed));
        assert_eq!(outage.failed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_server_that_refuses_is_not_away() {
        let outage = Outage::default();
        let refused = redis::ErrorKind::Server(redis::ServerErrorKind::NoPerm);
        outage.failed(&(refused, "no permissions").into());
        assert!(!outage.now.load(Ordering::Relaxed));
    }
}
