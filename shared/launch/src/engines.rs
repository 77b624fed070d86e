//! What stands behind the ports, opened as the configuration says.

use std::sync::Arc;

use bus::Bus;
use config::Config;
use content::{ContentStore, ContentUrl};
use dns::{Hickory, NameServers, Resolver};
use message::{Clock, Randomness};
use station::{Health, Station, SystemClock, SystemRandomness};
use store::{StoreOptions, Stores};
use telemetry::{Metrics, Telemetry};

use crate::Error;
use crate::error::causes;

/// The engines of one process, shared by its services.
pub struct Engines {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Randomness>,
    /// Topics.
    pub bus: Arc<dyn Bus>,
    /// Directory, mailboxes and ledger.
    pub stores: Stores,
    /// What the process counts.
    pub metrics: Metrics,
    /// Which of its parts are ready.
    pub health: Health,
    config: Arc<Config>,
    telemetry: Telemetry,
}

/// What a process does with contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentUse {
    /// It reads, or removes, what others wrote.
    Read,
    /// It writes too, under the name of its service, as the service's other
    /// instances do.
    Write,
}

impl Engines {
    /// Opens bus and stores. With the embedded store the data directory must be
    /// this process's alone.
    ///
    /// # Errors
    /// When an engine cannot be reached, or is not as this version wants it.
    pub async fn open(config: Arc<Config>, telemetry: Telemetry) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let bus = bus::connect(&config.engines.bus).await;
        Ok(Self {
            bus: bus.map_err(engine("bus"))?,
            stores: open_stores(&config, clock.clone()).await?,
            random: Arc::new(SystemRandomness),
            metrics: Metrics::new(),
            health: Health::new(),
            clock,
            config,
            telemetry,
        })
    }

    /// A service's place at the topics.
    pub fn station(&self, service: &'static str) -> Station {
        let tracer = self.telemetry.tracer(service);
        let (bus, metrics) = (self.bus.clone(), self.metrics.clone());
        Station::new(service, bus, tracer, metrics, self.clock.clone())
            .with_health(self.health.clone())
    }

    /// The content store, as `process` uses it.
    ///
    /// # Errors
    /// When the URL names none, or it cannot be opened.
    pub async fn content(
        &self,
        process: &str,
        for_what: ContentUse,
    ) -> Result<Arc<dyn ContentStore>, Error> {
        let url = match self.config.engines.content.as_str() {
            "" => ContentUrl::File(self.config.server.data.join("content")),
            url => url.parse().map_err(engine("content store"))?,
        };
        let writer = match for_what {
            ContentUse::Read => None,
            ContentUse::Write => Some(process.parse().map_err(engine("content store"))?),
        };
        let settings = content::Settings {
            min_free: self.config.server.min_free.octets(),
            ..content::Settings::new(writer, self.clock.clone(), self.random.clone())
        };
        let opened = content::connect(&url, settings).await;
        opened.map_err(engine("content store"))
    }

    /// The resolver of names.
    ///
    /// # Errors
    /// When the system names no name servers, and the configuration neither.
    pub fn resolver(&self) -> Result<Arc<dyn Resolver>, Error> {
        let dns = &self.config.dns;
        let settings = dns::Settings {
            servers: match dns.nameservers.as_slice() {
                [] => NameServers::System,
                servers => NameServers::Fixed(servers.to_vec()),
            },
            timeout: dns.timeout.duration(),
            attempts: dns.attempts,
            cache: dns.cache as u64,
        };
        let resolver = Hickory::new(&settings).map_err(engine("resolver"))?;
        Ok(Arc::new(resolver))
    }
}

/// An [`Error::Engine`], for `map_err`.
fn engine<E: std::error::Error>(engine: &'static str) -> impl FnOnce(E) -> Error {
    move |error| Error::Engine {
        engine,
        reason: causes(&error),
    }
}

async fn open_stores(config: &Config, clock: Arc<dyn Clock>) -> Result<Stores, Error> {
    let options = StoreOptions {
        backlog: config.queue.backlog,
        feed_interval: config.queue.feed_interval.duration(),
        max_tries: config.queue.max_tries,
        min_free: config.server.min_free.octets(),
        ..StoreOptions::default()
    };
    let (url, data) = (&config.engines.store, config.server.data.join("store"));
    store::connect(url, &data, options, clock, Arc::new(exit))
        .await
        .map_err(engine("store"))
}

/// The exit status after a failed fsync: `EX_IOERR` of sysexits.
const EX_IOERR: i32 = 74;

fn exit(error: &std::io::Error) {
    tracing::error!(%error, "fsync of the store failed; exiting, the next start is safe");
    std::process::exit(EX_IOERR);
}
