//! A client that talks SMTP line by line.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::DEADLINE;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(crate) struct Client {
    stream: Box<dyn Duplex>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn over(socket: TcpStream) -> Self {
        Self {
            stream: Box::new(socket),
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn connect_tls(
        address: SocketAddr,
        certificate: &rcgen::CertifiedKey<rcgen::KeyPair>,
    ) -> Self {
        Self::connect(address).await.secure(certificate).await
    }

    /// Shakes hands, trusting that certificate only.
    pub(crate) async fn secure(self, certificate: &rcgen::CertifiedKey<rcgen::KeyPair>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("mx.example.org").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, self.stream).await.unwrap();
        Self {
            stream: Box::new(stream),
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends, unless the server hung up.
    pub(crate) async fn try_send(&mut self, octets: &str) -> std::io::Result<()> {
        self.stream.write_all(octets.as_bytes()).await
    }

    /// Says that nothing more comes, and goes on listening.
    pub(crate) async fn close_its_side(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Sends a line and expects the last line of its reply to begin like that.
    #[track_caller]
    pub(crate) fn say(&mut self, line: &str, reply: &str) -> impl Future<Output = String> {
        let (line, reply) = (line.to_owned(), reply.to_owned());
        async move {
            self.send(format!("{line}\r\n")).await;
            self.expect(&reply).await
        }
    }

    /// Reads one reply; its last line must begin with `reply`.
    pub(crate) async fn expect(&mut self, reply: &str) -> String {
        loop {
            let line = self
                .line()
                .await
                .unwrap_or_else(|| panic!("the end, not {reply}"));
            if line.as_bytes().get(3) != Some(&b'-') {
                assert!(line.starts_with(reply), "{line}, not {reply}");
                return line;
            }
        }
    }

    /// Sends MAIL, RCPT and DATA at once, then the content.
    pub(crate) async fn submit(&mut self, from: &str, to: &str, content: &str) {
        self.send(format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n"))
            .await;
        for reply in ["250 2.1.0", "250 2.1.5", "354 "] {
            self.expect(reply).await;
        }
        self.send(format!("{content}.\r\n")).await;
    }

    /// Whether the server has closed the connection, and said nothing more.
    pub(crate) async fn ended(&mut self) -> bool {
        self.line().await.is_none()
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap());
            }
            let mut piece = [0; 4096];
            let read = timeout(DEADLINE, self.stream.read(&mut piece))
                .await
                .expect("an answer");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.buffer.extend_from_slice(&piece[..count]),
            }
        }
    }
}
