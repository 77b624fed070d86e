//! Domains, accounts and aliases.

use web_gateway::api::{Account, Alias, DnsRecord, Domain};

use super::{Moment, Table, enumerate, size};

pub(crate) fn domains(domains: &[Domain], _: &Moment) -> Table {
    let mut table = Table::new(&["DOMAIN", "POSTMASTER", "CATCH-ALL"]);
    for domain in domains {
        let catch_all = domain
            .catch_all
            .as_ref()
            .map_or("–".to_owned(), ToString::to_string);
        table.row([
            domain.name.to_string(),
            domain.postmaster.to_string(),
            catch_all,
        ]);
    }
    table
}

pub(crate) fn accounts(accounts: &[Account], _: &Moment) -> Table {
    let mut table = Table::new(&["ACCOUNT", "MESSAGES", "SIZE", "QUOTA", "ID"]);
    for account in accounts {
        table.row([
            account.address.to_string(),
            account.messages.to_string(),
            size(account.octets),
            quota(account),
            account.id.to_string(),
        ]);
    }
    table
}

/// What an account may hold.
fn quota(account: &Account) -> String {
    let octets = account.quota.map(size);
    let messages = account.message_quota.map(|most| format!("{most} messages"));
    let limits: Vec<String> = octets.into_iter().chain(messages).collect();
    match limits.is_empty() {
        true => "–".to_owned(),
        false => limits.join(", "),
    }
}

pub(crate) fn aliases(aliases: &[Alias], _: &Moment) -> Table {
    let mut table = Table::new(&["ALIAS", "STANDS FOR"]);
    for alias in aliases {
        table.row([alias.address.to_string(), enumerate(&alias.targets)]);
    }
    table
}

/// Lines of a zone file.
pub(crate) fn dns_records(records: &[DnsRecord], _: &Moment) -> Table {
    let mut table = Table::new(&["; NAME", "CLASS", "TYPE", "VALUE"]);
    for DnsRecord { name, kind, value } in records {
        table.row([name.clone(), "IN".to_owned(), kind.clone(), value.clone()]);
    }
    table
}
