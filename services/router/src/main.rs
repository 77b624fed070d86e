//! router as a process of its own.

use std::process::ExitCode;

use launch::{ContentUse, Error};

fn main() -> ExitCode {
    launch::run("router", |process| async move {
        let stores = process.engines.stores.clone();
        let ports = router::Ports {
            station: process.station(),
            directory: stores.directory,
            mailbox: stores.mailbox,
            ledger: stores.ledger,
            content: process.content(ContentUse::Read).await?,
            random: process.engines.random.clone(),
        };
        let done = router::run(&process.config, ports, process.shutdown).await;
        done.map_err(Error::failed)
    })
}
