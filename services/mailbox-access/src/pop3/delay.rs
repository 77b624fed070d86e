//! LOGIN-DELAY (RFC 2449 §6.5): the least time between two logins to an account.
//! Counted per instance, in a bounded table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use message::{AccountId, Clock};

/// The most accounts remembered; beyond it, logins are not delayed.
const MAX_ACCOUNTS: usize = 100_000;

/// When who logged in last.
pub(super) struct LoginDelay {
    span: Duration,
    clock: Arc<dyn Clock>,
    last: Mutex<HashMap<AccountId, Duration>>,
}

impl LoginDelay {
    /// No login within `span` of another.
    pub(super) fn new(span: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            span,
            clock,
            last: Mutex::default(),
        }
    }

    /// Whether the account may log in; it has, then.
    pub(super) fn admits(&self, account: AccountId) -> bool {
        if self.span.is_zero() {
            return true;
        }
        let now = self.clock.monotonic();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |then: &Duration| now.saturating_sub(*then) >= self.span;
        if last.len() >= MAX_ACCOUNTS {
            last.retain(|_, then| !over(then));
        }
        if last.get(&account).is_some_and(|then| !over(then)) {
            return false;
        }
        if last.len() < MAX_ACCOUNTS {
            last.insert(account, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::time::ManualClock;

    #[test]
    fn a_login_soon_after_another_is_refused() {
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let delay = LoginDelay::new(Duration::from_secs(60), Arc::new(clock.clone()));
        let [anna, bert] = [1, 2].map(AccountId::from_bits);
        assert!(delay.admits(anna) && delay.admits(bert));
        clock.advance(Duration::from_secs(59));
        assert!(!delay.admits(anna));
        clock.advance(Duration::from_secs(1));
        assert!(delay.admits(anna));
        let none = LoginDelay::new(Duration::ZERO, Arc::new(clock));
        assert!(none.admits(anna) && none.admits(anna));
    }
}
