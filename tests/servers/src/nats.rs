//! `nats-server` with JetStream.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::Broker;
use crate::deployment::Secrets;
use crate::port::Port;
use crate::process::Process;

/// A `nats-server` with JetStream on files.
#[derive(Debug)]
pub struct NatsServer {
    // Before the directory, so that it is killed before its files go.
    process: Option<Process>,
    port: Port,
    /// Where it tells how it is.
    monitor: Port,
    directory: TempDir,
}

impl NatsServer {
    /// Starts a server; `settings` are added to its configuration file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(settings: &str) -> io::Result<Self> {
        let mut server = Self::prepare(&format!(
            "jetstream {{ store_dir: \"/data\" }}\n{settings}\n"
        ))?;
        server.start_again().await?;
        Ok(server)
    }

    /// Starts a server on the very configuration of `deploy/nats`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn deployed(secrets: &Secrets) -> io::Result<Self> {
        let settings = std::fs::read_to_string(secrets.deploy("nats/nats.conf"))?;
        let mut server = Self::prepare(&settings)?;
        let passwords = secrets.printed_by("nats/passwords")?;
        std::fs::write(server.path().join("passwords.conf"), passwords)?;
        server.start_again().await?;
        Ok(server)
    }

    /// A server that is not started yet; `/data` becomes a directory of its own.
    pub(crate) fn prepare(configuration: &str) -> io::Result<Self> {
        let server = Self {
            process: None,
            port: Port::reserve()?,
            monitor: Port::reserve()?,
            directory: TempDir::with_prefix("nats-")?,
        };
        let data = server.path().join("data");
        let configuration = configuration.replace("/data", &data.to_string_lossy());
        std::fs::write(server.path().join("nats.conf"), configuration)?;
        Ok(server)
    }

    /// Where it answers to HTTP.
    pub(crate) fn monitor(&self) -> SocketAddr {
        self.monitor.address()
    }

    /// Whether it has been started, and not killed.
    pub(crate) fn is_up(&self) -> bool {
        self.process.is_some()
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Broker for NatsServer {
    fn url(&self) -> String {
        format!("nats://{}", self.port.address())
    }

    fn kill(&mut self) {
        self.process = None;
    }

    async fn start_again(&mut self) -> io::Result<()> {
        let (address, directory) = (self.port.address(), self.directory.path());
        let mut command = Command::new("nats-server");
        // What stands here takes the place of what the file says.
        command
            .arg("-c")
            .arg(directory.join("nats.conf"))
            .args(["-a", &address.ip().to_string()])
            .args(["-p", &address.port().to_string()])
            .args(["-m", &self.monitor.address().port().to_string()]);
        let mut process = Process::start(command, &directory.join("log"))?;
        process.listens(address).await?;
        self.process = Some(process);
        Ok(())
    }
}
