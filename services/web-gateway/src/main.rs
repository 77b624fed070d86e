//! web-gateway as a process of its own.

use std::process::ExitCode;

use launch::{ContentUse, Error};
use web_gateway::Token;

fn main() -> ExitCode {
    launch::run("web-gateway", |process| async move {
        let token = Token::read(&process.config.token_file()).map_err(Error::failed)?;
        let engines = &process.engines;
        let ports = web_gateway::Ports {
            directory: engines.stores.directory.clone(),
            mailboxes: engines.stores.mailbox.clone(),
            ledger: engines.stores.ledger.clone(),
            // Imported messages are contents of its own.
            content: process.content(ContentUse::Write).await?,
            bus: engines.bus.clone(),
            clock: engines.clock.clone(),
            random: engines.random.clone(),
            metrics: engines.metrics.clone(),
            health: engines.health.clone(),
        };
        let done = web_gateway::run(&process.config, ports, token, process.shutdown).await;
        done.map_err(Error::failed)
    })
}
