#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Redis with the users that `deploy/redis/users` makes, as the containers have
//! it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use message::{AccountId, MessageId};
use servers::RedisServer;
use store::directory::DomainRecord;
use store::ledger::Entries;
use store::logins::{Client, User};
use store::{Directory, LoginFailures, MailboxStore, RedisStore, StoreError, StoreOptions, Time};
use tempfile::TempDir;

/// Every user that has a password.
const USERS: [&str; 8] = [
    "smtp-ingress",
    "router",
    "local-delivery",
    "remote-relay",
    "dsn-notifier",
    "web-gateway",
    "mailbox-access",
    "admin",
];

struct Deployed {
    server: RedisServer,
    _secrets: TempDir,
}

impl Deployed {
    async fn start() -> Self {
        let secrets = TempDir::new().unwrap();
        for user in USERS {
            let file = secrets.path().join(format!("store-{user}"));
            std::fs::write(file, password(user)).unwrap();
        }
        let acl = secrets.path().join("users.acl");
        std::fs::write(&acl, users(secrets.path())).unwrap();
        let settings = format!("aclfile {}", acl.display());
        let server = RedisServer::start(&settings).await.unwrap();
        let deployed = Self {
            server,
            _secrets: secrets,
        };
        store::init(&deployed.url("admin")).await.unwrap();
        deployed
    }

    fn url(&self, user: &str) -> String {
        self.server.url_of(user, &password(user))
    }

    async fn open(&self, user: &str) -> RedisStore {
        let url = self.url(user);
        let opened = RedisStore::connect(&url, StoreOptions::default(), Time::Server).await;
        opened.unwrap()
    }
}

fn password(user: &str) -> String {
    format!("secret-of-{user}")
}

/// What the script prints for these passwords.
fn users(secrets: &Path) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("deploy/redis/users"))
        .arg(secrets)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn domain() -> DomainRecord {
    DomainRecord {
        name: "example.org".parse().unwrap(),
        postmaster: "anna@example.org".parse().unwrap(),
        catch_all: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_there_after_a_restart() {
    let mut redis = Deployed::start().await;
    let gateway = redis.open("web-gateway").await;
    gateway.add_domain(domain()).await.unwrap();
    drop(gateway);
    redis.server.kill();
    redis.server.start_again().await.unwrap();
    let router = redis.open("router").await;
    let found = router.domain(&domain().name).await.unwrap();
    assert_eq!(found, Some(domain()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_is_denied_what_is_not_its_own() {
    let redis = Deployed::start().await;
    let account = AccountId::from_bits(7);
    let denied = |result: Result<(), StoreError>, what: &str| {
        let error = result.expect_err(what).to_string();
        let refused = error.contains("permission") || error.contains("can't access");
        assert!(refused, "{what}: {error}");
    };
    for user in ["smtp-ingress", "remote-relay", "dsn-notifier"] {
        let store = redis.open(user).await;
        let mailboxes = store.mailboxes(account).await.map(drop);
        denied(mailboxes, &format!("{user} sees mailboxes"));
        let id = MessageId::from_bits(1);
        assert_eq!(
            Entries::entry(&store, id).await.unwrap(),
            None,
            "{user} sees the ledger"
        );
    }
    let relay = redis.open("remote-relay").await;
    let domain_seen = relay.domain(&domain().name).await.map(drop);
    denied(domain_seen, "remote-relay sees the directory");
    for user in [
        "smtp-ingress",
        "router",
        "local-delivery",
        "dsn-notifier",
        "mailbox-access",
    ] {
        let store = redis.open(user).await;
        let added = store
            .add_domain(domain())
            .await
            .map_err(|error| match error {
                store::directory::DirectoryError::Store(error) => error,
                other => panic!("{other}"),
            });
        denied(added, &format!("{user} edits the directory"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_checks_passwords_counts_failures_and_nobody_else_does() {
    let redis = Deployed::start().await;
    let client = Client::at([192, 0, 2, 1].into());
    let user = User::Account(AccountId::from_bits(7));
    let count = async |service: &str| {
        let store = redis.open(service).await;
        let window = Duration::from_secs(60);
        store.count_failed_login(client, user, window).await
    };
    for (before, service) in (0..).zip(["smtp-ingress", "mailbox-access", "web-gateway"]) {
        let counted = count(service).await.unwrap();
        assert_eq!(
            (counted.from_client, counted.for_user),
            (before, before),
            "{service}"
        );
    }
    for service in ["router", "local-delivery", "remote-relay", "dsn-notifier"] {
        let refused = count(service).await.expect_err(service).to_string();
        assert!(refused.contains("NOPERM"), "{service}: {refused}");
    }
}
