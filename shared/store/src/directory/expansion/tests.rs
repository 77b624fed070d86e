//! Expansion over a directory on the embedded engine.

use std::sync::Arc;
use std::time::Duration;

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
            quota: crate::mailbox::Quota::NONE,
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

/// No end at all.
const NONE: &[&str] = &[];

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

async fn check(aliases: &[&str], recipient: &str, reached: &[impl AsRef<str>], unknown: &[&str]) {
    let (directory, _folder) = directory(aliases).await;
    let expansion = expand(&directory, &address(recipient)).await.unwrap();
    let ends: Vec<_> = expansion.reached.iter().map(printed).collect();
    let reached: Vec<_> = reached.iter().map(AsRef::as_ref).collect();
    assert_eq!(ends, reached, "{recipient}");
    let unknown = unknown.iter().map(|text| DeadEnd {
        address: address(text),
        why: Impasse::Unknown,
    });
    assert_eq!(
        expansion.dead_ends,
        unknown.collect::<Vec<_>>(),
        "{recipient}"
    );
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
    check(&[], "no@a.example", NONE, &["no@a.example"]).await;
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
    check(&nowhere, "d@a.example", NONE, &[]).await;
    check(&["f@a.example: f@a.example"], "f@a.example", NONE, &[]).await;
}

#[tokio::test]
async fn an_account_gets_one_copy() {
    let aliases = [
        "all@a.example: anna@a.example anna+x@a.example me@a.example x@r.example x@R.example",
        "me@a.example: anna+me@a.example",
    ];
    let reached = [
        "all@a.example > anna@a.example (Exact)",
        "all@a.example > x@r.example",
    ];
    check(&aliases, "all@a.example", &reached, &[]).await;
}

#[tokio::test]
async fn case_is_ours_to_ignore_here_and_not_elsewhere() {
    let aliases = ["all@a.example: Anna@a.example ANNA@A.example x@r.example X@r.example"];
    let reached = [
        "all@a.example > Anna@a.example (Exact)",
        "all@a.example > x@r.example",
        "all@a.example > X@r.example",
    ];
    check(
        &aliases,
        "ALL@a.example",
        &reached.map(|way| way.replace("all", "ALL")),
        &[],
    )
    .await;
    let umlauts = ["gr\u{fc}n@a.example: anna@a.example"];
    for written in ["GR\u{dc}N@A.EXAMPLE", "gru\u{308}n@a.example"] {
        let reached = format!("{} > anna@a.example (Exact)", address(written));
        check(&umlauts, written, &[reached], &[]).await;
    }
}

#[tokio::test]
async fn an_alias_that_passed_the_message_on_is_not_followed_again() {
    let aliases = [
        "all@a.example: team@a.example x@r.example bert@b.example",
        "team@a.example: anna@a.example bert@b.example",
    ];
    let (directory, _folder) = directory(&aliases).await;
    let visited = HashSet::from([address("team@a.example"), address("bert@b.example")]);
    let expander = Expander::new(&directory).without(&visited);
    let expansion = expander.expand(&address("all@a.example")).await.unwrap();
    let ends: Vec<_> = expansion.reached.iter().map(printed).collect();
    let others = [
        "all@a.example > x@r.example",
        "all@a.example > bert@b.example (Exact)",
    ];
    assert_eq!(
        ends, others,
        "an account is no alias, and reached the other way"
    );
    let team = DeadEnd {
        address: address("team@a.example"),
        why: Impasse::Loop,
    };
    assert_eq!(expansion.dead_ends, [team]);
}

#[tokio::test]
async fn a_rewritten_return_path_stands_for_the_original() {
    let (directory, _folder) = directory(&[]).await;
    let max_age = Duration::from_secs(86_400);
    let domain = "a.example".parse().unwrap();
    let rewriter = Rewriter::new(domain, ["secret"], max_age).unwrap();
    let now: Timestamp = "2026-11-23T15:05:00Z".parse().unwrap();
    let rewritten = rewriter.rewrite(&address("x@r.example"), now).unwrap();
    let expand = async |address: &Address, now| {
        let expander = Expander::new(&directory).with_srs(Some(&rewriter), now);
        expander.expand(address).await.unwrap()
    };
    let found = expand(&rewritten, now).await;
    let way = format!("{rewritten} > x@r.example");
    assert_eq!(found.reached.iter().map(printed).collect::<Vec<_>>(), [way]);
    let late = expand(&rewritten, now + 2 * max_age).await;
    assert_eq!(late.dead_ends[0].why, Impasse::Srs(SrsError::Expired));
    let forged = expand(&address("srs0=x=y=r.example=x@a.example"), now).await;
    assert_eq!(forged.dead_ends[0].why, Impasse::Srs(SrsError::Forged));
    let other = expand(&address("anna@a.example"), now).await;
    assert!(other.reaches(AccountId::from_bits(1)));
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
