//! The store that a house stands on, and the accounts in it.

use std::path::Path;
use std::sync::Arc;

use argon2::password_hash::PasswordHasher;
use message::{Address, Clock};
use servers::RedisServer;
use station::SystemClock;
use store::directory::{Account, DomainRecord, PasswordHash};
use store::mailbox::Quota;
use store::{Directory, EmbeddedStore, RedisStore, StoreOptions, Stores, Time};

use super::{ALICE, BOB, PASSWORD};

/// Where state is kept.
#[derive(Debug, Clone)]
pub(crate) enum Engine {
    /// In the house's own files.
    Embedded,
    /// On a Redis of the house's own, by this clock.
    Redis(Time),
}

impl Engine {
    pub(crate) const ALL: [Self; 2] = [Self::Embedded, Self::Redis(Time::Server)];

    /// Starts what the engine needs, once for all instances of a house.
    pub(super) async fn server(&self) -> Option<RedisServer> {
        match self {
            Self::Embedded => None,
            Self::Redis(_) => {
                let server = RedisServer::start("").await.unwrap();
                store::init(&server.url()).await.unwrap();
                Some(server)
            }
        }
    }

    /// Opens the store for one instance.
    pub(super) async fn open(&self, folder: &Path, server: Option<&RedisServer>) -> Stores {
        let options = StoreOptions::default();
        match (self, server) {
            (Self::Redis(time), Some(server)) => {
                let store = RedisStore::connect(&server.url(), options, time.clone()).await;
                Stores::on(Arc::new(store.unwrap()))
            }
            (Self::Embedded | Self::Redis(_), _) => {
                let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
                let failed = Arc::new(|error: &std::io::Error| panic!("fsync: {error}"));
                let store = EmbeddedStore::open(folder, options, clock, failed);
                Stores::on(Arc::new(store.unwrap()))
            }
        }
    }
}

/// Enters the domain, Alice and Bob.
pub(super) async fn furnish(directory: &dyn Directory) {
    let domain = DomainRecord {
        name: "example.org".parse().unwrap(),
        postmaster: address("alice@example.org"),
        catch_all: None,
    };
    directory.add_domain(domain).await.unwrap();
    let hash = argon2::Argon2::default()
        .hash_password(PASSWORD.as_bytes())
        .unwrap();
    for (id, name) in [(ALICE, "alice@example.org"), (BOB, "bob@example.org")] {
        let account = Account {
            id,
            address: address(name),
            password: PasswordHash::new(hash.to_string()),
            quota: Quota {
                octets: Some(10 * 1024 * 1024),
                messages: Some(100_000),
            },
        };
        directory.add_account(account).await.unwrap();
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}
