//! Expansion over a directory on the embedded engine.

use std::sync::Arc;

use message::AccountId;
use message::time::ManualClock;
use tempfile::TempDir;

use super::*;
use crate::directory::{Alias, DomainRecord, PasswordHash};
use crate::{EmbeddedStore, StoreOptions};

/// A directory with the local domains `a.example` (whose postmaster is
/// `anna@a.example`) and `b.example` (whose catch-all is `bert@b.example`), with
/// these two accounts, and with aliases written `name: target target`.
async fn directory(aliases: &[&str]) -> (EmbeddedStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        journal: 1 << 20,
        ..StoreOptions::default()
    };
    let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
    let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
    let store = EmbeddedStore::open(folder.path(), options, clock, fail).unwrap();
    for (name, catch_all) in [("a.example", None), ("b.example", Some("bert@b.example"))] {
        let domain = DomainRecord {
            name: name.parse().unwrap(),
            postmaster: address("anna@a.example"),
            catch_all: catch_all.map(address),
        };
        store.add_domain(domain).await.unwrap();
    }
    for (id, at) in [(1, "anna@a.example"), (2, "bert@b.example")] {
        let account = Account {
            id: AccountId::from_bits(id),
            address: address(at),
            password: PasswordHash::new("$".into()),
            quota: None,
        };
        store.add_account(account).await.unwrap();
    }
    for alias in aliases {
        let (name, targets) = alias.split_once(": ").unwrap();
        let targets = targets.split(' ').map(address).collect();
        let alias = Alias {
            address: address(name),
            targets,
        };
        store.add_alias(alias).await.unwrap();
    }
    (store, folder)
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// An end as `chain > address (rule)`, remote ones without a rule.
fn printed(end: &Reached) -> String {
    let (chain, last) = match end {
        Reached::Account {
            address,
            via,
            chain,
            ..
        } => (chain, format!("{address} ({via:?})")),
        Reached::Remote { address, chain } => (chain, address.to_string()),
    };
    let hops = chain.iter().map(Address::to_string);
    hops.chain([last]).collect::<Vec<_>>().join(" > ")
}

async fn check(aliases: &[&str], recipient: &str, reached: &[&str], unknown: &[&str]) {
    let (directory, _folder) = directory(aliases).await;
    let expansion = expand(&directory, &address(recipient)).await.unwrap();
    let ends: Vec<_> = expansion.reached.iter().map(printed).collect();
    assert_eq!(ends, reached, "{recipient}");
    let unknown: Vec<_> = unknown.iter().copied().map(address).collect();
    assert_eq!(expansion.unknown, unknown, "{recipient}");
    assert!(!expansion.truncated);
}

#[tokio::test]
async fn an_account_is_reached_by_its_names() {
    check(&[], "Anna@a.example", &["Anna@a.example (Exact)"], &[]).await;
    check(
        &[],
        "anna+x@a.example",
        &["anna+x@a.example (Subaddress)"],
        &[],
    )
    .await;
    check(
        &[],
        "abuse@a.example",
        &["abuse@a.example > anna@a.example (Exact)"],
        &[],
    )
    .await;
    check(
        &[],
        "any@b.example",
        &["any@b.example > bert@b.example (Exact)"],
        &[],
    )
    .await;
    check(&[], "no@a.example", &[], &["no@a.example"]).await;
    check(&[], "x@remote.example", &["x@remote.example"], &[]).await;
}

#[tokio::test]
async fn aliases_nest_across_domains_and_lead_elsewhere() {
    let aliases = [
        "all@a.example: team@b.example x@remote.example",
        "team@b.example: anna+team@a.example bert@b.example gone@a.example",
    ];
    let reached = [
        "all@a.example > x@remote.example",
        "all@a.example > team@b.example > anna+team@a.example (Subaddress)",
        "all@a.example > team@b.example > bert@b.example (Exact)",
    ];
    check(&aliases, "all@a.example", &reached, &["gone@a.example"]).await;
}

#[tokio::test]
async fn loops_end() {
    let aliases = [
        "a@a.example: b@b.example",
        "b@b.example: A@a.example c@a.example",
        "c@a.example: c+again@a.example anna@a.example",
    ];
    let once = ["a@a.example > b@b.example > c@a.example > anna@a.example (Exact)"];
    check(&aliases, "a@a.example", &once, &[]).await;
    let nowhere = ["d@a.example: e@a.example", "e@a.example: d@a.example"];
    check(&nowhere, "d@a.example", &[], &[]).await;
    check(&["f@a.example: f@a.example"], "f@a.example", &[], &[]).await;
}

#[tokio::test]
async fn an_account_gets_one_copy() {
    let aliases = [
        "all@a.example: anna@a.example anna+x@a.example me@a.example x@r.example X@r.example",
        "me@a.example: anna+me@a.example",
    ];
    let reached = [
        "all@a.example > anna@a.example (Exact)",
        "all@a.example > x@r.example",
    ];
    check(&aliases, "all@a.example", &reached, &[]).await;
}

#[tokio::test]
async fn too_many_ends_are_cut_off_and_told() {
    let targets: Vec<_> = (0..1_500).map(|n| format!("x{n}@remote.example")).collect();
    let list = format!("list@a.example: {}", targets.join(" "));
    let outer = "outer@a.example: list@a.example anna@a.example";
    let (directory, _folder) = directory(&[&list, outer]).await;
    let expansion = expand(&directory, &address("outer@a.example"))
        .await
        .unwrap();
    assert!(expansion.truncated);
    assert!((900..=MAX_REACHED).contains(&expansion.reached.len()));
    assert!(
        expansion.reaches(AccountId::from_bits(1)),
        "what came first is kept"
    );
    assert!(!expansion.reaches(AccountId::from_bits(2)));
}
