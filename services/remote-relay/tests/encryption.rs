//! The policies of TLS, and who gets a password.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::path::PathBuf;

use config::{DestinationPolicy, TlsPolicy};
use world::{Say, Sink, World};

const OK: &str = "Relayed { dsn: false } 2.0.0";

/// What a message comes to under `policy`, and whether it went under TLS.
async fn sent(policy: TlsPolicy, change: impl FnOnce(&mut World, &Sink)) -> (String, Option<bool>) {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.tls = policy;
    sink.offer(&["STARTTLS"]);
    change(&mut world, &sink);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    world
        .reaches(key, |state| {
            use store::ledger::JobState::{Deferred, Settled};
            matches!(state, Settled | Deferred { .. })
        })
        .await;
    let outcome = world.outcomes(key).await.remove(0);
    if outcome != OK {
        // Nothing of the message may have left.
        let said = sink.commands();
        assert!(
            !said.iter().any(|said| said.starts_with("MAIL")),
            "{said:?}"
        );
    }
    (outcome, sink.mails().first().map(|mail| mail.tls))
}

fn trust(world: &mut World, sink: &Sink) {
    let file = world.file("trusted.pem", sink.certificate());
    world.config.relay.trusted = Some(file);
}

fn deferred(status: &str) -> (String, Option<bool>) {
    (format!("Deferred {status}"), None)
}

fn relayed() -> (String, Option<bool>) {
    (OK.to_owned(), Some(true))
}

#[tokio::test]
async fn encrypt_takes_any_certificate_and_nothing_in_clear() {
    let policy = TlsPolicy::Encrypt;
    assert_eq!(sent(policy, |_, _| {}).await, relayed());
    let without = |_: &mut World, sink: &Sink| sink.offer(&["8BITMIME"]);
    assert_eq!(sent(policy, without).await, deferred("4.7.10"));
    let refused = |_: &mut World, sink: &Sink| sink.say("STARTTLS", Say::Reply("454 4.7.0 no"));
    assert_eq!(sent(policy, refused).await, deferred("4.7.10"));
    let broken = |_: &mut World, sink: &Sink| sink.say("tls", Say::Close);
    assert_eq!(sent(policy, broken).await, deferred("4.7.5"));
}

#[tokio::test]
async fn verify_takes_only_the_hosts_certificate_from_someone_we_trust() {
    let policy = TlsPolicy::Verify;
    assert_eq!(sent(policy, trust).await, relayed());
    let stranger = |world: &mut World, _: &Sink| {
        let other = rcgen::generate_simple_self_signed(vec!["mx.example.org".to_owned()]).unwrap();
        let file = world.file("trusted.pem", &other.cert.pem());
        world.config.relay.trusted = Some(file);
    };
    assert_eq!(sent(policy, stranger).await, deferred("4.7.5"));
    let other_name = |world: &mut World, sink: &Sink| {
        trust(world, sink);
        world.zone = "example.org MX 10 imposter.example\nimposter.example A 127.0.0.1\n".into();
    };
    assert_eq!(sent(policy, other_name).await, deferred("4.7.5"));
}

#[tokio::test]
async fn a_smarthost_gets_our_password_once_it_has_proved_who_it_is() {
    let (mut world, sink) = World::with_sink().await;
    sink.offer(&["STARTTLS", "AUTH PLAIN"]);
    sink.say("AUTH", Say::Reply("235 2.7.0 welcome"));
    trust(&mut world, &sink);
    let smarthost = format!("smarthost:mx.example.org:{}", sink.address().port());
    let policy = DestinationPolicy {
        tls: Some(TlsPolicy::Verify),
        user: Some("us".into()),
        password_file: Some(world.file("password", "secret\n")),
        ..DestinationPolicy::default()
    };
    let destinations = &mut world.config.relay.destinations;
    destinations.insert(smarthost.parse().unwrap(), policy);
    world.start();
    let key = world
        .send_to(&smarthost, &["bob@example.org"], |_| {})
        .await;
    assert_eq!(world.settled(key).await, [OK]);
    let login = "AUTH PLAIN AHVzAHNlY3JldA==".to_owned();
    assert!(sink.commands().contains(&login), "{:?}", sink.commands());
}

#[tokio::test]
async fn authorities_that_cannot_be_read_stop_the_start() {
    let mut world = World::new().await;
    world.config.relay.tls = TlsPolicy::Verify;
    world.config.relay.trusted = Some(PathBuf::from("/nowhere/trusted.pem"));
    let error = world.start_fails().await.to_string();
    assert!(error.contains("/nowhere/trusted.pem"), "{error}");
}
