//! A house for the tests: smtp-ingress on free ports before the embedded store
//! and real files, a ledger that can be made to fail, and a client.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, unused_imports, reason = "no test uses all of it")]

mod client;
mod ledger;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use bus::{Bus, EmbeddedBus};
use config::Config;
use content::{ContentStore, ContentUrl, Settings, WriterName};
use message::{AccountId, Address, Clock};
use smtp_ingress::{Ingress, Ports};
use station::{Station, SystemClock, SystemRandomness};
use store::directory::{Account, Alias, DomainRecord, PasswordHash};
use store::mailbox::Quota;
use store::{Directory, EmbeddedStore, StoreOptions};
use telemetry::{Metrics, Tracer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use client::Client;
pub(crate) use ledger::{Failure, LedgerDouble};

/// How long a test waits for what must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const ALICE: AccountId = AccountId::from_bits(1);
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct House {
    pub(crate) mx: SocketAddr,
    pub(crate) submission: SocketAddr,
    pub(crate) submissions: SocketAddr,
    pub(crate) certificate: rcgen::CertifiedKey<rcgen::KeyPair>,
    pub(crate) ledger: Arc<LedgerDouble>,
    pub(crate) content: Arc<dyn ContentStore>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) metrics: Metrics,
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
        let certificate = certificate(&folder);
        let mut config = Config::default();
        config.server.hostname = "mx.example.org".parse().unwrap();
        config.tls.certificate = Some(folder.path().join("cert.pem"));
        config.tls.key = Some(folder.path().join("key.pem"));
        let any = vec![SocketAddr::from(([127, 0, 0, 1], 0)).into()];
        (config.smtp.mx, config.smtp.submission) = (any.clone(), any.clone());
        config.smtp.submissions = any;
        config.smtp.auth_failure_delay = config::Span::millis(1);
        change(&mut config);

        let store = store(&folder, &clock).await;
        let url = ContentUrl::File(folder.path().join("content"));
        let random = Arc::new(SystemRandomness);
        let writer: WriterName = "test".parse().unwrap();
        let settings = Settings::new(Some(writer), Arc::clone(&clock), random.clone());
        let content = content::connect(&url, settings).await.unwrap();
        let bus: Arc<dyn Bus> = Arc::new(EmbeddedBus::new(100));
        let metrics = Metrics::new();
        let ledger = Arc::new(LedgerDouble::default());
        let ports = Ports {
            directory: store.clone(),
            logins: store.clone(),
            mailboxes: store,
            ledger: ledger.clone(),
            content: Arc::clone(&content),
            random,
            station: Station::new(
                "smtp-ingress",
                Arc::clone(&bus),
                Tracer::off(),
                metrics.clone(),
                clock,
            ),
        };
        let ingress = Ingress::bind(&config, ports).await.unwrap();
        let [mx, submission, submissions] = ingress.addresses()[..] else {
            panic!("three ports")
        };
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(ingress.serve(shutdown.clone()));
        Self {
            mx,
            submission,
            submissions,
            certificate,
            ledger,
            content,
            bus,
            metrics,
            shutdown,
            serving,
            _folder: folder,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.mx).await
    }

    /// A client on the submission port, under TLS.
    pub(crate) async fn stranger(&self) -> Client {
        let mut client = Client::connect_tls(self.submissions, &self.certificate).await;
        client.expect("220 ").await;
        client.say("EHLO client.example", "250 HELP").await;
        client
    }

    /// Such a client, logged in as Alice.
    pub(crate) async fn alice(&self) -> Client {
        let mut client = self.stranger().await;
        client
            .say(&login("alice@example.org", PASSWORD), "235 2.7.0")
            .await;
        client
    }

    /// The octets of the only message accepted, prefix and content.
    pub(crate) async fn message(&self) -> (String, String) {
        let accepted = self.ledger.accepted();
        let [acceptance] = accepted.as_slice() else {
            panic!("{} messages", accepted.len())
        };
        let mut reader = self.content.open(&acceptance.content).await.unwrap();
        let mut octets = Vec::new();
        while let Some(piece) = reader.read().await.unwrap() {
            octets.extend_from_slice(&piece);
        }
        let prefix = reader.prefix().to_vec();
        assert_eq!(acceptance.size, (prefix.len() + octets.len()) as u64);
        (
            String::from_utf8(prefix).unwrap(),
            String::from_utf8(octets).unwrap(),
        )
    }
}

/// A hash that costs next to no memory to check, which tests/memory.rs would
/// count as the session's.
fn hash(password: &str) -> PasswordHash {
    let params = argon2::Params::new(argon2::Params::MIN_M_COST, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).unwrap();
    PasswordHash::new(hash.to_string())
}

/// An AUTH PLAIN command.
pub(crate) fn login(user: &str, password: &str) -> String {
    use base64::Engine;
    let response = format!("\0{user}\0{password}");
    format!(
        "AUTH PLAIN {}",
        base64::engine::general_purpose::STANDARD.encode(response)
    )
}

fn certificate(folder: &tempfile::TempDir) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    let certificate = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()]).unwrap();
    let (pem, key) = (
        certificate.cert.pem(),
        certificate.signing_key.serialize_pem(),
    );
    std::fs::write(folder.path().join("cert.pem"), pem).unwrap();
    std::fs::write(folder.path().join("key.pem"), key).unwrap();
    certificate
}

/// `example.org` with Alice, Fred and Gus whose mailboxes are full, and aliases.
async fn store(folder: &tempfile::TempDir, clock: &Arc<dyn Clock>) -> Arc<EmbeddedStore> {
    let path = folder.path().join("store");
    let failed = Arc::new(|error: &std::io::Error| panic!("fsync: {error}"));
    let options = StoreOptions::default();
    let store = EmbeddedStore::open(&path, options, Arc::clone(clock), failed).unwrap();
    let alice: Address = "alice@example.org".parse().unwrap();
    let domain = DomainRecord {
        name: alice.domain().clone(),
        postmaster: alice.clone(),
        catch_all: None,
    };
    store.add_domain(domain).await.unwrap();
    let no_message = Quota {
        messages: Some(0),
        ..Quota::NONE
    };
    for (id, address, quota) in [
        (ALICE, "alice", Quota::NONE),
        (AccountId::from_bits(2), "fred", Quota::octets(Some(0))),
        (AccountId::from_bits(3), "gus", no_message),
    ] {
        let address = format!("{address}@example.org").parse().unwrap();
        let password = hash(PASSWORD);
        store
            .add_account(Account {
                id,
                address,
                password,
                quota,
            })
            .await
            .unwrap();
    }
    for (name, target) in [
        ("info", "alice@example.org"),
        ("away", "alice@elsewhere.example"),
        ("loop", "loop@example.org"),
        ("stuffed", "fred@example.org"),
    ] {
        let address = format!("{name}@example.org").parse().unwrap();
        let targets = vec![target.parse().unwrap()];
        store.add_alias(Alias { address, targets }).await.unwrap();
    }
    Arc::new(store)
}
