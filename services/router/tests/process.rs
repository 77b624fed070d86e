//! A service as a process of its own: what it refuses, and how it is asked.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::process::{Command, Output, Stdio};

/// Runs the router with variables of the environment and arguments.
fn router(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_router"));
    command
        .env_remove("ROHRPOST_CONFIG")
        .envs(variables.iter().copied())
        .args(arguments)
        .stdin(Stdio::null());
    command.output().unwrap()
}

#[track_caller]
fn check(output: &Output, status: i32, words: &str) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(words), "{words:?} in {said:?}");
}

#[test]
fn embedded_engines_are_refused_with_place_and_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rohrpost.toml");
    std::fs::write(&file, "[engines]\nbus = \"embedded\"\n").unwrap();
    let refused = router(&[], &["--config", file.to_str().unwrap()]);
    let place = format!("{}:2:1: engines.bus: the embedded bus", file.display());
    check(&refused, 78, &place);
    check(&refused, 78, "nats://…");

    let variables = [
        ("ROHRPOST__ENGINES__BUS", "nats://127.0.0.1:9"),
        ("ROHRPOST__ENGINES__CONTENT", "file:///nonexistent"),
    ];
    check(
        &router(&variables, &[]),
        78,
        "engines.store: the embedded store",
    );
}

#[test]
fn an_engine_that_is_away_stops_the_start() {
    let variables = [
        ("ROHRPOST__ENGINES__BUS", "nats://127.0.0.1:9"),
        ("ROHRPOST__ENGINES__STORE", "redis://127.0.0.1:9"),
        ("ROHRPOST__ENGINES__CONTENT", "file:///nonexistent"),
    ];
    check(&router(&variables, &[]), 1, "cannot open the bus");
    let health = router(&variables, &["--health"]);
    check(&health, 1, "server.health names no address");
    let asked = [
        variables.as_slice(),
        &[("ROHRPOST__SERVER__HEALTH", "127.0.0.1:9")],
    ]
    .concat();
    check(&router(&asked, &["--health"]), 1, "not ready: 127.0.0.1:9");
}

#[test]
fn it_says_what_it_is() {
    check(&router(&[], &["--version"]), 0, "router 0.");
    check(&router(&[], &["--nonsense"]), 2, "--nonsense");
}
