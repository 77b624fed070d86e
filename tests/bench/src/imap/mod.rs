//! The IMAP client: does one kind of work over some sessions.
//!
//! Logging in is no part of what is measured. So every work stops before a step,
//! says "ready" on a line of its own, and goes on with a line of standard input;
//! the report follows the last step.

mod append;
mod arrivals;
mod ask;
mod client;
mod idle;
mod message;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use tokio_rustls::TlsConnector;

use client::Client;

/// Whom to ask, and for what.
#[derive(Debug, Args)]
pub(crate) struct Imap {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    work: Work,
}

/// A server, and who may log in there.
#[derive(Debug, Clone, Args)]
struct Server {
    /// The server; on this machine only.
    #[arg(long)]
    to: SocketAddr,
    /// Speaks TLS from the start, and trusts the certificate in this file, which
    /// is for mail.bench.example.
    #[arg(long)]
    tls: Option<PathBuf>,
    /// Who logs in; `{n}` becomes a number from --first on.
    #[arg(long, default_value = "user{n}@bench.example")]
    user: String,
    /// The number of the first account.
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// How many accounts the sessions share.
    #[arg(long, default_value_t = 1)]
    accounts: usize,
    /// The password of all of them.
    #[arg(long)]
    password: String,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Appends messages to INBOX.
    Append(append::Append),
    /// Opens INBOX and gives commands, again and again.
    Ask(ask::Ask),
    /// Waits under IDLE for messages that another session appends.
    Arrivals(arrivals::Arrivals),
    /// Opens sessions and leaves them under IDLE.
    Idle(idle::Idle),
}

impl Imap {
    pub(crate) async fn run(self) -> Result<String> {
        ensure!(
            self.server.to.ip().is_loopback(),
            "{} is not on this machine",
            self.server.to
        );
        let door = Door::of(self.server)?;
        match self.work {
            Work::Append(append) => append.run(&door).await,
            Work::Ask(ask) => ask.run(&door).await,
            Work::Arrivals(arrivals) => arrivals.run(&door).await,
            Work::Idle(idle) => idle.run(&door).await,
        }
    }
}

/// Where sessions come from.
#[derive(Clone)]
struct Door {
    server: Server,
    tls: Option<TlsConnector>,
}

impl Door {
    fn of(server: Server) -> Result<Self> {
        let tls = server.tls.as_deref().map(tls::trusting).transpose()?;
        Ok(Self { server, tls })
    }

    /// Session number `session`, logged in.
    async fn open(&self, session: usize) -> Result<Client> {
        let Server {
            first, accounts, ..
        } = self.server;
        let number = first + session % accounts;
        let user = self.server.user.replace("{n}", &number.to_string());
        let mut client = Client::connect(self.server.to, self.tls.as_ref()).await?;
        let login = format!("LOGIN \"{user}\" \"{}\"", self.server.password);
        client.ask(&login).await?;
        Ok(client)
    }
}

/// Waits until the next step may begin.
async fn told_to_go_on() -> Result<()> {
    println!("ready");
    let read = || std::io::stdin().read_line(&mut String::new());
    let count = tokio::task::spawn_blocking(read).await??;
    ensure!(count > 0, "nobody says to go on");
    Ok(())
}
