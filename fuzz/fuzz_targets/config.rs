//! A configuration file and environment variables of any content.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use config::{Config, ConfigError, Place};
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| fuzz::scratch().join("rohrpost.toml"));

// Behind a line `%%` stand variables, one a line: SMTP__MAX_SIZE=10 MiB
fuzz_target!(|input: &str| {
    let (text, variables) = input.split_once("\n%%\n").unwrap_or((input, ""));
    let variables = variables.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        Some((format!("ROHRPOST__{name}"), value.to_owned()))
    });
    match load(text, variables) {
        Ok(config) => {
            let written = config.to_toml();
            assert!(!written.is_empty());
            let again = load(&written, std::iter::empty());
            assert_eq!(again.ok(), Some(config), "{written}");
        }
        Err(error) => check(error, text),
    }
});

fn load(
    text: &str,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    fuzz::write(&FILE, text.as_bytes());
    Config::load(Some(&FILE), variables)
}

/// The place is one in the file.
fn check(error: ConfigError, text: &str) {
    assert!(!error.to_string().is_empty());
    match error {
        ConfigError::Invalid {
            place: Place::File { line, column, .. },
            reason,
            ..
        } => {
            assert!(!reason.is_empty());
            let there = text.split('\n').nth(line - 1).expect("a line of the file");
            assert!((1..=there.chars().count() + 1).contains(&column));
        }
        ConfigError::Invalid { reason, .. } => assert!(!reason.is_empty()),
        ConfigError::Read { cause, .. } => panic!("{cause}"),
    }
}
