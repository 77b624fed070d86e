//! The configuration, with what the command line says of it.

use config::Config;

use crate::Failure;
use crate::arguments::Place;

/// Reads file and environment; the data directory's path is made absolute.
pub(crate) fn load(place: &Place) -> Result<Config, Failure> {
    let mut config = Config::load(place.config.as_deref(), config::environment())
        .map_err(launch::Error::Configuration)?;
    if let Some(data) = &place.data {
        config.server.data = data.clone();
    }
    let data = std::path::absolute(&config.server.data);
    config.server.data = data.map_err(|cause| Failure::File {
        operation: "find",
        path: config.server.data.clone(),
        cause,
    })?;
    Ok(config)
}
