//! The one process that holds every service, and the operator's command line.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A huge page counts whole for the little that is used of it. Where the
    // kernel cannot be told so, only memory is lost.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    rohrpost::run(rohrpost::Arguments::parse())
}
