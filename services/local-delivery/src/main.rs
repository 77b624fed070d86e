//! local-delivery as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    launch::run("local-delivery", |process| async move {
        let stores = process.engines.stores.clone();
        let ports = local_delivery::Ports {
            station: process.station(),
            directory: stores.directory,
            mailbox: stores.mailbox,
            ledger: stores.ledger,
            random: process.engines.random.clone(),
        };
        local_delivery::run(&process.config, ports, process.shutdown).await;
        Ok(())
    })
}
