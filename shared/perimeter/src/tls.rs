//! Certificate and key of the server, renewed when their files change.
//!
//! A pair that cannot be used leaves the old one in place, and the log says
//! why; so does a pair of which one file has been written and the other not yet.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use message::Clock;
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use crate::{Error, Stream};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// What handshakes with clients. Clones are the same.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    identity: Arc<Identity>,
}

/// A certificate with its key, as the files last had it.
#[derive(Debug)]
struct Identity {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Marks>,
}

#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What tells that a file changed: inode, size and time, of both files. None
/// where a file is missing.
type Marks = [Option<(u64, u64, i64, i64)>; 2];

impl Tls {
    /// None where no certificate is configured.
    ///
    /// # Errors
    /// When certificate or key cannot be read or used.
    pub fn load(config: &config::Tls) -> Result<Option<Self>, Error> {
        let (Some(certificate), Some(key)) = (&config.certificate, &config.key) else {
            return Ok(None);
        };
        let files = Files {
            certificate: certificate.clone(),
            key: key.clone(),
        };
        let provider = Arc::new(crypto::ring::default_provider());
        let identity = Arc::new(Identity::load(files, Arc::clone(&provider))?);
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&identity) as Arc<dyn ResolvesServerCert>);
        Ok(Some(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            identity,
        }))
    }

    /// Renews the pair whenever its files change, for ever.
    pub(crate) fn watch(&self, clock: Arc<dyn Clock>) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.identity).watch(clock)
    }
}

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(60);

/// Shakes hands within a minute.
///
/// # Errors
/// When there is no certificate, or the client does not play along.
pub async fn handshake(stream: Stream, tls: Option<&Tls>) -> io::Result<Stream> {
    let tls = tls.ok_or_else(|| io::Error::other("there is no certificate"))?;
    tokio::time::timeout(HANDSHAKE, stream.secure(tls)).await?
}

impl Identity {
    fn load(files: Files, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        // Marks first: what is written while the files are read is seen later.
        let seen = Mutex::new(files.marks());
        let current = RwLock::new(Arc::new(files.load(&provider)?));
        Ok(Self {
            files,
            provider,
            current,
            seen,
        })
    }

    async fn watch(self: Arc<Self>, clock: Arc<dyn Clock>) {
        loop {
            clock.sleep(LOOK).await;
            let identity = Arc::clone(&self);
            // It panics only where the process is at its end.
            let _ = tokio::task::spawn_blocking(move || identity.look()).await;
        }
    }

    fn look(&self) {
        let marks = self.files.marks();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *seen, marks) == marks {
            return;
        }
        let Files { certificate, key } = &self.files;
        let (certificate, key) = (certificate.display(), key.display());
        match self.files.load(&self.provider) {
            Ok(pair) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!(%certificate, %key, "the TLS certificate was renewed");
            }
            Err(error) => {
                tracing::error!(%certificate, %key, %error, "the old TLS certificate stays");
            }
        }
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Files {
    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable("certificate", &self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unreadable("key", &self.key))?;
        Ok(CertifiedKey::from_der(chain, key, provider)?)
    }

    fn marks(&self) -> Marks {
        [&self.certificate, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use message::time::ManualClock;

    /// A pair for a name: certificate and key in PEM, and the former in DER.
    fn pair() -> (String, String, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()]).unwrap();
        let der = made.cert.der().clone();
        (made.cert.pem(), made.signing_key.serialize_pem(), der)
    }

    fn shown(identity: &Identity) -> CertificateDer<'static> {
        identity.current().cert[0].clone()
    }

    #[tokio::test]
    async fn a_changed_pair_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Tls {
            certificate: Some(folder.path().join("cert.pem")),
            key: Some(folder.path().join("key.pem")),
        };
        let write = |name: &str, pem: &str| fs::write(folder.path().join(name), pem).unwrap();
        let (certificate, key, first) = pair();
        write("cert.pem", &certificate);
        write("key.pem", &key);
        let identity = Tls::load(&config).unwrap().unwrap().identity;
        assert_eq!(shown(&identity), first);

        let (certificate, key, second) = pair();
        for broken in ["", "no PEM at all", &certificate] {
            write("cert.pem", broken);
            identity.look();
            assert_eq!(shown(&identity), first, "{broken:?}");
        }
        fs::remove_file(folder.path().join("key.pem")).unwrap();
        identity.look();
        assert_eq!(shown(&identity), first);

        let clock = ManualClock::at("2026-11-23T15:05:00Z");
        let watching = tokio::spawn(Arc::clone(&identity).watch(Arc::new(clock.clone())));
        write("key.pem", &key);
        let renewed = async {
            while shown(&identity) != second {
                clock.advance(LOOK);
                tokio::task::yield_now().await;
            }
        };
        let deadline = Duration::from_secs(30);
        tokio::time::timeout(deadline, renewed)
            .await
            .expect("the new pair");
        watching.abort();
    }
}
