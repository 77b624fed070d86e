//! The program under test: all services in one process, or each in its own.

mod engines;
mod member;
mod operator;
mod plan;
mod process;
mod servers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::client::Client;
use crate::wait::until;
use engines::Engines;
use member::Member;
use plan::Ports;

pub use engines::{Broker, Server};
pub use operator::Output;
pub use plan::Plan;
pub use process::Signal;

/// How often a process is started that ends at once, and what passes between.
const STARTS: usize = 20;
const RESTART: Duration = Duration::from_millis(500);

/// An account of the house, and its password.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its address, which is also its name at login.
    pub address: String,
    /// Its password.
    pub password: String,
}

/// A house: a data directory, ports, and most of the time its processes.
///
/// It has the domain and the two accounts of the first start. Dropped, it kills
/// the processes, removes the directory and prints the end of the log, which the
/// test harness shows when the test has failed.
pub struct House {
    // Dropped in this order: the processes before what they stand on.
    members: Vec<Member>,
    engines: Option<Engines>,
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

    async fn of(plan: Plan, engines: Option<Engines>) -> Result<Self> {
        let mut house = Self {
            members: plan.members()?,
            engines,
            http: plan::http()?,
            plan,
            accounts: Vec::new(),
        };
        if house.engines.is_some() {
            house.tell(&["init", "--certificate"]).await?;
        }
        house.resume().await?;
        house.accounts = match house.engines {
            None => house.printed_accounts().await?,
            Some(_) => house.add_accounts().await?,
        };
        Ok(house)
    }

    async fn printed_accounts(&self) -> Result<Vec<Account>> {
        until("the first accounts are printed", async || {
            let accounts = first_accounts(&self.said()?);
            Ok((accounts.len() == 2).then_some(accounts))
        })
        .await
    }

    /// The domain and accounts that the first start of one process makes itself.
    async fn add_accounts(&self) -> Result<Vec<Account>> {
        let addresses = ["alice@rohrpost.test", "bob@rohrpost.test"];
        let domain = [
            "domain",
            "add",
            "rohrpost.test",
            "--postmaster",
            addresses[0],
        ];
        self.tell(&domain).await?;
        for address in addresses {
            self.add_account(address, &[]).await?;
        }
        let account = |address: &str| Account {
            address: address.to_owned(),
            password: address.to_owned(),
        };
        Ok(addresses.map(account).to_vec())
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

    /// The port of IMAP with STARTTLS.
    pub fn imap(&self) -> SocketAddr {
        self.ports().imap.address()
    }

    /// The port of IMAP under TLS.
    pub fn imaps(&self) -> SocketAddr {
        self.ports().imaps.address()
    }

    /// The port of POP3 with STLS.
    pub fn pop3(&self) -> SocketAddr {
        self.ports().pop3.address()
    }

    /// The port of POP3 under TLS.
    pub fn pop3s(&self) -> SocketAddr {
        self.ports().pop3s.address()
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

    /// Starts the processes on what is in the data directory, and waits until they
    /// are ready.
    ///
    /// # Errors
    /// When one ends instead.
    pub async fn resume(&mut self) -> Result<()> {
        self.begin()?;
        for member in &mut self.members {
            member.ready(&self.http).await?;
        }
        Ok(())
    }

    /// Starts the processes on what is in the data directory, and does not wait.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn begin(&mut self) -> Result<()> {
        let mut members = self.members.iter_mut();
        members.try_for_each(|member| member.begin(&self.plan))
    }

    /// Ends the processes as a power cut would.
    ///
    /// # Errors
    /// When one has ended before.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::Kill)?;
        self.end().await.map(drop)
    }

    /// Sends all processes a signal.
    ///
    /// # Errors
    /// When one does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let mut members = self.members.iter();
        members.try_for_each(|member| member.signal(signal))
    }

    /// Whether a process has ended by itself.
    ///
    /// # Errors
    /// When one was not running.
    pub fn has_ended(&mut self) -> Result<bool> {
        for member in &mut self.members {
            if member.ended()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits for all processes to end; tells how the last one did.
    ///
    /// # Errors
    /// When one does not.
    pub async fn end(&mut self) -> Result<ExitStatus> {
        let mut last = ExitStatus::default();
        for member in &mut self.members {
            last = member.end().await?;
        }
        Ok(last)
    }

    /// The names of the processes: service and number, as in `router-2`.
    pub fn members(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|member| member.name.clone())
            .collect()
    }

    /// Ends one process as a power cut would.
    ///
    /// # Errors
    /// When there is none of that name, or it does not run.
    pub async fn kill_member(&mut self, name: &str) -> Result<()> {
        let member = self.member(name)?;
        member.signal(Signal::Kill)?;
        member.end().await.map(drop)
    }

    /// Starts one process again, and waits until it is ready. As a supervisor
    /// would, it starts one that ends because it found no broker or store again.
    ///
    /// # Errors
    /// When there is none of that name, or it ends again and again.
    pub async fn resume_member(&mut self, name: &str) -> Result<()> {
        let at = self.place(name)?;
        let (member, plan, http) = (&mut self.members[at], &self.plan, &self.http);
        for _ in 1..STARTS {
            member.begin(plan)?;
            match member.ready(http).await {
                Ok(()) => return Ok(()),
                Err(error) if member.ended()?.is_none() => return Err(error),
                Err(_) => tokio::time::sleep(RESTART).await,
            }
        }
        member.begin(plan)?;
        member.ready(http).await
    }

    /// Sends one process a signal.
    ///
    /// # Errors
    /// When there is none of that name, or it does not run.
    pub fn signal_member(&mut self, name: &str, signal: Signal) -> Result<()> {
        self.member(name)?.signal(signal)
    }

    /// Starts one process that is not to get far, and tells how it ended.
    ///
    /// # Errors
    /// When there is none of that name, or it goes on.
    pub async fn start_in_vain(&mut self, name: &str) -> Result<ExitStatus> {
        let at = self.place(name)?;
        self.members[at].begin(&self.plan)?;
        self.members[at].end().await
    }

    /// What the processes printed for people, since the first start.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn said(&self) -> Result<String> {
        read(&self.directory().join("output"))
    }

    /// What they logged, since the first start.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn logged(&self) -> Result<String> {
        let mut whole = String::new();
        for member in &self.members {
            if self.members.len() > 1 {
                whole.push_str(&format!("{}:\n", member.name));
            }
            whole.push_str(&read(&member.log(self.directory()))?);
        }
        Ok(whole)
    }

    /// What one of them logged.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be read.
    pub fn logged_by(&self, name: &str) -> Result<String> {
        read(&self.members[self.place(name)?].log(self.directory()))
    }

    /// The most memory that the first process has had resident, in KiB, since this was
    /// last asked.
    ///
    /// # Errors
    /// When there is no process.
    pub fn peak_memory(&self) -> Result<u64> {
        let process = self.members[0].process()?;
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

    fn member(&mut self, name: &str) -> Result<&mut Member> {
        let at = self.place(name)?;
        Ok(&mut self.members[at])
    }

    fn place(&self, name: &str) -> Result<usize> {
        let at = self.members.iter().position(|member| member.name == name);
        at.with_context(|| format!("no process called {name}"))
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
        self.members.iter_mut().for_each(Member::kill);
        for member in &self.members {
            let log = read(&member.log(self.directory())).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines.len().saturating_sub(120 / self.members.len());
            let end = lines[last..].join("\n");
            eprintln!("the log of {} ends so:\n{end}", member.name);
        }
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
