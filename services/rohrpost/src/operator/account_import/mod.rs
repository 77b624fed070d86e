//! `rohrpost account import`: accounts out of a CSV file, a batch at a time and a
//! few batches at once.
//!
//! Addresses that have an account already stay as they are, so an import that
//! was cut short is simply repeated. A line that is wrong stops nothing: it is
//! told, and the exit status says that there was one.

mod table;

use std::collections::HashMap;
use std::path::Path;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use message::Address;
use serde::Serialize;
use web_gateway::api::{AccountImport, AccountsImported, Credentials, ImportedAccount};

use super::client::Client;
use super::progress::Progress;
use super::terminal::Terminal;
use crate::Failure;
use crate::render::count;
use table::{Row, Table};

/// Requests under way at a time.
const AT_ONCE: usize = 4;

/// What became of a file.
#[derive(Debug, Default, Serialize)]
struct Summary {
    added: u64,
    present: u64,
    refused: u64,
}

/// Accounts for one request, and the lines they stand in.
#[derive(Default)]
struct Batch {
    accounts: Vec<ImportedAccount>,
    lines: HashMap<Address, u64>,
    in_clear: usize,
    octets: u64,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.accounts.len() >= AccountImport::MOST || self.in_clear >= AccountImport::MOST_IN_CLEAR
    }

    fn add(&mut self, row: Row) {
        let account = row.account;
        self.in_clear += usize::from(matches!(
            account.credentials,
            Some(Credentials::Password(_))
        ));
        self.lines.insert(account.address.folded(), row.line);
        self.accounts.push(account);
        self.octets += row.octets;
    }
}

/// Creates the accounts of a file.
pub(super) async fn import(
    file: &Path,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let (table, octets) = Table::open(file)?;
    let progress = Progress::octets(octets);
    let mut summary = Summary::default();
    let mut batches = Batches {
        table,
        progress: progress.clone(),
        wrong: 0,
    };
    let mut requests = FuturesUnordered::new();
    loop {
        while requests.len() < AT_ONCE
            && let Some((batch, wrong)) = batches.next().transpose()?
        {
            summary.refused += wrong;
            requests.push(send(client, batch));
        }
        let Some(done) = requests.next().await else {
            break;
        };
        let (batch, imported) = done?;
        summary.added += imported.added;
        summary.present += imported.present;
        summary.refused += imported.refused.len() as u64;
        for refused in imported.refused {
            let line = batch.lines.get(&refused.address).copied().unwrap_or(0);
            progress.say(&format!(
                "line {line}: {}: {}",
                refused.address, refused.reason
            ));
        }
        progress.advance(batch.octets);
    }
    progress.finish();
    finish(&summary, terminal)
}

async fn send(client: &Client, mut batch: Batch) -> Result<(Batch, AccountsImported), Failure> {
    let accounts = std::mem::take(&mut batch.accounts);
    let body = AccountImport { accounts };
    let imported = client.post(&["accounts", "import"], &body).await?;
    Ok((batch, imported))
}

fn finish(summary: &Summary, terminal: &Terminal) -> Result<(), Failure> {
    terminal.show(summary, |summary, _| {
        let mut words = format!("{} added", count(summary.added, "account"));
        if summary.present > 0 {
            words.push_str(&format!("; {} were there already", summary.present));
        }
        words
    })?;
    match summary.refused {
        0 => Ok(()),
        refused => Err(Failure::Lines { refused }),
    }
}

/// Reads a table batch by batch.
struct Batches {
    table: Table,
    progress: Progress,
    wrong: u64,
}

impl Batches {
    /// The next batch, and how many lines before its end are wrong.
    fn next(&mut self) -> Option<Result<(Batch, u64), Failure>> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            match self.table.next_row() {
                None => break,
                Some(Ok(row)) => batch.add(row),
                Some(Err(table::Wrong::Line { line, reason })) => {
                    self.progress.say(&format!("line {line}: {reason}"));
                    self.wrong += 1;
                }
                Some(Err(table::Wrong::File(failure))) => return Some(Err(failure)),
            }
        }
        let wrong = std::mem::take(&mut self.wrong);
        (!batch.accounts.is_empty() || wrong > 0).then_some(Ok((batch, wrong)))
    }
}
