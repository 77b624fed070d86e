//! `redis-server` with an append-only file.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::port::Port;
use crate::process::Process;

/// How long a reply may take, in a URL of the store.
const PATIENCE: &str = "timeout=30000";

/// Where the files of the append-only log are, in the server's directory.
const LOG: &str = "appendonlydir";

/// A `redis-server` that syncs its append-only file before it answers.
#[derive(Debug)]
pub struct RedisServer {
    // Before the directory, so that it is killed before its files go.
    process: Option<Process>,
    port: Port,
    tls: bool,
    directory: TempDir,
}

impl RedisServer {
    /// Starts a server; `settings` are added to its configuration file, and
    /// override what stands before them.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(settings: &str) -> io::Result<Self> {
        Self::prepare(settings, false)?.started().await
    }

    /// Starts a server that speaks TLS only; `settings` name its certificate.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start_tls(settings: &str) -> io::Result<Self> {
        Self::prepare(settings, true)?.started().await
    }

    /// Where it is, for `store::connect`; an fsync on a busy machine is waited for.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!("{scheme}://{}?{PATIENCE}", self.port.address())
    }

    /// Where it is, for clients with another login.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!(
            "{scheme}://{user}:{password}@{}?{PATIENCE}",
            self.port.address()
        )
    }

    /// Its port, plain or TLS.
    pub fn port(&self) -> u16 {
        self.port.address().port()
    }

    /// The id of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// What the server says to a command, by `redis-cli`.
    ///
    /// # Errors
    /// When that cannot be run, or the server refuses.
    pub fn ask(&self, command: &[&str]) -> io::Result<String> {
        let port = self.port.address().port().to_string();
        let mut client = Command::new("redis-cli");
        let output = client.args(["-e", "-p", &port]).args(command).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let refused = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("{said}{refused}")))
    }

    /// Kills it by SIGKILL; its files stay.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same files and port, and waits until it accepts
    /// connections.
    ///
    /// # Errors
    /// When it ends instead, or takes too long.
    pub async fn start_again(&mut self) -> io::Result<()> {
        let directory = self.directory.path();
        let mut command = Command::new("redis-server");
        command.arg(directory.join("redis.conf"));
        let mut process = Process::start(command, &directory.join("log"))?;
        process.listens(self.port.address()).await?;
        self.process = Some(process);
        Ok(())
    }

    /// A copy of its log as it is now, as a backup would be.
    ///
    /// # Errors
    /// When that cannot be made.
    pub fn copy(&self) -> io::Result<TempDir> {
        let copy = TempDir::with_prefix("redis-copy-")?;
        copy_files(&self.directory.path().join(LOG), copy.path())?;
        Ok(copy)
    }

    /// Puts a copy in the place of its log, while it does not run.
    ///
    /// # Errors
    /// When it runs, or the files cannot be replaced.
    pub fn put_back(&mut self, copy: &TempDir) -> io::Result<()> {
        if self.process.is_some() {
            return Err(io::Error::other("the server runs"));
        }
        let log = self.directory.path().join(LOG);
        fs::remove_dir_all(&log)?;
        fs::create_dir(&log)?;
        copy_files(copy.path(), &log)
    }

    fn prepare(settings: &str, tls: bool) -> io::Result<Self> {
        let server = Self {
            process: None,
            port: Port::reserve()?,
            tls,
            directory: TempDir::with_prefix("redis-")?,
        };
        let number = server.port.address().port();
        let ports = match tls {
            true => format!("port 0\ntls-port {number}"),
            false => format!("port {number}"),
        };
        let directory = server.directory.path();
        let configuration = format!(
            "bind 127.0.0.1\n{ports}\ndir {}\nsave \"\"\n\
             appendonly yes\nappendfsync always\nmaxmemory-policy noeviction\n{settings}\n",
            directory.display(),
        );
        fs::write(directory.join("redis.conf"), configuration)?;
        Ok(server)
    }

    async fn started(mut self) -> io::Result<Self> {
        self.start_again().await?;
        Ok(self)
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}
