//! A client that says what it is told, and hears lines.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::DEADLINE;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(crate) struct Client {
    stream: BufReader<Box<dyn Duplex>>,
    tag: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// Connects under TLS to a server with this certificate.
    pub(crate) async fn connect_tls(
        address: SocketAddr,
        certificate: CertificateDer<'static>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(address).await.unwrap();
        let name = "mail.example.org".try_into().unwrap();
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, socket);
        Self::over(connecting.await.unwrap())
    }

    fn over(stream: impl Duplex + 'static) -> Self {
        Self {
            stream: BufReader::new(Box::new(stream)),
            tag: String::new(),
        }
    }

    /// Sends octets, of which the first word is the tag of what is answered next.
    pub(crate) async fn send(&mut self, text: &str) {
        let tag = text.split(' ').next().unwrap_or_default();
        // Other words do not look like that: a small letter and a number.
        let number = tag.strip_prefix(|c: char| c.is_ascii_lowercase());
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            self.tag = tag.to_owned();
        }
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line, without its end; empty at the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        let line = self.raw_line().await;
        let text = String::from_utf8_lossy(&line);
        text.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// The octets up to the next line feed; none at the end of the connection.
    pub(crate) async fn raw_line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line);
        timeout(DEADLINE, read)
            .await
            .expect("a line in time")
            .unwrap();
        line
    }

    /// Lines up to the answer, or up to where the client is asked to go on.
    pub(crate) async fn answer(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            let (ends, empty) = (
                ["+", "* BAD ", &format!("{} ", self.tag)]
                    .iter()
                    .any(|start| line.starts_with(start)),
                line.is_empty(),
            );
            // An empty line within a literal is none at the end.
            let over = empty && self.stream.fill_buf().await.unwrap().is_empty();
            lines.push(line);
            if ends || over {
                return lines;
            }
        }
    }

    /// Asks, and hears the answer.
    pub(crate) async fn ask(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("a1 {command}\r\n")).await;
        self.answer().await
    }

    /// Says a line, and hears one.
    pub(crate) async fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.line().await
    }

    /// Hears lines until one is as `expected`.
    pub(crate) async fn hear(&mut self, expected: &str) {
        loop {
            let line = self.line().await;
            assert!(!line.is_empty(), "the connection ended before {expected}");
            if line == expected {
                return;
            }
        }
    }

    /// Exactly so many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        let read = self.stream.read_exact(&mut octets);
        timeout(DEADLINE, read)
            .await
            .expect("octets in time")
            .unwrap();
        octets
    }

    /// Waits for the connection's end, with or without a farewell.
    pub(crate) async fn end(&mut self) {
        let mut rest = Vec::new();
        let reading = self.stream.read_to_end(&mut rest);
        let _ = timeout(DEADLINE, reading).await.expect("an end in time");
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }
}
