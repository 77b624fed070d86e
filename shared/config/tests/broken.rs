//! Each `broken/NAME.toml`, with the variables of `broken/NAME.env` where there
//! is one, must be refused with the words of `broken/NAME.expected`; one whose
//! name begins with `alone-` by a service that runs on its own.
//!
//! `UPDATE_EXPECTED=1` writes what is said now, to be read before it is
//! committed.

use std::fs;
use std::path::{Path, PathBuf};

use config::Config;

fn variables(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn check(path: &Path) {
    let env = variables(&path.with_extension("env"));
    let alone = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("alone-"));
    let loaded = match alone {
        true => Config::load_for_service(Some(path), env.into_iter()),
        false => Config::load(Some(path), env.into_iter()),
    };
    let refusal = loaded.expect_err(&path.display().to_string());
    let said = format!("{refusal}\n");
    let expected = path.with_extension("expected");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&expected, &said).expect("a writable folder");
    }
    assert_eq!(
        said,
        fs::read_to_string(&expected).unwrap_or_default(),
        "{}",
        path.display()
    );
}

#[test]
fn broken_configurations_are_refused_with_place_key_and_reason() {
    let mut paths: Vec<PathBuf> = fs::read_dir("tests/broken")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    paths.sort();
    assert!(paths.len() >= 20, "{paths:?}");
    paths.iter().for_each(|path| check(path));
}
