//! What every [`Directory`] does.

mod lookup;

use std::sync::Arc;

use message::{AccountId, Address, Domain};

use super::{Subject, soon};
use crate::directory::{Account, Alias, DirectoryError, DomainRecord, PasswordHash};
use crate::mailbox::Quota;
use crate::{Directory, StoreError};

/// Runs every case, each on a fresh store.
pub async fn run<S: Subject<dyn Directory>>(fresh: impl AsyncFn() -> S) {
    domains_are_added_changed_and_removed(&*fresh().await.open().await).await;
    the_primary_domain_is_the_first_that_is_left(&*fresh().await.open().await).await;
    accounts_are_added_changed_and_removed(&*fresh().await.open().await).await;
    aliases_are_added_and_removed(&*fresh().await.open().await).await;
    names_exclude_one_another(&*fresh().await.open().await).await;
    lists_come_in_pages(&*fresh().await.open().await).await;
    lookup::addresses_are_looked_up_by_the_first_rule_that_fits(&*fresh().await.open().await).await;
    lookup::stand_ins_for_themselves_are_unknown(&*fresh().await.open().await).await;
    of_many_at_once_one_gets_the_name(fresh().await.open().await).await;
    edits_outlive_a_restart(&fresh().await).await;
}

async fn domains_are_added_changed_and_removed(directory: &dyn Directory) {
    let mut example = domain("example.org");
    assert_eq!(directory.domain(&example.name).await.unwrap(), None);
    directory.add_domain(example.clone()).await.unwrap();
    directory.add_domain(example.clone()).await.unwrap();
    let other = DomainRecord {
        postmaster: address("root@example.net"),
        ..example.clone()
    };
    is_taken(directory.add_domain(other).await);

    example.catch_all = Some(address("all@example.net"));
    directory.update_domain(example.clone()).await.unwrap();
    let found = directory.domain(&example.name).await.unwrap();
    assert_eq!(found.as_ref(), Some(&example));
    is_missing(directory.update_domain(domain("example.net")).await);

    add_account(directory, 1, "anna@example.org").await;
    is_in_use(directory.remove_domain(&example.name).await);
    directory
        .remove_account(&address("anna@example.org"))
        .await
        .unwrap();
    add_alias(directory, "info@example.org", &["x@example.net"]).await;
    is_in_use(directory.remove_domain(&example.name).await);
    directory
        .remove_alias(&address("info@example.org"))
        .await
        .unwrap();
    directory.remove_domain(&example.name).await.unwrap();
    assert_eq!(directory.domain(&example.name).await.unwrap(), None);
    is_missing(directory.remove_domain(&example.name).await);
}

async fn the_primary_domain_is_the_first_that_is_left(directory: &dyn Directory) {
    assert_eq!(directory.primary_domain().await.unwrap(), None);
    for name in ["zoo.example", "ant.example", "bee.example"] {
        directory.add_domain(domain(name)).await.unwrap();
    }
    is_primary(directory, "zoo.example").await;
    directory.remove_domain(&name("zoo.example")).await.unwrap();
    is_primary(directory, "ant.example").await;
    directory.add_domain(domain("zoo.example")).await.unwrap();
    let changed = DomainRecord {
        catch_all: Some(address("x@zoo.example")),
        ..domain("ant.example")
    };
    directory.update_domain(changed).await.unwrap();
    is_primary(directory, "ant.example").await;
}

async fn accounts_are_added_changed_and_removed(directory: &dyn Directory) {
    let anna = account(1, "Anna@example.org");
    is_missing(directory.add_account(anna.clone()).await);
    directory.add_domain(domain("example.org")).await.unwrap();
    directory.add_account(anna.clone()).await.unwrap();
    directory.add_account(anna.clone()).await.unwrap();
    is_taken(directory.add_account(account(2, "anna@EXAMPLE.org")).await);
    is_taken(directory.add_account(account(1, "bert@example.org")).await);

    let at = address("ANNA@example.org");
    directory
        .set_password(&at, PasswordHash::new("$new".into()))
        .await
        .unwrap();
    let both = Quota {
        octets: Some(1 << 30),
        messages: Some(5_000),
    };
    for quota in [both, Quota::octets(Some(7)), both] {
        directory.set_quota(&at, quota).await.unwrap();
        let set = directory.account_at(&at).await.unwrap();
        assert_eq!(set.map(|account| account.quota), Some(quota));
    }
    let changed = Account {
        address: address("anna@example.org"),
        password: PasswordHash::new("$new".into()),
        quota: both,
        ..anna
    };
    let by_id = directory.account(changed.id).await.unwrap();
    assert_eq!(by_id.as_ref(), Some(&changed));
    assert_eq!(directory.account_at(&at).await.unwrap(), by_id);
    assert_eq!(directory.remove_account(&at).await.unwrap(), changed);
    assert_eq!(directory.account(changed.id).await.unwrap(), None);
    assert_eq!(directory.account_at(&at).await.unwrap(), None);
    is_missing(directory.remove_account(&at).await);
    is_missing(directory.set_quota(&at, Quota::NONE).await);
    is_missing(directory.set_password(&at, changed.password).await);
}

async fn aliases_are_added_and_removed(directory: &dyn Directory) {
    let info = alias("Info@example.org", &["Anna@Example.org", "x@example.net"]);
    is_missing(directory.add_alias(info.clone()).await);
    directory.add_domain(domain("example.org")).await.unwrap();
    let empty = directory.add_alias(alias("empty@example.org", &[])).await;
    let misused = matches!(empty, Err(DirectoryError::Store(StoreError::Misused(_))));
    assert!(misused, "{empty:?}");
    directory.add_alias(info.clone()).await.unwrap();
    directory.add_alias(info.clone()).await.unwrap();
    is_taken(
        directory
            .add_alias(alias("info@example.org", &["y@z.example"]))
            .await,
    );
    let at = address("INFO@example.org");
    let kept = alias("info@example.org", &["Anna@example.org", "x@example.net"]);
    assert_eq!(directory.alias(&at).await.unwrap(), Some(kept));
    directory.remove_alias(&at).await.unwrap();
    assert_eq!(directory.alias(&at).await.unwrap(), None);
    is_missing(directory.remove_alias(&at).await);
}

async fn names_exclude_one_another(directory: &dyn Directory) {
    directory.add_domain(domain("example.org")).await.unwrap();
    add_account(directory, 1, "anna@example.org").await;
    is_taken(
        directory
            .add_alias(alias("Anna@example.org", &["x@y.example"]))
            .await,
    );
    add_alias(directory, "info@example.org", &["anna@example.org"]).await;
    is_taken(directory.add_account(account(2, "info@example.org")).await);
    assert_eq!(
        directory.account(AccountId::from_bits(2)).await.unwrap(),
        None
    );
    let info = address("info@example.org");
    assert_eq!(directory.account_at(&info).await.unwrap(), None);
    let anna = address("anna@example.org");
    assert_eq!(directory.alias(&anna).await.unwrap(), None);
}

async fn lists_come_in_pages(directory: &dyn Directory) {
    let names = ["a.example", "b.example", "c.example"];
    for name in names.iter().rev() {
        directory.add_domain(domain(name)).await.unwrap();
        for number in 0..3 {
            let id = u64::from(name.as_bytes()[0]) * 10 + number;
            add_account(directory, id, &format!("user{number}@{name}")).await;
            add_alias(
                directory,
                &format!("alias{number}@{name}"),
                &["x@y.example"],
            )
            .await;
        }
    }
    let expected = |kind: &str| -> Vec<String> {
        let of = |name| (0..3).map(move |n| format!("{kind}{n}@{name}"));
        names.iter().flat_map(of).collect()
    };

    let first = directory.domains(None, 2).await.unwrap();
    let rest = directory.domains(Some(&first[1].name), 2).await.unwrap();
    let listed: Vec<_> = first.iter().chain(&rest).map(|d| d.name.as_str()).collect();
    assert_eq!(listed, names);
    assert!(directory.domains(None, 0).await.unwrap().is_empty());

    let (mut accounts, mut after) = (Vec::new(), None);
    loop {
        let page = directory.accounts(after.as_ref(), 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = Some(last.address.clone());
        accounts.extend(page.iter().map(|account| account.address.to_string()));
    }
    assert_eq!(accounts, expected("user"));

    let (mut aliases, mut after) = (Vec::new(), None);
    loop {
        let page = directory.aliases(after.as_ref(), 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = Some(last.address.clone());
        aliases.extend(page.iter().map(|alias| alias.address.to_string()));
    }
    assert_eq!(aliases, expected("alias"));
}

async fn of_many_at_once_one_gets_the_name(directory: Arc<dyn Directory>) {
    directory.add_domain(domain("example.org")).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let directory = directory.clone();
        tasks.spawn(async move {
            if number % 2 == 0 {
                directory
                    .add_account(account(number, "anna@example.org"))
                    .await
            } else {
                let target = format!("{number}@example.net");
                directory
                    .add_alias(alias("anna@example.org", &[&target]))
                    .await
            }
        });
    }
    let results = soon(tasks.join_all()).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    results
        .into_iter()
        .filter(Result::is_err)
        .for_each(is_taken);
}

async fn edits_outlive_a_restart(subject: &impl Subject<dyn Directory>) {
    let directory = subject.open().await;
    directory.add_domain(domain("example.org")).await.unwrap();
    directory.add_domain(domain("a.example")).await.unwrap();
    add_account(&*directory, 1, "anna@example.org").await;
    add_account(&*directory, 2, "bert@example.org").await;
    add_alias(&*directory, "info@example.org", &["anna@example.org"]).await;
    directory
        .remove_account(&address("bert@example.org"))
        .await
        .unwrap();
    drop(directory);

    let directory = subject.open().await;
    is_primary(&*directory, "example.org").await;
    let accounts = directory.accounts(None, 10).await.unwrap();
    assert_eq!(accounts, [account(1, "anna@example.org")]);
    let aliases = directory.aliases(None, 10).await.unwrap();
    assert_eq!(aliases, [alias("info@example.org", &["anna@example.org"])]);
    assert_eq!(directory.domains(None, 10).await.unwrap().len(), 2);
}

fn is_taken(result: Result<(), DirectoryError>) {
    assert!(
        matches!(result, Err(DirectoryError::Exists(_))),
        "{result:?}"
    );
}

fn is_missing<T: std::fmt::Debug>(result: Result<T, DirectoryError>) {
    assert!(
        matches!(result, Err(DirectoryError::Missing(_))),
        "{result:?}"
    );
}

fn is_in_use(result: Result<(), DirectoryError>) {
    assert!(
        matches!(result, Err(DirectoryError::InUse(_))),
        "{result:?}"
    );
}

async fn is_primary(directory: &dyn Directory, expected: &str) {
    let primary = directory.primary_domain().await.unwrap();
    assert_eq!(
        primary.map(|domain| domain.name.to_string()).as_deref(),
        Some(expected)
    );
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn name(text: &str) -> Domain {
    text.parse().unwrap()
}

fn domain(text: &str) -> DomainRecord {
    DomainRecord {
        name: name(text),
        postmaster: address("root@elsewhere.example"),
        catch_all: None,
    }
}

fn account(id: u64, at: &str) -> Account {
    Account {
        id: AccountId::from_bits(id),
        address: address(at),
        password: PasswordHash::new("$argon2id$".into()),
        quota: Quota::NONE,
    }
}

fn alias(at: &str, targets: &[&str]) -> Alias {
    Alias {
        address: address(at),
        targets: targets.iter().map(|target| address(target)).collect(),
    }
}

async fn add_account(directory: &dyn Directory, id: u64, at: &str) {
    directory.add_account(account(id, at)).await.unwrap();
}

async fn add_alias(directory: &dyn Directory, at: &str, targets: &[&str]) {
    directory.add_alias(alias(at, targets)).await.unwrap();
}
