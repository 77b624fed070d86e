//! `rabbitmq-server`, with an Erlang port mapper of its own.

use std::io;
use std::process::Command;

use tempfile::TempDir;

use crate::Broker;
use crate::deployment::Secrets;
use crate::port::Port;
use crate::process::Process;

/// The program without Debian's wrapper, which insists on the system's user
/// and files.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A RabbitMQ node.
#[derive(Debug)]
pub struct RabbitMq {
    // Before the directory, so that they are killed before its files go.
    process: Option<Process>,
    /// The port mapper; without it the node would start one and leave it.
    _mapper: Process,
    port: Port,
    distribution: Port,
    mapping: Port,
    directory: TempDir,
}

impl RabbitMq {
    /// Starts a node; `settings` are the lines of its `rabbitmq.conf`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(settings: &str) -> io::Result<Self> {
        let directory = TempDir::with_prefix("rabbitmq-")?;
        std::fs::write(directory.path().join("rabbitmq.conf"), settings)?;
        std::fs::write(directory.path().join("plugins"), "[].\n")?;
        let mapping = Port::reserve()?;
        let mut node = Self {
            process: None,
            _mapper: mapper(&mapping, &directory).await?,
            port: Port::reserve()?,
            distribution: Port::reserve()?,
            mapping,
            directory,
        };
        node.start_again().await?;
        Ok(node)
    }

    /// Starts a node on the very configuration of `deploy/rabbitmq`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn deployed(secrets: &Secrets) -> io::Result<Self> {
        let definitions = tempfile::NamedTempFile::with_suffix(".json")?;
        let printed = secrets.printed_by("rabbitmq/definitions")?;
        std::fs::write(definitions.path(), printed)?;
        let settings = std::fs::read_to_string(secrets.deploy("rabbitmq/rabbitmq.conf"))?;
        // It reads the file at each start; the tests start it once.
        let there = definitions.path().display();
        Self::start(&settings.replace("/run/secrets/definitions.json", &there.to_string())).await
    }

    /// The command that starts the node, all of its files in its directory.
    fn command(&self) -> Command {
        let directory = self.directory.path();
        let mut command = Command::new(SERVER);
        command
            .env("HOME", directory)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.mapping.address().port().to_string())
            .env(
                "RABBITMQ_NODENAME",
                format!("test-{}@localhost", self.port.address().port()),
            )
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.address().port().to_string())
            .env(
                "RABBITMQ_DIST_PORT",
                self.distribution.address().port().to_string(),
            )
            .env("RABBITMQ_CONFIG_FILE", directory.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", directory.join("no-environment"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", directory.join("plugins"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", directory.join("generated"))
            .env("RABBITMQ_LOG_BASE", directory.join("logs"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_MNESIA_BASE", directory.join("mnesia"))
            .env("RABBITMQ_PID_FILE", directory.join("pid"))
            .env("RABBITMQ_PLUGINS_EXPAND_DIR", directory.join("expanded"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
            );
        command
    }
}

/// Starts the program that tells Erlang nodes where others listen.
async fn mapper(port: &Port, directory: &TempDir) -> io::Result<Process> {
    let mut command = Command::new("epmd");
    command
        .args(["-address", "127.0.0.1", "-port"])
        .arg(port.address().port().to_string());
    let mut mapper = Process::start(command, &directory.path().join("epmd-log"))?;
    mapper.listens(port.address()).await?;
    Ok(mapper)
}

impl Broker for RabbitMq {
    fn url(&self) -> String {
        format!("amqp://{}", self.port.address())
    }

    fn kill(&mut self) {
        self.process = None;
    }

    async fn start_again(&mut self) -> io::Result<()> {
        let log = self.directory.path().join("log");
        let mut process = Process::start(self.command(), &log)?;
        process.listens(self.port.address()).await?;
        self.process = Some(process);
        Ok(())
    }
}
