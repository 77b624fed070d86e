//! Where the server is, as its URL says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo, TlsCertificates};

use crate::StoreError;

/// How long one reply may take, where the URL does not say: longer than a busy
/// disk takes for an fsync, shorter than an SMTP client waits for a 250.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long sent octets may stay without a receipt before the connection counts
/// as lost; a server that vanished from the network would hold it for minutes.
const UNHEARD: Duration = Duration::from_secs(5);

/// A server, and how to talk to it.
pub(super) struct Place {
    /// `scheme://user:password@host:port/database`, without options.
    url: String,
    password: Option<String>,
    /// The certificates to trust instead of the system's, in PEM.
    authorities: Option<Vec<u8>>,
    /// How long one reply may take.
    pub(super) timeout: Duration,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.url))
    }
}

impl Place {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        Self::read(url).map_err(|reason| unusable(url, &reason))
    }

    fn read(url: &str) -> Result<Self, String> {
        let (place, options) = url.split_once('?').unwrap_or((url, ""));
        let pairs = options.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').ok_or(pair));
        let mut options = pairs
            .collect::<Result<BTreeMap<_, _>, _>>()
            .map_err(|pair| format!("the option {pair:?} has no value"))?;
        let place = Self {
            url: place.to_owned(),
            password: options.remove("password_file").map(secret).transpose()?,
            authorities: options.remove("ca").map(file).transpose()?,
            timeout: options.remove("timeout").map_or(Ok(TIMEOUT), timeout)?,
        };
        if let Some(key) = options.keys().next() {
            return Err(format!("there is no option {key:?}"));
        }
        if place.authorities.is_some() && !place.url.starts_with("rediss://") {
            return Err("`ca` is for TLS only: use rediss://".to_owned());
        }
        Ok(place)
    }

    /// A client that has not connected yet.
    pub(super) fn client(&self) -> Result<Client, StoreError> {
        let unusable = |error: redis::RedisError| unusable(&self.url, &error.to_string());
        let info = self.url.as_str().into_connection_info().map_err(unusable)?;
        let mut login = info.redis_settings().clone();
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_user_timeout(UNHEARD);
        let info = info.set_redis_settings(login).set_tcp_settings(tcp);
        match &self.authorities {
            None => Client::open(info).map_err(unusable),
            Some(authorities) => {
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(authorities.clone()),
                };
                Client::build_with_tls(info, certificates).map_err(unusable)
            }
        }
    }
}

fn file(path: impl Into<PathBuf>) -> Result<Vec<u8>, String> {
    let path = path.into();
    std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn secret(path: &str) -> Result<String, String> {
    let text = String::from_utf8(file(path)?).map_err(|_| format!("{path} is no text"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn timeout(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(milliseconds @ 1..=60_000) => Ok(Duration::from_millis(milliseconds)),
        Ok(_) | Err(_) => Err("`timeout` is from 1 to 60000 milliseconds".to_owned()),
    }
}

fn unusable(url: &str, reason: &str) -> StoreError {
    let url = without_password(url);
    StoreError::Unavailable(format!("{url:?} cannot be used: {reason}"))
}

/// The URL as it may be shown.
pub(crate) fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |scheme| scheme + 3);
    let (scheme, rest) = url.split_at(start);
    match rest.rsplit_once('@') {
        Some((user, server)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}{user}@{server}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_servers() {
        let plain = Place::parse("redis://localhost").unwrap();
        assert_eq!((plain.timeout, plain.password.clone()), (TIMEOUT, None));
        let client = plain.client().unwrap();
        assert_eq!(
            client.get_connection_info().addr().to_string(),
            "localhost:6379"
        );

        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "hush\n").unwrap();
        let full = format!(
            "rediss://me@host:7/2?timeout=250&password_file={}",
            secret.path().display()
        );
        let full = Place::parse(&full).unwrap();
        assert_eq!(full.timeout, Duration::from_millis(250));
        let client = full.client().unwrap();
        let login = client.get_connection_info().redis_settings();
        assert_eq!(
            (login.username(), login.password()),
            (Some("me"), Some("hush"))
        );
        assert_eq!(login.db(), 2);
    }

    #[test]
    fn wrong_urls_say_why_and_keep_the_secret() {
        for (url, reason) in [
            ("redis://me:hush@host?timeout=0", "milliseconds"),
            ("redis://me:hush@host?timeout=soon", "milliseconds"),
            ("redis://me:hush@host?colour=red", "no option \"colour\""),
            ("redis://me:hush@host?colour", "has no value"),
            ("redis://me:hush@host?ca=/etc/hostname", "TLS only"),
            ("rediss://me:hush@host?ca=/nowhere", "/nowhere"),
            ("redis://me@host?password_file=/nowhere", "/nowhere"),
        ] {
            let error = Place::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
