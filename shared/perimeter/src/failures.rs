//! Failed logins, counted per client and per account, so that nobody guesses on.
//!
//! Beyond a limit logins are refused unseen until the window, which the first
//! failure opens, has passed. A right password forgives nothing, or whoever has
//! an account could go on guessing at another. Names that no account has count
//! like accounts, so that a refusal tells nothing about who exists.
//!
//! Both tables are bounded: where one is full, the oldest count is forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use message::{AccountId, Clock};

use crate::admission::client;

/// The most clients, and the most accounts, with failures at a time.
const MAX_COUNTS: usize = 10_000;

/// Who a client says it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum User {
    Account(AccountId),
    /// A name that no account has.
    Nobody(Box<str>),
}

impl User {
    /// No address is longer than that; a name may be, and the table is bounded.
    const NAME_MAX: usize = 320;

    pub(crate) fn nobody(name: &str) -> Self {
        let name = name.chars().take(Self::NAME_MAX);
        Self::Nobody(name.flat_map(char::to_lowercase).collect())
    }
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    FromClient,
    ForAccount,
}

/// The limits.
#[derive(Debug, Clone, Copy)]
struct Limits {
    per_client: u32,
    per_account: u32,
    window: Duration,
}

/// Counts failed logins.
pub struct Failures {
    limits: Limits,
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    clients: Table<IpAddr>,
    users: Table<User>,
}

struct Table<K>(HashMap<K, Count>);

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    since: Duration,
}

impl Failures {
    /// Counts within the configured limits.
    pub fn new(limits: &config::Smtp, clock: Arc<dyn Clock>) -> Self {
        let limits = Limits {
            per_client: limits.max_auth_failures_per_address,
            per_account: limits.max_auth_failures_per_account,
            window: limits.auth_failure_window.duration(),
        };
        Self::within(limits, clock)
    }

    fn within(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            clock,
            tables: Mutex::default(),
        }
    }

    /// Whether another login may be tried.
    ///
    /// # Errors
    /// When too many failed.
    pub(crate) fn judge(&self, address: IpAddr, user: &User) -> Result<(), TooMany> {
        let (from, _) = self.window();
        let tables = self.tables();
        if tables.clients.failures(&client(address), from) >= self.limits.per_client {
            return Err(TooMany::FromClient);
        }
        if tables.users.failures(user, from) >= self.limits.per_account {
            return Err(TooMany::ForAccount);
        }
        Ok(())
    }

    /// Counts a failed login, and says how many from that client failed before.
    pub(crate) fn count(&self, address: IpAddr, user: User) -> u32 {
        let (from, now) = self.window();
        let client = client(address);
        let mut tables = self.tables();
        let before = tables.clients.failures(&client, from);
        tables.clients.add(client, from, now);
        tables.users.add(user, from, now);
        before
    }

    /// When windows opened that are open still, and now.
    fn window(&self) -> (Duration, Duration) {
        let now = self.clock.monotonic();
        (now.saturating_sub(self.limits.window), now)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Table<K> {
    /// Failures counted in windows that opened after `from`.
    fn failures(&self, key: &K, from: Duration) -> u32 {
        let count = self.0.get(key).filter(|count| count.is_open(from));
        count.map_or(0, |count| count.failures)
    }

    fn add(&mut self, key: K, from: Duration, now: Duration) {
        if self.0.len() >= MAX_COUNTS && !self.0.contains_key(&key) {
            self.make_room(from);
        }
        let fresh = Count {
            failures: 0,
            since: now,
        };
        let count = self.0.entry(key).or_insert(fresh);
        if !count.is_open(from) {
            *count = fresh;
        }
        count.failures += 1;
    }

    fn make_room(&mut self, from: Duration) {
        self.0.retain(|_, count| count.is_open(from));
        if self.0.len() < MAX_COUNTS {
            return;
        }
        let oldest = self.0.iter().min_by_key(|(_, count)| count.since);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            self.0.remove(&oldest);
        }
    }
}

impl Count {
    fn is_open(&self, from: Duration) -> bool {
        self.since > from || from.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::time::ManualClock;

    const MINUTE: Duration = Duration::from_secs(60);

    fn failures(clock: &ManualClock) -> Failures {
        let limits = Limits {
            per_client: 3,
            per_account: 5,
            window: MINUTE,
        };
        Failures::within(limits, Arc::new(clock.clone()))
    }

    fn client(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    fn account(number: u64) -> User {
        User::Account(AccountId::from_bits(number))
    }

    #[test]
    fn a_client_is_refused_until_the_window_has_passed() {
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        clock.advance(10 * MINUTE);
        let failures = failures(&clock);
        for before in 0..3 {
            assert_eq!(failures.judge(client(1), &account(9)), Ok(()));
            assert_eq!(failures.count(client(1), account(before.into())), before);
            clock.advance(MINUTE / 4);
        }
        let refused = failures.judge(client(1), &account(9));
        assert_eq!(refused, Err(TooMany::FromClient));
        assert_eq!(failures.judge(client(2), &account(9)), Ok(()));
        clock.advance(MINUTE / 4);
        assert_eq!(failures.judge(client(1), &account(9)), Ok(()));
        assert_eq!(failures.count(client(1), account(9)), 0);
    }

    #[test]
    fn an_account_is_guarded_against_many_clients() {
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let failures = failures(&clock);
        for user in [account(1), User::nobody("Mallory")] {
            for number in 0..5 {
                assert_eq!(failures.judge(client(number), &user), Ok(()));
                failures.count(client(number), user.clone());
            }
            let refused = failures.judge(client(6), &user);
            assert_eq!(refused, Err(TooMany::ForAccount));
        }
        assert_eq!(failures.judge(client(6), &account(2)), Ok(()));
    }

    #[test]
    fn tables_are_bounded_and_forget_the_oldest() {
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let failures = failures(&clock);
        for number in 0..MAX_COUNTS as u32 + 10 {
            let client = IpAddr::from(number.to_be_bytes());
            failures.count(client, account(number.into()));
            clock.advance(Duration::from_millis(1));
        }
        let tables = failures.tables();
        assert_eq!(tables.clients.0.len(), MAX_COUNTS);
        assert_eq!(tables.users.0.len(), MAX_COUNTS);
        assert!(!tables.users.0.contains_key(&account(0)));
    }
}
