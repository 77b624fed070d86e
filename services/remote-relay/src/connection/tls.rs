//! The client's side of TLS.
//!
//! Where certificates are not verified (RFC 7435) it keeps listeners out, not
//! impostors, which is more than mail in clear does. Where they are, an
//! authority that we trust has to vouch for the name of the host.

use std::io;
use std::path::Path;
use std::sync::Arc;

use message::Domain;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whether a host's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scrutiny {
    /// Any will do.
    None,
    /// It must be the host's.
    Host,
}

/// What handshakes are made with.
#[derive(Clone)]
pub(crate) struct Tls {
    any: TlsConnector,
    verifying: Option<TlsConnector>,
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The library refused.
    #[error(transparent)]
    Setup(#[from] rustls::Error),
    /// The authorities could not be read.
    #[error("reading the trusted authorities: {0}")]
    Trusted(String),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// The authorities are read only where somebody `verifies`: those of the
    /// file, or the system's.
    pub(crate) fn new(verifies: bool, trusted: Option<&Path>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = || {
            ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
        };
        let any = builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(Arc::clone(&provider))))
            .with_no_client_auth();
        let verifying = match verifies {
            true => Some(
                builder()?
                    .with_root_certificates(authorities(trusted)?)
                    .with_no_client_auth(),
            ),
            false => None,
        };
        let connector = |config| TlsConnector::from(Arc::new(config));
        Ok(Self {
            any: connector(any),
            verifying: verifying.map(connector),
        })
    }

    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        host: &Domain,
        scrutiny: Scrutiny,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match host.literal() {
            Some(ip) => ServerName::from(ip),
            None => ServerName::try_from(host.to_string()).map_err(io::Error::other)?,
        };
        let connector = match scrutiny {
            Scrutiny::None => &self.any,
            Scrutiny::Host => self
                .verifying
                .as_ref()
                .ok_or_else(|| io::Error::other("no authorities were read"))?,
        };
        connector.connect(name, stream).await
    }
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let certificates = match file {
        Some(file) => CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| TlsError::Trusted(format!("{}: {error}", file.display())))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(certificates);
    if ignored > 0 {
        tracing::debug!(ignored, "trusted authorities that cannot be used");
    }
    match roots.is_empty() {
        true => Err(TlsError::Trusted("there are none".into())),
        false => Ok(roots),
    }
}

/// Takes any certificate, but only from who has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
