//! A house for the tests: mailbox-access on free ports before the embedded store
//! and real files, and a client.

#![allow(dead_code, reason = "no test uses all of it")]

mod client;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use bus::EmbeddedBus;
use config::Config;
use content::{ContentStore, ContentUrl, Settings, WriterName};
use mailbox_access::{Access, Ports};
use message::{AccountId, Address, Clock};
use station::{Station, SystemClock, SystemRandomness};
use store::directory::{Account, DomainRecord, PasswordHash};
use store::{Directory, EmbeddedStore, StoreOptions};
use telemetry::{Metrics, Tracer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use client::Client;

/// How long a test waits for what must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const ALICE: AccountId = AccountId::from_bits(1);
pub(crate) const BOB: AccountId = AccountId::from_bits(2);
pub(crate) const PASSWORD: &str = "secret";

pub(crate) struct House {
    pub(crate) imap: SocketAddr,
    pub(crate) store: Arc<EmbeddedStore>,
    pub(crate) content: Arc<dyn ContentStore>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens with a configuration changed by `change`.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let config = config(&folder, change);
        let store = store(&folder, &clock).await;
        let url = ContentUrl::File(folder.path().join("content"));
        let random = Arc::new(SystemRandomness);
        let writer: WriterName = "test".parse().unwrap();
        let settings = Settings::new(Some(writer), Arc::clone(&clock), random.clone());
        let content = content::connect(&url, settings).await.unwrap();
        let bus = Arc::new(EmbeddedBus::new(10));
        let station = Station::new("mailbox-access", bus, Tracer::off(), Metrics::new(), clock);
        let ports = Ports {
            directory: store.clone(),
            mailboxes: store.clone(),
            references: store.clone(),
            content: Arc::clone(&content),
            random,
            station,
        };
        let access = Access::bind(&config, &ports).await.unwrap();
        let imap = access.addresses()[0];
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(access.serve(shutdown.clone()));
        Self {
            imap,
            store,
            content,
            shutdown,
            serving,
            _folder: folder,
        }
    }

    /// A client that has logged in as `user`.
    pub(crate) async fn client(&self, user: &str) -> Client {
        let mut client = Client::connect(self.imap).await;
        client.line().await;
        client
            .ask(&format!("LOGIN {user}@example.org {PASSWORD}"))
            .await;
        client
    }
}

fn config(folder: &tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Config {
    let made = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()]).unwrap();
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut config = Config::default();
    config.server.hostname = "mail.example.org".parse().unwrap();
    config.tls.certificate = Some(certificate);
    config.tls.key = Some(key);
    let any = vec![SocketAddr::from(([127, 0, 0, 1], 0)).into()];
    (config.imap.starttls, config.imap.tls) = (any.clone(), any.clone());
    (config.pop3.starttls, config.pop3.tls) = (any.clone(), any);
    config.imap.plain_login = true;
    config.smtp.auth_failure_delay = config::Span::millis(1);
    change(&mut config);
    config
}

async fn store(folder: &tempfile::TempDir, clock: &Arc<dyn Clock>) -> Arc<EmbeddedStore> {
    let path = folder.path().join("store");
    let failed = Arc::new(|error: &std::io::Error| panic!("fsync: {error}"));
    let options = StoreOptions::default();
    let store = EmbeddedStore::open(&path, options, Arc::clone(clock), failed).unwrap();
    let domain = DomainRecord {
        name: "example.org".parse().unwrap(),
        postmaster: address("alice@example.org"),
        catch_all: None,
    };
    store.add_domain(domain).await.unwrap();
    let hash = argon2::Argon2::default()
        .hash_password(PASSWORD.as_bytes())
        .unwrap();
    for (id, name) in [(ALICE, "alice@example.org"), (BOB, "bob@example.org")] {
        let account = Account {
            id,
            address: address(name),
            password: PasswordHash::new(hash.to_string()),
            quota: Some(10 * 1024 * 1024),
        };
        store.add_account(account).await.unwrap();
    }
    Arc::new(store)
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}
