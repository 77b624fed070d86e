//! A house before it is built: settings and surroundings.

use servers::Port;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use config::{Config, Span};
use tempfile::TempDir;

use super::House;
use super::process::Process;
use crate::collector::Collector;
use crate::disk::Disk;
use crate::remote::Remote;

/// Where the program is; cargo puts it two folders above the tests.
pub(super) fn program() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).context("no target directory")?;
    let program = profile.join("rohrpost");
    anyhow::ensure!(
        program.exists(),
        "{} is not there: `cargo build -p rohrpost` makes it",
        program.display()
    );
    Ok(program)
}

/// The ports that belong to a house as long as it exists.
pub(super) struct Ports {
    pub(super) mx: Port,
    pub(super) submission: Port,
    pub(super) submissions: Port,
    pub(super) web: Port,
}

/// What a house will be like. Whatever a test does not change is as users have
/// it, but for ports, and times that are seconds instead of hours.
pub struct Plan {
    /// Its configuration.
    pub config: Config,
    pub(super) ports: Ports,
    pub(super) directory: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Plan {
    /// A plan on free ports; mail to other domains finds no name server.
    ///
    /// # Errors
    /// When there is no port or directory.
    pub fn new() -> Result<Self> {
        let ports = Ports {
            mx: Port::reserve()?,
            submission: Port::reserve()?,
            submissions: Port::reserve()?,
            web: Port::reserve()?,
        };
        let directory = TempDir::with_prefix("rohrpost-test-")?;
        Ok(Self {
            config: settings(&ports, directory.path())?,
            ports,
            directory,
            environment: Vec::new(),
        })
    }

    /// Makes `remote` the rest of the world.
    pub fn facing(mut self, remote: &Remote) -> Self {
        self.config.dns.nameservers = vec![remote.names()];
        self.config.relay.port = remote.sink.address().port();
        self
    }

    /// Keeps its data on `disk`, which must live as long as the house.
    pub fn on(mut self, disk: &Disk) -> Self {
        self.config.server.data = disk.path().join("data");
        self
    }

    /// Sends traces to `collector`.
    pub fn traced_by(mut self, collector: &Collector) -> Self {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
        let delay = ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned());
        self.environment.extend([endpoint, delay]);
        self
    }

    /// Changes the configuration.
    pub fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Builds the house and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start(self) -> Result<House> {
        std::fs::write(self.file(), self.config.to_toml())?;
        House::of(self).await
    }

    /// The configuration file.
    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("rohrpost.toml")
    }

    /// The program, with nothing of the tests' surroundings.
    pub(super) fn command(&self) -> Result<Command> {
        let mut command = Command::new(program()?);
        for (name, _) in std::env::vars() {
            if name.starts_with("OTEL_") || name.starts_with("ROHRPOST_") {
                command.env_remove(name);
            }
        }
        Ok(command)
    }

    pub(super) fn spawn(&self) -> Result<Process> {
        let mut command = self.command()?;
        command
            .arg("serve")
            .arg("--config")
            .arg(self.file())
            .arg("--data")
            .arg(&self.config.server.data)
            .envs(self.environment.iter().cloned())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(appended(&self.directory.path().join("output"))?)
            .stderr(appended(&self.directory.path().join("log"))?);
        Process::spawn(command)
    }
}

fn settings(ports: &Ports, directory: &Path) -> Result<Config> {
    let mut config = Config::default();
    config.server.hostname = "mail.rohrpost.test".parse()?;
    config.server.data = directory.join("data");
    config.smtp.mx = vec![ports.mx.address().into()];
    config.smtp.submission = vec![ports.submission.address().into()];
    config.smtp.submissions = vec![ports.submissions.address().into()];
    config.smtp.auth_failure_delay = Span::millis(50);
    config.web.listen = ports.web.address();
    config.queue.feed_interval = Span::millis(500);
    // Nobody answers on this port; a Remote has a name server of its own.
    config.dns.nameservers = vec![ports.web.address()];
    config.dns.timeout = Span::seconds(1);
    config.relay.first_retry = Span::millis(200);
    config.relay.max_retry = Span::seconds(1);
    config.relay.lease = Span::seconds(3);
    Ok(config)
}

fn appended(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| path.display().to_string())
}

/// A client that asks the house whether it is ready.
pub(super) fn http() -> Result<reqwest::Client> {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}
