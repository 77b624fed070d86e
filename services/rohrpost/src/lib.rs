//! `rohrpost`: all services in one process on the embedded engine, and the
//! operator's command line, which is a client of the admin API.
//!
//! `rohrpost serve` prepares a data directory that belongs to one process, makes
//! there what a trial needs (a certificate, a token, a first domain with two
//! accounts), and runs every service until a signal or the first failure. What
//! it does is in [`serve`], of parts that [`launch`] has for every process; which service stands on which ports is in its
//! `house` module alone.

mod arguments;
mod failure;
mod init;
mod operator;
mod render;
mod serve;
mod settings;

use std::process::ExitCode;

pub use arguments::Arguments;
pub use failure::Failure;

use arguments::Command;

/// Does what the command line says; the exit status says how it went.
pub fn run(arguments: Arguments) -> ExitCode {
    let runtime = match launch::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Launch(error).report(),
    };
    let done = runtime.block_on(perform(arguments));
    // Nothing that still blocks (reading standard input) holds the process up.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn perform(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { place, command } = arguments;
    let serve = Command::Serve { restored: false };
    match command.unwrap_or(serve) {
        Command::Serve { restored } => serve::serve(settings::load(&place)?, place, restored).await,
        Command::Init { certificate } => init::init(&settings::load(&place)?, certificate).await,
        Command::Operate(order) => operator::operate(order, &place).await,
    }
}
