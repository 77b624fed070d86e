//! The one process that holds every service, and the operator's command line.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    rohrpost::run(rohrpost::Arguments::parse())
}
