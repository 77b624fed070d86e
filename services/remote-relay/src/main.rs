//! remote-relay as a process of its own.

use std::process::ExitCode;

use launch::{ContentUse, Error};

fn main() -> ExitCode {
    launch::run("remote-relay", |process| async move {
        let ports = remote_relay::Ports {
            station: process.station(),
            ledger: process.engines.stores.ledger.clone(),
            content: process.content(ContentUse::Read).await?,
            resolver: process.engines.resolver()?,
            random: process.engines.random.clone(),
        };
        let done = remote_relay::run(&process.config, ports, process.shutdown).await;
        done.map_err(Error::failed)
    })
}
