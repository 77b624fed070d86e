//! The load generators and the sink that benchmarks use, so that the peers are
//! measured with the same tools. `tests/bench/run` puts them to work.

mod content;
mod imap;
mod latency;
mod load;
mod sink;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Sends and reads mail as fast as asked, or swallows it, and says how long it took.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends messages over SMTP and prints rates and latencies as JSON.
    Load(load::Load),
    /// Reads mail over IMAP, or puts it there, a step each time it is told to.
    Imap(imap::Imap),
    /// Takes messages over SMTP, throws them away, and prints how many came.
    Sink(sink::Sink),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        match arguments.command {
            Command::Load(load) => load.run().await,
            Command::Imap(imap) => imap.run().await,
            Command::Sink(sink) => sink.run().await,
        }
    })?;
    println!("{report}");
    Ok(())
}
