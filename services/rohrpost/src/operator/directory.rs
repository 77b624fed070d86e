//! `rohrpost domain`, `account` and `alias`

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use web_gateway::api::{Alias, NewAccount, Password, PasswordChange, QuotaChange};

use super::account_import;
use super::client::Client;
use super::pages::Pages;
use super::terminal::Terminal;
use crate::Failure;
use crate::arguments::{AccountOrder, AliasOrder, DomainOrder};
use crate::render;

pub(super) async fn domain(
    order: DomainOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match order {
        DomainOrder::Add {
            domain,
            postmaster,
            catch_all,
        } => {
            let added = client.add_domain(domain, postmaster, catch_all).await?;
            terminal.show(&added, |added, _| {
                format!(
                    "{} is a domain of ours; {} is its postmaster",
                    added.name, added.postmaster
                )
            })
        }
        DomainOrder::List => {
            let empty = "no domains; add one with `domain add DOMAIN --postmaster ADDRESS`";
            terminal
                .list(client.domains(), empty, render::domains)
                .await
        }
        DomainOrder::DnsRecords { domain } => {
            let path = ["domains", domain.as_str(), "dns-records"];
            let pages = Pages::new(client, &path, Vec::new());
            terminal.list(pages, "", render::dns_records).await
        }
        DomainOrder::Remove { domain } => {
            client.delete(&["domains", domain.as_str()]).await?;
            terminal.done(format_args!("{domain} is no longer a domain of ours"))
        }
    }
}

pub(super) async fn account(
    order: AccountOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match order {
        AccountOrder::Add {
            address,
            password_file,
            quota,
            message_quota,
        } => {
            let password = read_password(&password_file)?;
            let quota = quota.map(|size| size.octets());
            let added = client
                .add_account(&NewAccount {
                    address,
                    password,
                    quota,
                    message_quota,
                })
                .await?;
            terminal.show(&added, |added, _| {
                format!("{} has an account", added.address)
            })
        }
        AccountOrder::List => {
            let pages = Pages::new(client, &["accounts"], Vec::new());
            let empty = "no accounts; add one with `account add ADDRESS --password-file FILE`";
            terminal.list(pages, empty, render::accounts).await
        }
        AccountOrder::Import { file } => account_import::import(&file, client, terminal).await,
        AccountOrder::Remove { account } => {
            client.delete(&["accounts", &account.to_string()]).await?;
            terminal.done(format_args!(
                "the account {account} and all its mail are removed"
            ))
        }
        AccountOrder::Password {
            address,
            password_file,
        } => {
            let change = PasswordChange {
                password: read_password(&password_file)?,
            };
            client
                .put(&["accounts", &address.to_string(), "password"], &change)
                .await?;
            terminal.done(format_args!("{address} has a new password"))
        }
        AccountOrder::Quota {
            address,
            quota,
            message_quota,
        } => {
            let change = QuotaChange {
                quota: quota.map(|size| size.octets()),
                message_quota,
            };
            client
                .put(&["accounts", &address.to_string(), "quota"], &change)
                .await?;
            terminal.done(match (quota, message_quota) {
                (Some(size), Some(most)) => {
                    format!("{address} may hold {size}, and {most} messages")
                }
                (Some(size), None) => format!("{address} may hold {size}"),
                (None, Some(most)) => format!("{address} may hold {most} messages"),
                (None, None) => format!("{address} may hold any amount"),
            })
        }
    }
}

pub(super) async fn alias(
    order: AliasOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match order {
        AliasOrder::Add { address, targets } => {
            let added: Alias = client
                .post(&["aliases"], &Alias { address, targets })
                .await?;
            terminal.show(&added, |added, _| {
                format!(
                    "{} stands for {}",
                    added.address,
                    render::enumerate(&added.targets)
                )
            })
        }
        AliasOrder::List => {
            let pages = Pages::new(client, &["aliases"], Vec::new());
            let empty = "no aliases; add one with `alias add ADDRESS TARGET…`";
            terminal.list(pages, empty, render::aliases).await
        }
        AliasOrder::Remove { address } => {
            client.delete(&["aliases", &address.to_string()]).await?;
            terminal.done(format_args!("the alias {address} is removed"))
        }
    }
}

/// No password is longer; a wrong file is not read into memory.
const LONGEST: u64 = 4096;

/// The first line of a file, or of standard input for `-`.
fn read_password(path: &Path) -> Result<Password, Failure> {
    let read = || {
        if path.as_os_str() == "-" {
            first_line(io::stdin().lock())
        } else {
            first_line(BufReader::new(File::open(path)?))
        }
    };
    let line = read().map_err(|cause| Failure::File {
        operation: "read a password from",
        path: path.to_owned(),
        cause,
    })?;
    if line.is_empty() {
        let place = if path.as_os_str() == "-" {
            "standard input".into()
        } else {
            path.display().to_string()
        };
        return Err(Failure::Usage(format!(
            "there is no password in {place}: its first line is empty"
        )));
    }
    Ok(Password::new(line))
}

fn first_line(input: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.take(LONGEST).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        let check = |text: &str, expected: &str| {
            assert_eq!(first_line(text.as_bytes()).unwrap(), expected, "{text:?}");
        };
        check("secret\n", "secret");
        check("secret\r\nsecond line\n", "secret");
        check(" with spaces ", " with spaces ");
        check("", "");
    }
}
