//! How to log in to smarthosts: names from the configuration, passwords from
//! files of their own.

use std::collections::HashMap;

use message::Destination;
use smtp::client::Credentials;

use crate::Error;

/// The credentials of each destination that asks for some.
pub(crate) type Logins = HashMap<Destination, Credentials>;

/// Reads all passwords.
pub(crate) fn read(config: &config::Relay) -> Result<Logins, Error> {
    let destinations = config.destinations.keys();
    destinations
        .filter_map(|destination| Some((destination, config.login(destination)?)))
        .map(|(destination, login)| {
            let failed = |reason: String| Error::Password {
                file: login.password_file.to_owned(),
                reason,
            };
            let password = std::fs::read_to_string(login.password_file)
                .map_err(|error| failed(error.to_string()))?;
            let password = password.trim_end_matches(['\r', '\n']);
            let credentials = Credentials::new(login.user, password)
                .map_err(|error| failed(error.to_string()))?;
            Ok((destination.clone(), credentials))
        })
        .collect()
}
