//! Certificate and key of the server.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ProtocolVersion, ServerConfig, ServerConnection, crypto};
use tokio_rustls::TlsAcceptor;

use crate::Error;

/// What handshakes with clients; none where no certificate is configured.
pub(crate) fn acceptor(config: &config::Tls) -> Result<Option<TlsAcceptor>, Error> {
    let (Some(certificate), Some(key)) = (&config.certificate, &config.key) else {
        return Ok(None);
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable("certificate", certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable("key", key))?;
    let provider = Arc::new(crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

fn unreadable(
    what: &'static str,
    path: &Path,
) -> impl FnOnce(rustls::pki_types::pem::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::Pem {
        what,
        path,
        cause: cause.to_string(),
    }
}

/// Version and cipher suite, as `Received:` and the ledger tell them.
pub(crate) fn describe(connection: &ServerConnection) -> String {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(_) | None => "TLS",
    };
    let suite = connection.negotiated_cipher_suite();
    let suite = suite
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or("unknown");
    // rustls marks the suites of TLS 1.3, which IANA does not.
    format!("{version} {}", suite.replacen("TLS13_", "TLS_", 1))
}
