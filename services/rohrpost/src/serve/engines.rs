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

use crate::Failure;
use crate::failure::causes;

/// The name this process writes contents under.
const WRITER: &str = "rohrpost";

/// The engines of one process, shared by its services.
pub(super) struct Engines {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Randomness>,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) stores: Stores,
    pub(super) content: Arc<dyn ContentStore>,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) metrics: Metrics,
    pub(super) health: Health,
    telemetry: Telemetry,
}

impl Engines {
    /// Opens all of them; needs the data directory to be ours.
    pub(super) async fn open(config: &Config, telemetry: Telemetry) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Randomness> = Arc::new(SystemRandomness);
        Ok(Self {
            bus: bus::connect(&config.engines.bus)
                .await
                .map_err(engine("bus"))?,
            stores: open_stores(config, clock.clone()).await?,
            content: open_content(config, clock.clone(), random.clone()).await?,
            resolver: open_resolver(config)?,
            metrics: Metrics::new(),
            health: Health::new(),
            clock,
            random,
            telemetry,
        })
    }

    /// A service's place at the topics.
    pub(super) fn station(&self, service: &'static str) -> Station {
        let tracer = self.telemetry.tracer(service);
        let (bus, metrics) = (self.bus.clone(), self.metrics.clone());
        Station::new(service, bus, tracer, metrics, self.clock.clone())
            .with_health(self.health.clone())
    }
}

/// A [`Failure::Engine`], for `map_err`.
fn engine<E: std::error::Error>(engine: &'static str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::Engine {
        engine,
        reason: causes(&error),
    }
}

async fn open_stores(config: &Config, clock: Arc<dyn Clock>) -> Result<Stores, Failure> {
    let options = StoreOptions {
        backlog: config.queue.backlog,
        feed_interval: config.queue.feed_interval.duration(),
        max_tries: config.queue.max_tries,
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

async fn open_content(
    config: &Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
) -> Result<Arc<dyn ContentStore>, Failure> {
    let url = match config.engines.content.as_str() {
        "" => ContentUrl::File(config.server.data.join("content")),
        url => url.parse().map_err(engine("content store"))?,
    };
    let writer = WRITER.parse().map_err(engine("content store"))?;
    let settings = content::Settings {
        min_free: config.server.min_free.octets(),
        ..content::Settings::new(Some(writer), clock, random)
    };
    content::connect(&url, settings)
        .await
        .map_err(engine("content store"))
}

fn open_resolver(config: &Config) -> Result<Arc<dyn Resolver>, Failure> {
    let dns = &config.dns;
    let settings = dns::Settings {
        servers: match dns.nameservers.as_slice() {
            [] => NameServers::System,
            servers => NameServers::Fixed(servers.to_vec()),
        },
        timeout: dns.timeout.duration(),
        attempts: dns.attempts,
        cache: dns.cache as u64,
    };
    Ok(Arc::new(
        Hickory::new(&settings).map_err(engine("resolver"))?,
    ))
}
