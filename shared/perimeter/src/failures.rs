//! Failed logins, counted per client and per account, so that nobody guesses on.
//!
//! Beyond a limit logins are refused unseen until the window, which the first
//! failure opens, has passed. A right password forgives nothing, or whoever has
//! an account could go on guessing at another.
//!
//! All instances of all services count in the store ([`LoginFailures`]), and each
//! process for itself: where the store cannot tell, its own counts hold alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use message::Clock;
use store::logins::{Client, Counts, FailedLogins, User};
use store::{LoginFailures, StoreError};

use crate::Denied;

/// The limits.
#[derive(Debug, Clone, Copy)]
struct Limits {
    per_client: u32,
    per_account: u32,
    window: Duration,
}

/// Counts failed logins, and refuses beyond the limits.
pub(crate) struct Failures {
    limits: Limits,
    clock: Arc<dyn Clock>,
    own: Counts,
    everywhere: Arc<dyn LoginFailures>,
    /// Whether the last call of the store failed.
    alone: AtomicBool,
}

impl Failures {
    /// Counts within the configured limits.
    pub(crate) fn new(
        limits: &config::Smtp,
        everywhere: Arc<dyn LoginFailures>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            limits: Limits {
                per_client: limits.max_auth_failures_per_address,
                per_account: limits.max_auth_failures_per_account,
                window: limits.auth_failure_window.duration(),
            },
            clock,
            own: Counts::default(),
            everywhere,
            alone: AtomicBool::new(false),
        }
    }

    /// Whether another login may be tried, by what failed anywhere.
    pub(crate) async fn judge(&self, client: Client, user: User) -> Result<(), Denied> {
        self.judge_here(client, user)?;
        let everywhere = self.everywhere.failed_logins(client, user).await;
        self.limits.judge(self.heard(everywhere))
    }

    /// The same, by what failed in this process.
    pub(crate) fn judge_here(&self, client: Client, user: User) -> Result<(), Denied> {
        let now = self.clock.monotonic();
        self.limits.judge(self.own.failed(client, user, now))
    }

    /// Counts a failed login in this process, and says how many from that client
    /// failed before.
    pub(crate) fn count_here(&self, client: Client, user: User) -> u32 {
        let (now, window) = (self.clock.monotonic(), self.limits.window);
        self.own.count(client, user, now, window).from_client
    }

    /// Counts it for all others, and says the same.
    pub(crate) async fn count(&self, client: Client, user: User) -> u32 {
        let window = self.limits.window;
        let counted = self.everywhere.count_failed_login(client, user, window);
        self.heard(counted.await).from_client
    }

    /// What the store says; that it begins or ceases to answer is told once.
    fn heard(&self, answer: Result<FailedLogins, StoreError>) -> FailedLogins {
        let was_alone = self.alone.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(error) if !was_alone => {
                tracing::warn!(%error, "failed logins are counted in this process alone");
            }
            Ok(_) if was_alone => tracing::info!("failed logins are counted together again"),
            Ok(_) | Err(_) => {}
        }
        answer.unwrap_or_default()
    }
}

impl Limits {
    fn judge(self, failed: FailedLogins) -> Result<(), Denied> {
        if failed.from_client >= self.per_client {
            return Err(Denied::TooManyFromClient);
        }
        if failed.for_user >= self.per_account {
            return Err(Denied::TooManyForAccount);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use message::AccountId;
    use message::time::ManualClock;
    use std::sync::Mutex;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A store that may be away.
    struct Everywhere {
        counts: Counts,
        clock: ManualClock,
        away: Mutex<bool>,
    }

    impl Everywhere {
        fn new(clock: &ManualClock) -> Arc<Self> {
            Arc::new(Self {
                counts: Counts::default(),
                clock: clock.clone(),
                away: Mutex::new(false),
            })
        }

        fn answer(&self, failed: FailedLogins) -> Result<FailedLogins, StoreError> {
            match *self.away.lock().unwrap() {
                true => Err(StoreError::Unavailable("away".to_owned())),
                false => Ok(failed),
            }
        }
    }

    #[async_trait]
    impl LoginFailures for Everywhere {
        async fn failed_logins(
            &self,
            client: Client,
            user: User,
        ) -> Result<FailedLogins, StoreError> {
            self.answer(self.counts.failed(client, user, self.clock.monotonic()))
        }

        async fn count_failed_login(
            &self,
            client: Client,
            user: User,
            window: Duration,
        ) -> Result<FailedLogins, StoreError> {
            self.answer(FailedLogins::default())?;
            Ok(self
                .counts
                .count(client, user, self.clock.monotonic(), window))
        }
    }

    fn failures(clock: &ManualClock, everywhere: &Arc<Everywhere>) -> Failures {
        let limits = config::Smtp {
            max_auth_failures_per_address: 3,
            max_auth_failures_per_account: 5,
            auth_failure_window: config::Span::minutes(1),
            ..config::Smtp::default()
        };
        Failures::new(&limits, everywhere.clone(), Arc::new(clock.clone()))
    }

    async fn fail(failures: &Failures, client: Client, user: User) -> u32 {
        let here = failures.count_here(client, user);
        here.max(failures.count(client, user).await)
    }

    fn client(number: u8) -> Client {
        Client::at([192, 0, 2, number].into())
    }

    fn account(number: u64) -> User {
        User::Account(AccountId::from_bits(number))
    }

    fn clock() -> ManualClock {
        ManualClock::at("2026-11-23T15:05:00Z")
    }

    #[tokio::test]
    async fn a_client_is_refused_until_the_window_has_passed() {
        let clock = clock();
        let failures = failures(&clock, &Everywhere::new(&clock));
        for before in 0..3 {
            assert_eq!(failures.judge(client(1), account(9)).await, Ok(()));
            let user = account(before.into());
            assert_eq!(fail(&failures, client(1), user).await, before);
            clock.advance(MINUTE / 4);
        }
        let refused = failures.judge(client(1), account(9)).await;
        assert_eq!(refused, Err(Denied::TooManyFromClient));
        assert_eq!(failures.judge(client(2), account(9)).await, Ok(()));
        clock.advance(MINUTE / 4);
        assert_eq!(failures.judge(client(1), account(9)).await, Ok(()));
        assert_eq!(fail(&failures, client(1), account(9)).await, 0);
    }

    #[tokio::test]
    async fn an_account_is_guarded_against_many_clients() {
        let clock = clock();
        let failures = failures(&clock, &Everywhere::new(&clock));
        for user in [account(1), User::nobody("Mallory")] {
            for number in 0..5 {
                assert_eq!(failures.judge(client(number), user).await, Ok(()));
                fail(&failures, client(number), user).await;
            }
            let refused = failures.judge(client(6), user).await;
            assert_eq!(refused, Err(Denied::TooManyForAccount));
        }
        assert_eq!(failures.judge(client(6), account(2)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_guesser_refused_at_one_instance_is_refused_at_the_other() {
        let clock = clock();
        let everywhere = Everywhere::new(&clock);
        let (one, other) = (failures(&clock, &everywhere), failures(&clock, &everywhere));
        for _ in 0..3 {
            fail(&one, client(1), account(1)).await;
        }
        let refused = other.judge(client(1), account(2)).await;
        assert_eq!(refused, Err(Denied::TooManyFromClient));
    }

    #[tokio::test]
    async fn while_the_store_is_away_a_process_goes_on_by_its_own_counts() {
        let clock = clock();
        let everywhere = Everywhere::new(&clock);
        let failures = failures(&clock, &everywhere);
        fail(&failures, client(1), account(1)).await;
        *everywhere.away.lock().unwrap() = true;
        for before in 1..3 {
            assert_eq!(failures.judge(client(1), account(1)).await, Ok(()));
            assert_eq!(fail(&failures, client(1), account(1)).await, before);
        }
        let refused = failures.judge(client(1), account(2)).await;
        assert_eq!(refused, Err(Denied::TooManyFromClient));
    }
}
