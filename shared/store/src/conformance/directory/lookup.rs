//! What addresses stand for.

use message::Address;

use super::{add_account, add_alias, address, domain, name};
use crate::Directory;
use crate::directory::{DomainRecord, Lookup, Via};

pub(super) async fn addresses_are_looked_up_by_the_first_rule_that_fits(directory: &dyn Directory) {
    directory.add_domain(domain("example.org")).await.unwrap();
    let catching = DomainRecord {
        catch_all: Some(address("Bert@example.org")),
        ..domain("catch.example")
    };
    directory.add_domain(catching).await.unwrap();
    add_account(directory, 1, "anna@example.org").await;
    add_account(directory, 2, "bert@example.org").await;
    add_account(directory, 3, "anna+own@example.org").await;
    add_account(directory, 4, "abuse@catch.example").await;
    add_alias(directory, "info@example.org", &["anna@example.org"]).await;

    let root = "root@elsewhere.example";
    for (given, expected) in [
        ("anna@example.org", is(1, Via::Exact)),
        ("ANNA@Example.ORG", is(1, Via::Exact)),
        ("anna+lists@example.org", is(1, Via::Subaddress)),
        ("Anna+a+b@example.org", is(1, Via::Subaddress)),
        ("anna+@example.org", is(1, Via::Subaddress)),
        ("anna+own@example.org", is(3, Via::Exact)),
        (
            "info@example.org",
            stands_for("anna@example.org", Via::Exact),
        ),
        (
            "info+x@example.org",
            stands_for("anna@example.org", Via::Subaddress),
        ),
        ("PostMaster@example.org", stands_for(root, Via::Postmaster)),
        ("abuse@example.org", stands_for(root, Via::Postmaster)),
        ("abuse@catch.example", is(4, Via::Exact)),
        (
            "postmaster@catch.example",
            stands_for(root, Via::Postmaster),
        ),
        (
            "any@catch.example",
            stands_for("Bert@example.org", Via::CatchAll),
        ),
        (
            "any+x@catch.example",
            stands_for("Bert@example.org", Via::CatchAll),
        ),
        ("+anna@example.org", Found::Unknown),
        ("nobody@example.org", Found::Unknown),
        ("nobody+anna@example.org", Found::Unknown),
        ("anna@sub.example.org", Found::NotLocal),
        ("postmaster@elsewhere.example", Found::NotLocal),
        ("anna@[192.0.2.1]", Found::NotLocal),
    ] {
        let found = directory.lookup(&address(given)).await.unwrap();
        assert_eq!(Found::from(found), expected, "{given}");
    }
}

/// A postmaster or catch-all that does not exist must not stand for itself:
/// its mail would go round and end nowhere.
pub(super) async fn stand_ins_for_themselves_are_unknown(directory: &dyn Directory) {
    let own = DomainRecord {
        name: name("example.org"),
        postmaster: address("Postmaster@example.org"),
        catch_all: Some(address("Ghost@example.org")),
    };
    directory.add_domain(own).await.unwrap();
    for (given, expected) in [
        ("ghost@example.org", Found::Unknown),
        (
            "postmaster@example.org",
            stands_for("Ghost@example.org", Via::CatchAll),
        ),
        (
            "abuse@example.org",
            stands_for("Postmaster@example.org", Via::Postmaster),
        ),
    ] {
        let found = directory.lookup(&address(given)).await.unwrap();
        assert_eq!(Found::from(found), expected, "{given}");
    }
}

/// What a lookup found, in short.
#[derive(Debug, PartialEq)]
enum Found {
    NotLocal,
    Unknown,
    Account(u64, Via),
    Alias(Vec<Address>, Via),
}

impl From<Lookup> for Found {
    fn from(lookup: Lookup) -> Self {
        match lookup {
            Lookup::NotLocal => Self::NotLocal,
            Lookup::Unknown => Self::Unknown,
            Lookup::Account { account, via } => Self::Account(account.id.bits(), via),
            Lookup::Alias { targets, via } => Self::Alias(targets, via),
        }
    }
}

fn is(id: u64, via: Via) -> Found {
    Found::Account(id, via)
}

fn stands_for(target: &str, via: Via) -> Found {
    Found::Alias(vec![address(target)], via)
}
