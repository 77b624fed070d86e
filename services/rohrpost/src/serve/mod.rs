//! `rohrpost serve`: from a configuration to a running house, and down again.

mod certificate;
mod data;
mod engines;
mod facade;
mod first;
mod house;
mod life;
mod signals;
mod token;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use config::Config;
use telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Failure;
use crate::arguments::Place;
use data::DataDirectory;
use engines::Engines;
use facade::Facade;
use house::House;

/// How long the last spans may take to be exported.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Runs all services until a signal, or until one of them fails.
pub(crate) async fn serve(mut config: Config, place: Place) -> Result<(), Failure> {
    telemetry::start_logs(&config.telemetry)?;
    let data = DataDirectory::claim(&config.server.data)?;
    certificate::provide(&mut config, &data)?;
    let token = token::provide(&config)?;
    let web = listen(&config).await?;
    let telemetry = Telemetry::start(&config.telemetry, |name| std::env::var(name).ok())?;
    let engines = Engines::open(&config, telemetry.clone()).await?;

    let shutdown = CancellationToken::new();
    signals::cancel_on_signal(shutdown.clone())?;
    let address = web.local_addr().unwrap_or(config.web.listen);
    let config = Arc::new(config);
    let facade = Facade {
        config: config.clone(),
        place,
        token: token.clone(),
        web: address,
    };
    let (health, clock) = (engines.health.clone(), engines.clock.clone());
    let house = House {
        config,
        engines,
        shutdown: shutdown.clone(),
    };
    let opening = async {
        life::ready(&health, clock.as_ref()).await;
        welcome(&facade).await;
    };
    let ended = life::run(house.services(web, token), opening, shutdown).await;
    telemetry.shutdown(LAST_SPANS).await;
    ended
}

async fn listen(config: &Config) -> Result<TcpListener, Failure> {
    let address = config.web.listen;
    TcpListener::bind(address)
        .await
        .map_err(|cause| Failure::Service {
            service: "web-gateway",
            reason: format!("cannot listen on {address} (web.listen): {cause}"),
        })
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
