//! Where recipients go, as text: a house, who is written to, and the route.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use message::time::{ManualClock, SeededRandomness};
use message::{
    AccountId, Body, Clock, Destination, Domain, Envelope, MessageId, Protocol, Recipient,
    ReversePath, TraceContext, Transaction,
};
use router::{Ways, decide};
use store::directory::{Account, Alias, DomainRecord, PasswordHash};
use store::ledger::{Acceptance, Entry, Route};
use store::{Directory, EmbeddedStore, StoreOptions};
use tempfile::TempDir;

struct House {
    store: EmbeddedStore,
    clock: ManualClock,
    _files: TempDir,
}

/// Lines of `domain NAME POSTMASTER [CATCH-ALL]`, `account ADDRESS` and
/// `alias ADDRESS TARGET…`.
async fn house(lines: &str) -> House {
    let files = TempDir::new().unwrap();
    let clock = ManualClock::at("2026-11-23T12:00:00Z");
    let options = StoreOptions {
        journal: 1 << 20,
        ..StoreOptions::default()
    };
    let on_failure = Arc::new(|error: &std::io::Error| panic!("{error}"));
    let store =
        EmbeddedStore::open(files.path(), options, Arc::new(clock.clone()), on_failure).unwrap();
    let random = SeededRandomness::new(1);
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["domain", name, postmaster, ref catch_all @ ..] => {
                let domain = DomainRecord {
                    name: name.parse().unwrap(),
                    postmaster: postmaster.parse().unwrap(),
                    catch_all: catch_all.first().map(|address| address.parse().unwrap()),
                };
                store.add_domain(domain).await.unwrap();
            }
            ["account", address] => {
                let account = Account {
                    id: AccountId::draw(&random),
                    address: address.parse().unwrap(),
                    password: PasswordHash::new("-".into()),
                    quota: None,
                };
                store.add_account(account).await.unwrap();
            }
            ["alias", address, ref targets @ ..] => {
                let targets = targets
                    .iter()
                    .map(|target| target.parse().unwrap())
                    .collect();
                let alias = Alias {
                    address: address.parse().unwrap(),
                    targets,
                };
                store.add_alias(alias).await.unwrap();
            }
            _ => panic!("{line:?}"),
        }
    }
    House {
        store,
        clock,
        _files: files,
    }
}

struct Smarthosts(BTreeMap<Domain, Destination>);

impl Ways for Smarthosts {
    fn destination(&self, domain: &Domain) -> Destination {
        let dns = || Destination::Domain(domain.clone());
        self.0.get(domain).cloned().unwrap_or_else(dns)
    }
}

fn entry(recipients: &[&str], clock: &ManualClock) -> Entry {
    let message = MessageId::draw(clock, &SeededRandomness::new(2));
    Entry {
        acceptance: Acceptance {
            message,
            envelope: Envelope {
                return_path: ReversePath::Address("sender@elsewhere.example".parse().unwrap()),
                recipients: recipients
                    .iter()
                    .map(|r| Recipient::new(r.parse().unwrap()))
                    .collect(),
                ret: None,
                envelope_id: None,
                body: Body::SevenBit,
                smtputf8: false,
                transaction: Transaction {
                    protocol: Protocol::Smtp,
                    client: None,
                    helo: None,
                    account: None,
                    tls: None,
                },
            },
            content: "c".parse().unwrap(),
            size: 1,
            trace: TraceContext {
                trace: message,
                span: 0,
                sampled: false,
            },
            notice_of: None,
        },
        accepted_at: clock.now(),
    }
}

fn printed(route: &Route) -> String {
    let mut text = String::new();
    for decision in &route.decisions {
        let _ = write!(text, "{}: {:?}", decision.original, decision.why);
        for alias in &decision.chain {
            let _ = write!(text, " by {alias}");
        }
        if let Some(to) = &decision.to {
            let _ = write!(text, " to {to}");
        }
        if let Some(outcome) = &decision.outcome {
            let _ = write!(text, ": {:?} {}", outcome.verdict, outcome.status);
        }
        text.push('\n');
    }
    for job in &route.jobs {
        let _ = write!(text, "job {}:", job.destination);
        for recipient in &job.recipients {
            let _ = write!(text, " {}{:?}", recipient.address, recipient.originals);
        }
        text.push('\n');
    }
    text
}

async fn check(lines: &str, recipients: &[&str], expected: &str) {
    let house = house(lines).await;
    let smarthost = "smarthost:relay.example:587".parse().unwrap();
    let ways = Smarthosts(BTreeMap::from([(
        "via.example".parse().unwrap(),
        smarthost,
    )]));
    let entry = entry(recipients, &house.clock);
    let route = decide(&house.store, &ways, &entry, house.clock.now())
        .await
        .unwrap();
    let expected: String = expected
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .flat_map(|l| [l, "\n"])
        .collect();
    assert_eq!(printed(&route), expected, "for {recipients:?} in {lines}");
}

const HOUSE: &str = "
    domain example.org root@example.org
    account alice@example.org
    account bob@example.org
    account root@example.org
    alias team@example.org alice@example.org bob@example.org
    alias all@example.org team@example.org carol@remote.example alice@example.org
    alias one@example.org bob@example.org
    alias away@example.org carol@remote.example
    alias ping@example.org pong@example.org
    alias pong@example.org ping@example.org
    alias stale@example.org alice@example.org gone@example.org
    domain any.example root@example.org bob@example.org
";

#[tokio::test]
async fn accounts_and_remote_addresses() {
    check(
        HOUSE,
        &[
            "Alice@Example.org",
            "bob+lists@example.org",
            "x@remote.example",
            "y@via.example",
        ],
        "
        0: Account(Exact) to Alice@example.org
        1: Account(Subaddress) to bob+lists@example.org
        2: Dns to x@remote.example
        3: Smarthost to y@via.example
        job local: Alice@example.org[0] bob+lists@example.org[1]
        job remote.example: x@remote.example[2]
        job smarthost:relay.example:587: y@via.example[3]
        ",
    )
    .await;
}

#[tokio::test]
async fn aliases_expand_and_each_end_gets_one_copy() {
    check(
        HOUSE,
        &["all@example.org", "alice@example.org", "one@example.org"],
        "
        0: Expanded: Expanded 2.1.5
        0: Dns by all@example.org to carol@remote.example
        0: Account(Exact) by all@example.org to alice@example.org
        0: Account(Exact) by all@example.org by team@example.org to bob@example.org
        1: Account(Exact) to alice@example.org
        2: Account(Exact) by one@example.org to bob@example.org
        job remote.example: carol@remote.example[0]
        job local: alice@example.org[0, 1] bob@example.org[0, 2]
        ",
    )
    .await;
    check(
        HOUSE,
        &["away@example.org", "carol@remote.example"],
        "
        0: Dns by away@example.org to carol@remote.example
        1: Dns to carol@remote.example
        job remote.example: carol@remote.example[0, 1]
        ",
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_routed_becomes_an_outcome() {
    check(
        HOUSE,
        &[
            "nobody@example.org",
            "ping@example.org",
            "stale@example.org",
        ],
        "
        0: Unroutable to nobody@example.org: Failed 5.1.1
        1: Unroutable: Failed 5.4.6
        2: Unroutable to gone@example.org: Failed 5.1.1
        2: Account(Exact) by stale@example.org to alice@example.org
        job local: alice@example.org[2]
        ",
    )
    .await;
}

#[tokio::test]
async fn postmaster_and_catch_all_always_resolve() {
    check(
        HOUSE,
        &[
            "POSTMASTER@example.org",
            "abuse@any.example",
            "whoever@any.example",
        ],
        "
        0: Account(Exact) by POSTMASTER@example.org to root@example.org
        1: Account(Exact) by abuse@any.example to root@example.org
        2: Account(Exact) by whoever@any.example to bob@example.org
        job local: root@example.org[0, 1] bob@example.org[2]
        ",
    )
    .await;
}

#[tokio::test]
async fn many_recipients_of_a_destination_are_several_jobs() {
    let recipients: Vec<_> = (0..250).map(|n| format!("r{n}@remote.example")).collect();
    let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
    let house = house(HOUSE).await;
    let entry = entry(&recipients, &house.clock);
    let ways = Smarthosts(BTreeMap::new());
    let route = decide(&house.store, &ways, &entry, house.clock.now())
        .await
        .unwrap();
    let sizes: Vec<_> = route.jobs.iter().map(|job| job.recipients.len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
}
