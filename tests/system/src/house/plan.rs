//! A house before it is built: settings and surroundings.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use config::{Config, Span};
use servers::Port;
use tempfile::TempDir;

use super::House;
use super::engines::{Broker, Engines};
use super::member::Member;
use crate::collector::Collector;
use crate::disk::Disk;
use crate::remote::Remote;

/// Where the program is; cargo puts it two folders above the tests.
fn program(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).context("no target directory")?;
    let program = profile.join(name);
    anyhow::ensure!(
        program.exists(),
        "{} is not there: `cargo build -p {name}` makes it",
        program.display()
    );
    Ok(program)
}

/// The ports that belong to a house as long as it exists.
pub(super) struct Ports {
    pub(super) mx: Port,
    pub(super) submission: Port,
    pub(super) submissions: Port,
    pub(super) imap: Port,
    pub(super) imaps: Port,
    pub(super) pop3: Port,
    pub(super) pop3s: Port,
    pub(super) web: Port,
}

/// What a house will be like. Whatever a test does not change is as users have
/// it, but for ports, and times that are seconds instead of hours.
pub struct Plan {
    /// Its configuration.
    pub config: Config,
    pub(super) ports: Ports,
    pub(super) directory: TempDir,
    pub(super) environment: Vec<(&'static str, String)>,
    broker: Option<Broker>,
    store_timeout: Option<Duration>,
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
            imap: Port::reserve()?,
            imaps: Port::reserve()?,
            pop3: Port::reserve()?,
            pop3s: Port::reserve()?,
            web: Port::reserve()?,
        };
        let directory = TempDir::with_prefix("rohrpost-test-")?;
        Ok(Self {
            config: settings(&ports, directory.path())?,
            ports,
            directory,
            environment: Vec::new(),
            broker: None,
            store_timeout: None,
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

    /// Makes each service a process of its own, on this broker and Redis: two
    /// routers, two relays, and one of each other service.
    pub fn over(mut self, broker: Broker) -> Self {
        self.broker = Some(broker);
        self
    }

    /// Gives Redis so long for a reply.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = Some(timeout);
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
    pub async fn start(mut self) -> Result<House> {
        let engines = match self.broker {
            Some(broker) => Some(Engines::start(broker).await?),
            None => None,
        };
        if let Some(engines) = &engines {
            self.share(engines)?;
        }
        std::fs::write(self.file(), self.config.to_toml())?;
        House::of(self, engines).await
    }

    /// Settles what services in processes of their own must find the same.
    fn share(&mut self, engines: &Engines) -> Result<()> {
        let data = self.config.server.data.clone();
        std::fs::create_dir_all(&data)?;
        self.config.engines.bus = engines.bus();
        self.config.engines.store = engines.store(self.store_timeout);
        self.config.engines.content = format!("file://{}", data.join("content").display());
        self.config.tls.certificate = Some(data.join("certificate.pem"));
        self.config.tls.key = Some(data.join("key.pem"));
        let mut octets = [0; 16];
        getrandom::fill(&mut octets)?;
        let token = format!("{:032x}", u128::from_be_bytes(octets));
        Ok(std::fs::write(self.config.token_file(), token)?)
    }

    /// The processes of the house.
    pub(super) fn members(&self) -> Result<Vec<Member>> {
        if self.broker.is_none() {
            return Ok(vec![Member::whole(self.ports.web.address())]);
        }
        let instances = FLEET.iter().flat_map(|(service, count)| {
            (1..=*count).map(move |number| Member::instance(service, number))
        });
        instances.collect()
    }

    /// The configuration file.
    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("rohrpost.toml")
    }

    /// A program of ours, with nothing of the tests' surroundings.
    pub(super) fn command(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(program(name)?);
        for (name, _) in std::env::vars() {
            if name.starts_with("OTEL_") || name.starts_with("ROHRPOST_") {
                command.env_remove(name);
            }
        }
        Ok(command)
    }
}

/// How many instances of each service a house over a broker has.
const FLEET: [(&str, usize); 7] = [
    ("web-gateway", 1),
    ("router", 2),
    ("local-delivery", 1),
    ("remote-relay", 2),
    ("dsn-notifier", 1),
    ("smtp-ingress", 1),
    ("mailbox-access", 1),
];

fn settings(ports: &Ports, directory: &Path) -> Result<Config> {
    let mut config = Config::default();
    config.server.hostname = "mail.rohrpost.test".parse()?;
    config.server.data = directory.join("data");
    config.smtp.mx = vec![ports.mx.address().into()];
    config.smtp.submission = vec![ports.submission.address().into()];
    config.smtp.submissions = vec![ports.submissions.address().into()];
    config.imap.starttls = vec![ports.imap.address().into()];
    config.imap.tls = vec![ports.imaps.address().into()];
    config.pop3.starttls = vec![ports.pop3.address().into()];
    config.pop3.tls = vec![ports.pop3s.address().into()];
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

/// A client that asks the house whether it is ready.
pub(super) fn http() -> Result<reqwest::Client> {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}
