//! A house for the tests: mailbox-access on free ports before a real store and
//! real files, and a client.

#![allow(dead_code, reason = "no test uses all of it")]

mod client;
mod stores;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::EmbeddedBus;
use config::Config;
use content::{ContentStore, ContentUrl, Settings};
use mailbox_access::{Access, Ports};
use message::{AccountId, Clock};
use rustls::pki_types::CertificateDer;
use servers::RedisServer;
use station::{Station, SystemClock, SystemRandomness};
use store::Stores;
use telemetry::{Metrics, Tracer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use client::Client;
pub(crate) use stores::Engine;

/// How long a test waits for what must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const ALICE: AccountId = AccountId::from_bits(1);
pub(crate) const BOB: AccountId = AccountId::from_bits(2);
pub(crate) const PASSWORD: &str = "secret";

/// An instance of mailbox-access.
pub(crate) struct House {
    pub(crate) imap: SocketAddr,
    pub(crate) pop3s: SocketAddr,
    pub(crate) stores: Stores,
    pub(crate) content: Arc<dyn ContentStore>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    pub(crate) site: Arc<Site>,
}

/// What instances side by side share.
pub(crate) struct Site {
    config: Config,
    engine: Engine,
    certificate: CertificateDer<'static>,
    // Before the folder, so that it is killed first.
    server: Option<RedisServer>,
    folder: tempfile::TempDir,
}

impl House {
    /// Opens on the embedded store.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens on the embedded store with a configuration changed by `change`.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(Engine::Embedded, change).await
    }

    /// Opens on `engine`.
    pub(crate) async fn over(engine: Engine) -> Self {
        Self::on(engine, |_| {}).await
    }

    async fn on(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        println!("over {engine:?}");
        let folder = tempfile::tempdir().unwrap();
        let (certificate, config) = configure(folder.path(), change);
        let site = Arc::new(Site {
            config,
            certificate,
            server: engine.server().await,
            engine,
            folder,
        });
        let house = site.instance("first").await;
        stores::furnish(house.stores.directory.as_ref()).await;
        house
    }

    /// Another instance, with its own connection to the same Redis.
    pub(crate) async fn neighbour(&self) -> Self {
        self.site.instance("second").await
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

    /// A client of POP3 under TLS that was greeted.
    pub(crate) async fn pop3_client(&self) -> Client {
        let certificate = self.site.certificate.clone();
        let mut client = Client::connect_tls(self.pop3s, certificate).await;
        client.line().await;
        client
    }
}

impl Site {
    /// Opens an instance, which writes contents under `name`.
    pub(crate) async fn instance(self: &Arc<Self>, name: &str) -> House {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random = Arc::new(SystemRandomness);
        let folder = self.folder.path();
        let path = folder.join("store");
        let stores = self.engine.open(&path, self.server.as_ref()).await;
        let url = ContentUrl::File(folder.join("content"));
        let writer = Some(name.parse().unwrap());
        let settings = Settings::new(writer, Arc::clone(&clock), random.clone());
        let content = content::connect(&url, settings).await.unwrap();
        let bus = Arc::new(EmbeddedBus::new(10));
        let station = Station::new("mailbox-access", bus, Tracer::off(), Metrics::new(), clock);
        let ports = Ports {
            directory: stores.directory.clone(),
            logins: stores.logins.clone(),
            mailboxes: stores.mailbox.clone(),
            references: stores.ledger.clone(),
            content: Arc::clone(&content),
            random,
            station,
        };
        let access = Access::bind(&self.config, &ports).await.unwrap();
        let addresses = access.addresses();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(access.serve(shutdown.clone()));
        House {
            imap: addresses[0],
            pop3s: addresses[3],
            stores,
            content,
            shutdown,
            serving,
            site: Arc::clone(self),
        }
    }
}

fn configure(folder: &Path, change: impl FnOnce(&mut Config)) -> (CertificateDer<'static>, Config) {
    let made = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
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
    (made.cert.der().clone(), config)
}
