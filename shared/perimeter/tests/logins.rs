#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Logins at several instances over one Redis, and of accounts that change.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use config::Span;
use message::time::{ManualClock, SeededRandomness};
use message::{AccountId, Address, Secret};
use perimeter::{Denied, LoginPorts, Logins};
use servers::RedisServer;
use store::directory::{Account, DomainRecord, PasswordHash};
use store::{RedisStore, StoreOptions, Stores, Time};

const ALICE: AccountId = AccountId::from_bits(1);
const BOB: AccountId = AccountId::from_bits(2);

/// A Redis with Alice and Bob.
struct House {
    server: RedisServer,
    clock: ManualClock,
}

impl House {
    async fn open() -> Self {
        let server = RedisServer::start("").await.unwrap();
        store::init(&server.url()).await.unwrap();
        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let house = Self { server, clock };
        let directory = house.stores().await.directory;
        let domain = DomainRecord {
            name: "example.org".parse().unwrap(),
            postmaster: address("alice"),
            catch_all: None,
        };
        directory.add_domain(domain).await.unwrap();
        for (id, name) in [(ALICE, "alice"), (BOB, "bob")] {
            let account = Account {
                id,
                address: address(name),
                password: hash("secret"),
                quota: Default::default(),
            };
            directory.add_account(account).await.unwrap();
        }
        house
    }

    async fn stores(&self) -> Stores {
        let time = Time::Given(Arc::new(self.clock.clone()));
        let url = self.server.url();
        let store = RedisStore::connect(&url, StoreOptions::default(), time).await;
        Stores::on(Arc::new(store.unwrap()))
    }

    /// An instance of a service.
    async fn instance(&self) -> Logins {
        let config = config::Smtp {
            auth_failure_delay: Span::millis(1),
            max_auth_failures_per_address: 3,
            max_auth_failures_per_account: 5,
            ..config::Smtp::default()
        };
        let stores = self.stores().await;
        let ports = LoginPorts {
            directory: stores.directory,
            failures: stores.logins,
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SeededRandomness::new(1)),
        };
        Logins::new(&config, ports)
    }
}

fn address(name: &str) -> Address {
    format!("{name}@example.org").parse().unwrap()
}

/// A hash that is checked at once.
fn hash(password: &str) -> PasswordHash {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).unwrap();
    PasswordHash::new(hash.to_string())
}

fn host(number: u8) -> IpAddr {
    [192, 0, 2, number].into()
}

async fn login(
    logins: &Logins,
    client: IpAddr,
    user: &str,
    password: &str,
) -> Result<AccountId, Denied> {
    let user = address(user).to_string();
    logins.check(client, &user, &Secret::new(password)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_at_one_instance_is_refused_at_every_other() {
    let house = House::open().await;
    let (imap, smtp) = (house.instance().await, house.instance().await);
    assert_eq!(login(&smtp, host(1), "bob", "secret").await, Ok(BOB));
    for guess in ["a", "b", "c"] {
        let wrong = login(&imap, host(1), "alice", guess).await;
        assert_eq!(wrong, Err(Denied::Wrong));
    }
    // Whether the password is right is not said any more, to whomever.
    for (user, password) in [("alice", "secret"), ("bob", "secret"), ("nobody", "x")] {
        let refused = login(&smtp, host(1), user, password).await;
        assert_eq!(refused, Err(Denied::TooManyFromClient), "{user}");
    }
    for guess in ["d", "e"] {
        let wrong = login(&smtp, host(2), "alice", guess).await;
        assert_eq!(wrong, Err(Denied::Wrong));
    }
    let refused = login(&imap, host(3), "alice", "secret").await;
    assert_eq!(refused, Err(Denied::TooManyForAccount));
    assert_eq!(login(&imap, host(3), "bob", "secret").await, Ok(BOB));
    house.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(login(&smtp, host(1), "alice", "secret").await, Ok(ALICE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_counts_at_once() {
    let house = House::open().await;
    let logins = house.instance().await;
    let directory = house.stores().await.directory;
    for _ in 0..2 {
        assert_eq!(login(&logins, host(1), "alice", "secret").await, Ok(ALICE));
    }
    directory
        .set_password(&address("alice"), hash("fresh"))
        .await
        .unwrap();
    let refused = login(&logins, host(1), "alice", "secret").await;
    assert_eq!(refused, Err(Denied::Wrong));
    assert_eq!(login(&logins, host(1), "alice", "fresh").await, Ok(ALICE));
    directory.remove_account(&address("alice")).await.unwrap();
    let refused = login(&logins, host(1), "alice", "fresh").await;
    assert_eq!(refused, Err(Denied::Wrong));
}
