//! smtp-ingress as a process of its own.

use std::process::ExitCode;

use launch::{ContentUse, Error};

fn main() -> ExitCode {
    launch::run("smtp-ingress", |process| async move {
        let stores = process.engines.stores.clone();
        let ports = smtp_ingress::Ports {
            station: process.station(),
            directory: stores.directory,
            logins: stores.logins,
            mailboxes: stores.mailbox,
            ledger: stores.ledger,
            content: process.content(ContentUse::Write).await?,
            random: process.engines.random.clone(),
        };
        let done = smtp_ingress::run(&process.config, ports, process.shutdown).await;
        done.map_err(Error::failed)
    })
}
