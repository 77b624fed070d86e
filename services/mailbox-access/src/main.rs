//! mailbox-access as a process of its own.

use std::process::ExitCode;

use launch::{ContentUse, Error};

fn main() -> ExitCode {
    launch::run("mailbox-access", |process| async move {
        let stores = process.engines.stores.clone();
        let ports = mailbox_access::Ports {
            station: process.station(),
            directory: stores.directory,
            logins: stores.logins,
            mailboxes: stores.mailbox,
            references: stores.ledger,
            content: process.content(ContentUse::Write).await?,
            random: process.engines.random.clone(),
        };
        let done = mailbox_access::run(&process.config, ports, process.shutdown).await;
        done.map_err(Error::failed)
    })
}
