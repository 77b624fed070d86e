//! TLS towards a server with a certificate of its own making.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// A connector that trusts what is in the file, and never resumes: each session
/// costs the server what a new client's does.
pub(super) fn trusting(file: &Path) -> Result<TlsConnector> {
    let certificate = CertificateDer::from_pem_file(file)
        .with_context(|| format!("reading {}", file.display()))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The name that the certificates are for.
pub(super) fn name() -> Result<ServerName<'static>> {
    Ok(ServerName::try_from("mail.bench.example")?)
}
