//! The program under test, in a process of its own.

mod operator;
mod plan;
mod process;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result, bail};

use crate::client::Client;
use crate::wait::until;
use plan::Ports;
use process::Process;

pub use operator::Output;
pub use plan::Plan;
pub use process::Signal;

/// An account of the house, and its password.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its address, which is also its name at login.
    pub address: String,
    /// Its password.
    pub password: String,
}

/// A house: a data directory, ports, and most of the time a process.
///
/// It has the domain and the two accounts of the first start. Dropped, it kills
/// the process, removes the directory and prints the end of the log, which the
/// test harness shows when the test has failed.
pub struct House {
    // Dropped in this order: the process before its directory.
    process: Option<Process>,
    http: reqwest::Client,
    plan: Plan,
    accounts: Vec<Account>,
}

impl House {
    /// Starts a house with the settings of [`Plan::new`].
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start() -> Result<Self> {
        Plan::new()?.start().await
    }

    async fn of(plan: Plan) -> Result<Self> {
        let mut house = Self {
            process: None,
            http: plan::http()?,
            plan,
            accounts: Vec::new(),
        };
        house.resume().await?;
        house.accounts = until("the first accounts are printed", async || {
            let accounts = first_accounts(&house.said()?);
            Ok((accounts.len() == 2).then_some(accounts))
        })
        .await?;
        Ok(house)
    }

    /// The two accounts of the first start.
    pub fn accounts(&self) -> [&Account; 2] {
        [&self.accounts[0], &self.accounts[1]]
    }

    /// The port for other servers.
    pub fn mx(&self) -> SocketAddr {
        self.ports().mx.address()
    }

    /// The submission port with STARTTLS.
    pub fn submission(&self) -> SocketAddr {
        self.ports().submission.address()
    }

    /// The submission port under TLS.
    pub fn submissions(&self) -> SocketAddr {
        self.ports().submissions.address()
    }

    /// The port of admin API and metrics.
    pub fn web(&self) -> SocketAddr {
        self.ports().web.address()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.plan.config.server.data.clone()
    }

    /// A client logged in as one of the accounts.
    ///
    /// # Errors
    /// When that fails.
    pub async fn submit_as(&self, account: &Account) -> Result<Client> {
        Client::submission(self.submission(), &account.address, &account.password).await
    }

    /// Starts the process on what is in the data directory, and waits until it
    /// is ready.
    ///
    /// # Errors
    /// When it ends instead.
    pub async fn resume(&mut self) -> Result<()> {
        self.begin()?;
        let process = self.process.as_mut().context("the house is down")?;
        let url = format!("http://{}/readyz", self.plan.ports.web.address());
        let http = &self.http;
        let ready = until("the house is ready", async || {
            if let Some(status) = process.ended()? {
                bail!("the house ended by {status}");
            }
            let answer = http.get(&url).send().await;
            Ok(answer.ok().filter(|answer| answer.status().is_success()))
        });
        ready.await.map(drop)
    }

    /// Starts the process on what is in the data directory, and does not wait.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn begin(&mut self) -> Result<()> {
        self.process = Some(self.plan.spawn()?);
        Ok(())
    }

    /// Ends the process as a power cut would.
    ///
    /// # Errors
    /// When it has ended before.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::Kill)?;
        self.end().await.map(drop)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When there is no process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().context("the house is down")?;
        process.signal(signal)
    }

    /// Whether the process has ended by itself.
    ///
    /// # Errors
    /// When there is none.
    pub fn has_ended(&mut self) -> Result<bool> {
        let process = self.process.as_mut().context("the house is down")?;
        Ok(process.ended()?.is_some())
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    /// When it does not.
    pub async fn end(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("the house is down")?;
        until("the house has ended", async || process.ended()).await
    }

    /// What the process printed for people, since the first start.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn said(&self) -> Result<String> {
        read(&self.directory().join("output"))
    }

    /// What it logged, since the first start.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn logged(&self) -> Result<String> {
        read(&self.directory().join("log"))
    }

    /// The most memory that the process has had resident, in KiB, since this was
    /// last asked.
    ///
    /// # Errors
    /// When there is no process.
    pub fn peak_memory(&self) -> Result<u64> {
        let process = self.process.as_ref().context("the house is down")?;
        let process = PathBuf::from(format!("/proc/{}", process.id()));
        let status = read(&process.join("status"))?;
        // proc(5): 5 resets the peak to what is resident now.
        std::fs::write(process.join("clear_refs"), "5")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
        kib.with_context(|| format!("no VmHWM in {status}"))
    }

    /// What `/metrics` tells.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<String> {
        let url = format!("http://{}/metrics", self.web());
        let answer = self.http.get(url).send().await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    fn ports(&self) -> &Ports {
        &self.plan.ports
    }

    fn directory(&self) -> &Path {
        self.plan.directory.path()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.process = None;
        let log = self.logged().unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.len().saturating_sub(60);
        eprintln!(
            "the log of the house ends so:\n{}",
            lines[last..].join("\n")
        );
        if std::env::var_os("ROHRPOST_TEST_KEEP").is_some() {
            self.plan.directory.disable_cleanup(true);
            eprintln!("its files are kept in {}", self.directory().display());
        }
    }
}

fn read(path: &Path) -> Result<String> {
    let octets = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// The lines of the first start that hold an address and a password.
fn first_accounts(said: &str) -> Vec<Account> {
    let lines = said
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .filter_map(|words| match words[..] {
            [address, password] if address.contains("@rohrpost.test") => Some(Account {
                address: address.to_owned(),
                password: password.to_owned(),
            }),
            _ => None,
        })
        .collect()
}
