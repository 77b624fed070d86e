//! What every [`LoginFailures`] does.

use std::net::IpAddr;
use std::time::Duration;

use message::AccountId;
use message::time::ManualClock;

use super::Subject;
use crate::logins::{Client, FailedLogins, LoginFailures, User};

/// How long failures count in the cases.
const WINDOW: Duration = Duration::from_secs(60);

/// Runs every case, each on a fresh store with this clock, which stands still until
/// the case advances it.
pub async fn run<S: Subject<dyn LoginFailures>>(fresh: impl AsyncFn(ManualClock) -> S) {
    macro_rules! run {
        ($($case:path,)*) => {$({
            let clock = ManualClock::at("2026-11-23T15:05:00Z");
            let subject = fresh(clock.clone()).await;
            $case(&*subject.open().await, &clock).await;
        })*};
    }
    run![
        clients_and_users_are_counted_apart,
        a_window_opens_with_the_first_failure,
        failures_at_once_all_count,
    ];
}

async fn clients_and_users_are_counted_apart(store: &dyn LoginFailures, _: &ManualClock) {
    let nobody = User::nobody("mallory");
    assert_eq!(
        store.failed_logins(client(1), anna()).await.unwrap(),
        failed(0, 0)
    );
    assert_eq!(count(store, client(1), anna()).await, failed(0, 0));
    assert_eq!(count(store, client(1), nobody).await, failed(1, 0));
    assert_eq!(count(store, client(2), anna()).await, failed(0, 1));
    for (client, user, expected) in [
        (client(1), anna(), failed(2, 2)),
        (client(1), nobody, failed(2, 1)),
        (client(2), nobody, failed(1, 1)),
        (client(3), anna(), failed(0, 2)),
        (client(3), bert(), failed(0, 0)),
    ] {
        let found = store.failed_logins(client, user).await.unwrap();
        assert_eq!(found, expected, "{client:?}, {user:?}");
    }
    let network = |address: &str| Client::at(address.parse::<IpAddr>().unwrap());
    count(store, network("2001:db8::1"), bert()).await;
    let neighbour = store.failed_logins(network("2001:db8::2"), anna()).await;
    assert_eq!(neighbour.unwrap(), failed(1, 2));
}

async fn a_window_opens_with_the_first_failure(store: &dyn LoginFailures, clock: &ManualClock) {
    count(store, client(1), anna()).await;
    clock.advance(WINDOW / 2);
    assert_eq!(count(store, client(1), anna()).await, failed(1, 1));
    count(store, client(2), bert()).await;
    clock.advance(WINDOW / 2);
    let passed = store.failed_logins(client(1), anna()).await.unwrap();
    assert_eq!(passed, failed(0, 0), "the later failure prolongs nothing");
    let open = store.failed_logins(client(2), bert()).await.unwrap();
    assert_eq!(open, failed(1, 1), "each has a window of its own");
    assert_eq!(count(store, client(1), anna()).await, failed(0, 0));
    let again = store.failed_logins(client(1), anna()).await.unwrap();
    assert_eq!(again, failed(1, 1));
}

async fn failures_at_once_all_count(store: &dyn LoginFailures, _: &ManualClock) {
    let one = || count(store, client(1), anna());
    let counted = tokio::join!(one(), one(), one(), one());
    let mut before = [counted.0, counted.1, counted.2, counted.3].map(|failed| failed.for_user);
    before.sort_unstable();
    assert_eq!(before, [0, 1, 2, 3]);
}

async fn count(store: &dyn LoginFailures, client: Client, user: User) -> FailedLogins {
    store
        .count_failed_login(client, user, WINDOW)
        .await
        .unwrap()
}

fn failed(from_client: u32, for_user: u32) -> FailedLogins {
    FailedLogins {
        from_client,
        for_user,
    }
}

fn client(number: u8) -> Client {
    Client::at([192, 0, 2, number].into())
}

fn anna() -> User {
    User::Account(AccountId::from_bits(0xa))
}

fn bert() -> User {
    User::Account(AccountId::from_bits(0xb))
}
