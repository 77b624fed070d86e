//! A self-signed certificate for whoever has none: encryption from the first
//! start on; clients have to be told to trust it.

use std::path::Path;

use config::Config;
use rcgen::{CertificateParams, DnType, KeyPair};

use super::data::{DataDirectory, write_private};
use crate::Failure;

/// Puts a certificate into the configuration where it names none: the one in the
/// data directory, made when it is not there yet.
pub(super) fn provide(config: &mut Config, data: &DataDirectory) -> Result<(), Failure> {
    if config.tls.certificate.is_some() {
        return Ok(());
    }
    let (certificate, key) = (data.join("tls-certificate.pem"), data.join("tls-key.pem"));
    make_missing(config.server.hostname.as_str(), &certificate, &key)?;
    config.tls.certificate = Some(certificate);
    config.tls.key = Some(key);
    Ok(())
}

/// Makes the two files for `host` unless both are there; false if they are.
pub(crate) fn make_missing(host: &str, certificate: &Path, key: &Path) -> Result<bool, Failure> {
    if certificate.exists() && key.exists() {
        return Ok(false);
    }
    let (certificate_pem, key_pem) = make(host).map_err(|error| Failure::Certificate {
        host: host.to_owned(),
        reason: error.to_string(),
    })?;
    write_private(key, key_pem.as_bytes())?;
    write_private(certificate, certificate_pem.as_bytes())?;
    tracing::info!(host, "made a self-signed certificate");
    Ok(true)
}

/// Certificate and key for `host` and for `localhost`, in PEM.
fn make(host: &str) -> Result<(String, String), rcgen::Error> {
    let mut names = vec![host.to_owned()];
    if host != "localhost" {
        names.push("localhost".to_owned());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, host);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_left_alone_when_configured() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDirectory::claim(directory.path()).unwrap();
        let mut config = Config::default();
        provide(&mut config, &data).unwrap();
        let made = std::fs::read(config.tls.certificate.clone().unwrap()).unwrap();
        assert!(made.starts_with(b"-----BEGIN CERTIFICATE-----"));
        let mut again = Config::default();
        provide(&mut again, &data).unwrap();
        assert_eq!(std::fs::read(again.tls.certificate.unwrap()).unwrap(), made);
        let mut own = Config::default();
        own.tls.certificate = Some("/etc/own.pem".into());
        provide(&mut own, &data).unwrap();
        assert_eq!(own.tls.certificate, Some("/etc/own.pem".into()));
    }
}
