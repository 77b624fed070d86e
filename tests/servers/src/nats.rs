//! `nats-server` with JetStream.

use std::io;
use std::process::Command;

use tempfile::TempDir;

use crate::Broker;
use crate::port::Port;
use crate::process::Process;

/// A `nats-server` with JetStream on files.
#[derive(Debug)]
pub struct NatsServer {
    // Before the directory, so that it is killed before its files go.
    process: Option<Process>,
    port: Port,
    directory: TempDir,
}

impl NatsServer {
    /// Starts a server; `settings` are added to its configuration file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(settings: &str) -> io::Result<Self> {
        let mut server = Self {
            process: None,
            port: Port::reserve()?,
            directory: TempDir::with_prefix("nats-")?,
        };
        let store = server.directory.path().join("jetstream");
        let configuration = format!(
            "listen: \"{}\"\njetstream {{ store_dir: {store:?} }}\n{settings}\n",
            server.port.address(),
        );
        std::fs::write(server.directory.path().join("nats.conf"), configuration)?;
        server.start_again().await?;
        Ok(server)
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
        let directory = self.directory.path();
        let mut command = Command::new("nats-server");
        command.arg("-c").arg(directory.join("nats.conf"));
        let mut process = Process::start(command, &directory.join("log"))?;
        process.listens(self.port.address()).await?;
        self.process = Some(process);
        Ok(())
    }
}
