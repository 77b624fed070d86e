//! The rules that keep the house in order. Each test names what breaks its
//! rule, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the root")
}

/// The crates in one folder of the root, by name.
fn crates_in(folder: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join(folder))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn manifests() -> Result<BTreeMap<String, toml::Table>> {
    let mut manifests = BTreeMap::new();
    for folder in ["services", "shared", "tests"] {
        for name in crates_in(folder)? {
            let path = format!("{folder}/{name}");
            let text = std::fs::read_to_string(root().join(&path).join("Cargo.toml"))?;
            manifests.insert(path.clone(), text.parse().with_context(|| path)?);
        }
    }
    Ok(manifests)
}

/// The names and declarations of what a crate depends on, build and test too.
fn dependencies(manifest: &toml::Table) -> impl Iterator<Item = (&String, &toml::Value)> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|table| manifest.get(table)?.as_table())
        .flatten()
}

/// Every Rust source of the repository with its path from the root.
fn sources() -> Result<Vec<(String, String)>> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.rs",
        ])
        .current_dir(root())
        .output()?;
    let paths = String::from_utf8(listed.stdout)?;
    let mut sources = Vec::new();
    for path in paths
        .lines()
        .filter(|path| !path.starts_with("tests/tidy/"))
    {
        match std::fs::read_to_string(root().join(path)) {
            Ok(text) => sources.push((path.to_owned(), text)),
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context(path.to_owned()),
        }
    }
    anyhow::ensure!(!sources.is_empty(), "no sources found");
    Ok(sources)
}

fn none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
}

#[test]
fn services_use_shared_crates_and_never_one_another() -> Result<()> {
    let services: BTreeSet<_> = crates_in("services")?.into_iter().collect();
    let mut offences = Vec::new();
    for (path, manifest) in manifests()? {
        if path == "services/rohrpost" {
            continue;
        }
        for (name, _) in dependencies(&manifest).filter(|(name, _)| services.contains(*name)) {
            offences.push(format!("{path} depends on the service {name}"));
        }
    }
    none(&offences, "only services/rohrpost may use services");
    Ok(())
}

#[test]
fn protocols_and_words_do_no_io() -> Result<()> {
    let ports = [
        "bus",
        "content",
        "dns",
        "station",
        "store",
        "telemetry",
        "tokio",
    ];
    let mut offences = Vec::new();
    for name in ["imap", "message", "sasl", "smtp"] {
        let tree = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--package",
                name,
            ])
            .current_dir(root())
            .output()?;
        anyhow::ensure!(
            tree.status.success(),
            "{}",
            String::from_utf8_lossy(&tree.stderr)
        );
        for line in String::from_utf8(tree.stdout)?.lines() {
            let used = line.split(' ').next().unwrap_or_default();
            if ports.contains(&used) {
                offences.push(format!("{name} uses {used}"));
            }
        }
    }
    none(&offences, "protocols are libraries without I/O");
    Ok(())
}

#[test]
fn engines_stand_in_their_adapters_only() -> Result<()> {
    let adapters = [
        ("redb", &["shared/store/src/embedded/"][..]),
        ("hickory_resolver", &["shared/dns/src/"]),
        ("async_nats", &["shared/bus/src/nats"]),
        ("lapin", &["shared/bus/src/amqp"]),
        (
            "redis",
            &["shared/store/src/redis/", "shared/store/tests/redis_"],
        ),
        ("object_store", &["shared/content/src/s3"]),
    ];
    let mut offences = Vec::new();
    for (path, text) in sources()? {
        for (engine, folders) in adapters {
            // Where a module of ours has the engine's name, that module is meant.
            let used = text.contains(&format!("{engine}::"))
                && !text.contains(&format!("\nmod {engine};"));
            if used && !folders.iter().any(|folder| path.starts_with(folder)) {
                offences.push(format!("{path} uses {engine}"));
            }
        }
    }
    none(&offences, "no adapter's type appears outside its adapter");
    Ok(())
}

#[test]
fn only_the_bus_and_the_http_edge_touch_trace_headers() -> Result<()> {
    let allowed = ["shared/bus/", "services/web-gateway/"];
    let mut offences = Vec::new();
    for (path, text) in sources()? {
        let touches = text.contains("\"traceparent\"") || text.contains("\"tracestate\"");
        if touches && !allowed.iter().any(|folder| path.starts_with(folder)) {
            offences.push(path);
        }
    }
    none(&offences, "trace headers belong to the bus");
    Ok(())
}

#[test]
fn versions_and_lints_stand_in_the_root() -> Result<()> {
    let mut offences = Vec::new();
    for (path, manifest) in manifests()? {
        for (name, declared) in dependencies(&manifest) {
            let inherited = declared.get("workspace").and_then(toml::Value::as_bool);
            if inherited != Some(true) {
                offences.push(format!("{path} declares {name} on its own"));
            }
        }
        let lints = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        if lints.and_then(toml::Value::as_bool) != Some(true) {
            offences.push(format!("{path} does not take the lints of the workspace"));
        }
        let name = manifest["package"]["name"].as_str().unwrap_or_default();
        if !path.ends_with(&format!("/{name}")) {
            offences.push(format!("{path} is called {name}"));
        }
    }
    none(
        &offences,
        "crates take versions and lints from the root, and the name of their folder",
    );
    Ok(())
}

#[test]
fn exceptions_state_their_reason() -> Result<()> {
    let mut offences = Vec::new();
    for (path, text) in sources()? {
        for (number, line) in (1..).zip(text.lines()) {
            let exception = line.contains("[allow(") || line.contains("[expect(");
            let following: String = text.lines().skip(number - 1).take(4).collect();
            if exception && !following.contains("reason =") {
                offences.push(format!("{path}:{number}"));
            }
            let unfinished = ["todo!(", "unimplemented!(", "TODO", "FIXME"];
            if unfinished.iter().any(|mark| line.contains(mark)) {
                offences.push(format!("{path}:{number} is unfinished"));
            }
        }
    }
    none(
        &offences,
        "an exception from a lint states its reason, and nothing is left half done",
    );
    Ok(())
}

#[test]
fn modules_are_named_by_nouns() -> Result<()> {
    let vague = [
        "utils", "util", "common", "manager", "helper", "helpers", "misc",
    ];
    let offences: Vec<_> = sources()?
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            path.trim_end_matches(".rs")
                .split('/')
                .any(|part| vague.contains(&part))
        })
        .collect();
    none(&offences, "a module is named by what it holds");
    Ok(())
}
