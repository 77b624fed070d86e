//! dsn-notifier as a process of its own.

use std::process::ExitCode;

use launch::ContentUse;

fn main() -> ExitCode {
    launch::run("dsn-notifier", |process| async move {
        let ports = dsn_notifier::Ports {
            station: process.station(),
            ledger: process.engines.stores.ledger.clone(),
            directory: process.engines.stores.directory.clone(),
            content: process.content(ContentUse::Write).await?,
            random: process.engines.random.clone(),
        };
        dsn_notifier::run(&process.config, ports, process.shutdown).await;
        Ok(())
    })
}
