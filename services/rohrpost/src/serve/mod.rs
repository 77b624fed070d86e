//! `rohrpost serve`: from a configuration to a running house, and down again.

pub(crate) mod certificate;
mod data;
mod facade;
mod first;
mod house;
mod token;

use std::io::Write;
use std::sync::Arc;

use config::Config;
use launch::{ContentUse, Engines, LAST_SPANS, cancel_on_signal, endpoint, life};
use store::mailbox::Cause;
use telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Failure;
use crate::arguments::Place;
use data::DataDirectory;
use facade::Facade;
use house::House;

/// The name this process writes contents under.
const WRITER: &str = "rohrpost";

/// Runs all services until a signal, or until one of them fails. Where the store
/// was `restored`, its numbers jump before any service uses it.
pub(crate) async fn serve(mut config: Config, place: Place, restored: bool) -> Result<(), Failure> {
    telemetry::start_logs(&config.telemetry).map_err(launch::Error::Telemetry)?;
    let data = DataDirectory::claim(&config.server.data)?;
    certificate::provide(&mut config, &data)?;
    let token = token::provide(&config)?;
    let web = listen(&config).await?;
    let telemetry = Telemetry::start(&config.telemetry, |name| std::env::var(name).ok())
        .map_err(launch::Error::Telemetry)?;
    let shutdown = CancellationToken::new();
    cancel_on_signal(shutdown.clone())?;
    let config = Arc::new(config);
    let engines = Engines::open(config.clone(), telemetry.clone()).await?;

    if restored {
        declare_restored(&engines).await?;
    }

    let facade = Facade {
        config: config.clone(),
        place,
        token: token.clone(),
        web: web.local_addr().unwrap_or(config.web.listen),
    };
    let (health, clock) = (engines.health.clone(), engines.clock.clone());
    let mut parts = endpoint::part(&config.server, &engines, &shutdown).await?;
    let house = House {
        config,
        content: engines.content(WRITER, ContentUse::Write).await?,
        resolver: engines.resolver()?,
        engines,
        shutdown: shutdown.clone(),
    };
    parts.extend(house.services(web, token));
    let opening = async {
        life::ready(&health, clock.as_ref()).await;
        welcome(&facade).await;
    };
    let ended = life::run(parts, opening, shutdown).await;
    telemetry.shutdown(LAST_SPANS).await;
    Ok(ended?)
}

async fn declare_restored(engines: &Engines) -> Result<(), Failure> {
    let mailboxes = &engines.stores.mailbox;
    let raised = mailboxes.raise_epoch(Cause::Declared).await;
    let standing = raised.map_err(|error| launch::Error::Engine {
        engine: "store",
        reason: error.to_string(),
    })?;
    let epoch = standing.epoch;
    tracing::warn!(
        epoch,
        "an older copy of the store is in use, the operator says"
    );
    Ok(())
}

async fn listen(config: &Config) -> Result<TcpListener, Failure> {
    let address = config.web.listen;
    let listening = TcpListener::bind(address).await;
    let listening = listening.map_err(|cause| launch::Error::Service {
        service: "web-gateway",
        reason: format!("cannot listen on {address} (web.listen): {cause}"),
    });
    Ok(listening?)
}

/// Tells where the services are, and on the very first start what to do next.
/// What cannot be made stops nothing.
async fn welcome(facade: &Facade) {
    say(&facade.places());
    match first::furnish(facade).await {
        Ok(Some(instructions)) => say(&instructions),
        Ok(None) => {}
        Err(failure) => tracing::error!("cannot make the first domain and accounts: {failure}"),
    }
}

/// To standard output, even where nobody reads it.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
