//! What a right configuration comes to.

use std::fs;
use std::path::Path;

use config::{Config, ConfigError, LogFormat, Size, Span};
use proptest::prelude::*;

fn load(text: &str, env: &[(&str, &str)]) -> Config {
    try_load(text, env).expect("a right configuration")
}

fn try_load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().expect("a writable folder");
    let path = dir.path().join("rohrpost.toml");
    fs::write(&path, text).expect("a writable folder");
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&path), env)
}

#[test]
fn nothing_configured_is_the_default() {
    let config = Config::load(None, std::iter::empty()).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(
        config.token_file(),
        Path::new("./rohrpost-data/admin-token")
    );
    let domain = config.server.hostname.to_string();
    assert_eq!(
        config.notices_from().to_string(),
        format!("MAILER-DAEMON@{domain}")
    );
}

#[test]
fn what_is_shown_can_be_loaded_again() {
    let text = "
        [smtp]
        mx = ['0.0.0.0:25', { address = '[::]:2525', proxy_from = ['10.0.0.0/8', '::1'] }]
        [router]
        smarthost = 'relay.example:25'
        [router.smarthosts]
        'example.org' = 'own.example:587'
        [router.srs]
        domain = 'example.org'
        secrets_file = '/etc/rohrpost/srs-secrets'
        [submission]
        messages_per_hour = 100
        [relay.destinations.'slow.example']
        first_retry = '1h'
        max_attempts = 3
        [relay.destinations.'smarthost:own.example:587']
        tls = 'none'
        [tls]
        certificate = '/etc/rohrpost/cert.pem'
        key = '/etc/rohrpost/key.pem'
    ";
    for config in [Config::default(), load(text, &[])] {
        assert_eq!(load(&config.to_toml(), &[]), config);
    }
}

#[test]
fn the_environment_overrides_the_file() {
    let config = load(
        "[smtp]\nmax_size = '1 MiB'\nmax_errors = 3\n[relay]\nfirst_retry = '1m'",
        &[
            ("ROHRPOST__SMTP__MAX_SIZE", "2 MiB"),
            ("ROHRPOST__SMTP__MX", "[\"0.0.0.0:25\", \"[::]:25\"]"),
            ("ROHRPOST__SERVER__HOSTNAME", "mx.example.org"),
            ("ROHRPOST__TELEMETRY__SAMPLING", "0.5"),
            ("ROHRPOST__TELEMETRY__ADDRESSES", "true"),
            ("ROHRPOST__TELEMETRY__LOG_FORMAT", "json"),
            // Looks like TOML, and yet is text.
            ("ROHRPOST__NOTICES__NAME", "42"),
            (
                "ROHRPOST__RELAY__DESTINATIONS__example.org__PER_DESTINATION",
                "2",
            ),
            ("ROHRPOST_CONFIG", "not ours"),
            ("PATH", "/bin"),
        ],
    );
    assert_eq!(config.smtp.max_size, Size::mib(2));
    assert_eq!(config.smtp.max_errors, 3);
    assert_eq!(config.smtp.mx.len(), 2);
    assert_eq!(config.server.hostname.as_str(), "mx.example.org");
    assert_eq!(config.telemetry.sampling, 0.5);
    assert!(config.telemetry.addresses);
    assert_eq!(config.telemetry.log_format, LogFormat::Json);
    assert_eq!(config.notices.name, "42");
    assert_eq!(config.relay.first_retry, Span::minutes(1));
    let policy = config.relay.policy(&"example.org".parse().unwrap());
    assert_eq!(policy.per_destination, 2);
}

#[test]
fn a_listener_may_stand_behind_proxies_of_its_own() {
    let listeners = r#"["0.0.0.0:25", {address = "[::]:2525", proxy_from = ["10.0.0.0/8"]}]"#;
    let written = load(&format!("[smtp]\nmx = {listeners}"), &[]).smtp.mx;
    let given = load("", &[("ROHRPOST__SMTP__MX", listeners)]).smtp.mx;
    assert_eq!(written, given);
    for (peer, trusted) in [("10.1.2.3", [false, true]), ("192.0.2.1", [false, false])] {
        let peer = peer.parse().unwrap();
        assert!(written.iter().map(|at| at.trusts(peer)).eq(trusted));
    }
}

#[test]
fn a_secret_can_come_from_a_file() {
    let dir = tempfile::tempdir().expect("a writable folder");
    let path = dir.path().join("store-url");
    fs::write(&path, "redis://router:hush@redis:6379\n").expect("a writable folder");
    let variable = "ROHRPOST__ENGINES__STORE__FILE";
    let config = load("", &[(variable, path.to_str().expect("UTF-8"))]);
    assert_eq!(config.engines.store, "redis://router:hush@redis:6379");
    let shown = config.without_passwords().to_toml();
    assert!(shown.contains("redis://router:***@redis:6379"), "{shown}");
}

#[test]
fn a_service_of_its_own_takes_engines_that_others_reach() {
    let env = [
        ("ROHRPOST__ENGINES__BUS", "nats://nats"),
        ("ROHRPOST__ENGINES__STORE", "redis://redis"),
        ("ROHRPOST__ENGINES__CONTENT", "file:///content"),
        ("ROHRPOST__SERVER__HEALTH", "127.0.0.1:9080"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load_for_service(None, env.into_iter()).unwrap();
    assert_eq!(config.engines.bus, "nats://nats");
    assert!(config.server.health.is_some());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = Path::new("/nonexistent/rohrpost.toml");
    let refusal = Config::load(Some(path), config::environment()).unwrap_err();
    assert!(
        refusal.to_string().contains("/nonexistent/rohrpost.toml"),
        "{refusal}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text: String, variable in "[A-Z_.]{0,20}", value: String) {
        let _ = try_load(&text, &[(&format!("ROHRPOST__{variable}"), &value)]);
    }

    #[test]
    fn no_damage_makes_the_reader_panic(
        at: prop::sample::Index,
        length in 0..40_usize,
        damage in "\\PC{0,8}|[\\[\\]=\"'.\n{}a-z0-9]{0,8}",
    ) {
        let mut text = Config::default().to_toml();
        let from = text.floor_char_boundary(at.index(text.len()));
        let to = text.floor_char_boundary((from + length).min(text.len()));
        text.replace_range(from..to, &damage);
        if let Err(refusal) = try_load(&text, &[]) {
            let said = refusal.to_string();
            prop_assert!(said.contains("rohrpost.toml:") || said.contains("configuration"), "{}", said);
        }
    }
}
