//! Counts in the memory of one process: all that the embedded engine needs, which
//! serves one process at a time, and what a service goes on with while its engine
//! is away.
//!
//! Both tables are bounded: where one is full, the oldest count is forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Client, FailedLogins, User};

/// The most clients, and the most users, with failures at a time.
const MAX_COUNTS: usize = 10_000;

/// Failed logins by client and by user. Time is that of a monotonic clock.
#[derive(Default)]
pub struct Counts(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    clients: Table<Client>,
    users: Table<User>,
}

struct Table<K>(HashMap<K, Count>);

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    /// When the window has passed.
    ends: Duration,
}

impl Counts {
    /// How many logins failed.
    pub fn failed(&self, client: Client, user: User, now: Duration) -> FailedLogins {
        let tables = self.tables();
        FailedLogins {
            from_client: tables.clients.failures(&client, now),
            for_user: tables.users.failures(&user, now),
        }
    }

    /// Counts one more, and says how many there were before.
    pub fn count(
        &self,
        client: Client,
        user: User,
        now: Duration,
        window: Duration,
    ) -> FailedLogins {
        let mut tables = self.tables();
        FailedLogins {
            from_client: tables.clients.add(client, now, window),
            for_user: tables.users.add(user, now, window),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Table<K> {
    fn failures(&self, key: &K, now: Duration) -> u32 {
        let count = self.0.get(key).filter(|count| count.ends > now);
        count.map_or(0, |count| count.failures)
    }

    fn add(&mut self, key: K, now: Duration, window: Duration) -> u32 {
        if self.0.len() >= MAX_COUNTS && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let fresh = Count {
            failures: 0,
            ends: now.saturating_add(window),
        };
        let count = self.0.entry(key).or_insert(fresh);
        if count.ends <= now {
            *count = fresh;
        }
        count.failures += 1;
        count.failures - 1
    }

    fn make_room(&mut self, now: Duration) {
        self.0.retain(|_, count| count.ends > now);
        if self.0.len() < MAX_COUNTS {
            return;
        }
        let oldest = self.0.iter().min_by_key(|(_, count)| count.ends);
        if let Some(oldest) = oldest.map(|(key, _)| *key) {
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::AccountId;

    #[test]
    fn tables_are_bounded_and_forget_the_oldest() {
        let counts = Counts::default();
        let account = |number: u32| User::Account(AccountId::from_bits(number.into()));
        for number in 0..MAX_COUNTS as u32 + 10 {
            let client = Client::at(number.to_be_bytes().into());
            let now = Duration::from_millis(number.into());
            counts.count(client, account(number), now, Duration::from_secs(60));
        }
        let tables = counts.tables();
        assert_eq!(tables.clients.0.len(), MAX_COUNTS);
        assert_eq!(tables.users.0.len(), MAX_COUNTS);
        assert!(!tables.users.0.contains_key(&account(0)));
    }
}
