//! The one process that holds every service, and the operator's command line.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rohrpost::run(rohrpost::Arguments::parse())
}
