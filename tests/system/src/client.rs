//! A client that speaks SMTP as a test wishes.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::MessageId;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use crate::tls;
use crate::wait::DEADLINE;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A reply, its lines joined by line feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// What stands behind them, line by line.
    pub text: String,
}

impl Reply {
    /// Whether the command was done or may go on.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// The message id that a 250 to the final dot tells.
    ///
    /// # Errors
    /// When there is none.
    pub fn message(&self) -> Result<MessageId> {
        let words = self.text.split(|c: char| !c.is_ascii_alphanumeric());
        words
            .filter_map(|word| word.parse().ok())
            .next()
            .with_context(|| format!("no message id in {self}"))
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// One connection to an SMTP server.
pub struct Client {
    stream: BufStream<Box<dyn Duplex>>,
}

impl Client {
    /// Connects and reads the greeting, and says nothing.
    ///
    /// # Errors
    /// When there is no connection or no friendly greeting.
    pub async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut client = Self::over(stream);
        let greeting = client.reply().await?;
        ensure!(greeting.code == 220, "greeted by {greeting}");
        Ok(client)
    }

    /// Connects and says EHLO.
    ///
    /// # Errors
    /// As for [`Client::open`], or when EHLO is refused.
    pub async fn connect(server: SocketAddr) -> Result<Self> {
        let mut client = Self::open(server).await?;
        client.expect("EHLO client.test", 250).await?;
        Ok(client)
    }

    /// Connects to a submission port: STARTTLS, then AUTH.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn submission(server: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let mut client = Self::connect(server).await?;
        client.expect("STARTTLS", 220).await?;
        let mut client = client.secure().await?;
        client.expect("EHLO client.test", 250).await?;
        client.expect(&Self::plain(user, password), 235).await?;
        Ok(client)
    }

    /// The command that logs in by AUTH PLAIN.
    pub fn plain(user: &str, password: &str) -> String {
        let credentials = STANDARD.encode(format!("\0{user}\0{password}"));
        format!("AUTH PLAIN {credentials}")
    }

    /// Connects to a port that is under TLS from the start, and reads the
    /// greeting.
    ///
    /// # Errors
    /// When there is no connection or no friendly greeting.
    pub async fn tls(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        let mut client = Self::over(stream).secure().await?;
        let greeting = client.reply().await?;
        ensure!(greeting.code == 220, "greeted by {greeting}");
        Ok(client)
    }

    /// Goes on under TLS, without asking.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn secure(self) -> Result<Self> {
        let name = ServerName::try_from("localhost")?;
        let plain = self.stream.into_inner();
        let handshake = tls::connector()?.connect(name, plain);
        let stream = tokio::time::timeout(DEADLINE, handshake)
            .await
            .context("a TLS handshake took too long")??;
        Ok(Self::over(stream))
    }

    /// Sends a command and reads the reply.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn command(&mut self, line: &str) -> Result<Reply> {
        self.send(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await.with_context(|| format!("after {line}"))
    }

    /// Sends a command that must be answered by `code`.
    ///
    /// # Errors
    /// When it is answered otherwise.
    pub async fn expect(&mut self, line: &str, code: u16) -> Result<Reply> {
        let reply = self.command(line).await?;
        ensure!(reply.code == code, "{line} was answered by {reply}");
        Ok(reply)
    }

    /// Sends octets as they are.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&mut self, octets: &[u8]) -> Result<()> {
        self.stream.write_all(octets).await?;
        Ok(self.stream.flush().await?)
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no reply.
    pub async fn reply(&mut self) -> Result<Reply> {
        let read = self.read_reply();
        tokio::time::timeout(DEADLINE, read)
            .await
            .context("no reply in time")?
    }

    /// What the server says until it closes the connection.
    ///
    /// # Errors
    /// When it does not close it.
    pub async fn rest(&mut self) -> Result<String> {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        let read = tokio::time::timeout(DEADLINE, read);
        // A reset is an end as well.
        let _ = read.await.context("the connection stays open")?;
        Ok(String::from_utf8_lossy(&rest).into_owned())
    }

    /// Sends a message in one pipelined transaction.
    ///
    /// # Errors
    /// When any command of it is refused or the connection breaks.
    pub async fn mail(&mut self, from: &str, to: &[&str], content: &[u8]) -> Result<MessageId> {
        let reply = self.transact(from, to, content).await?;
        ensure!(reply.code == 250, "the message was answered by {reply}");
        reply.message()
    }

    /// As [`Client::mail`], with the reply to the dot, whatever it is.
    ///
    /// # Errors
    /// When a command before the dot is refused or the connection breaks.
    pub async fn transact(&mut self, from: &str, to: &[&str], content: &[u8]) -> Result<Reply> {
        let mut commands = format!("MAIL FROM:<{from}>\r\n");
        for recipient in to {
            commands.push_str(&format!("RCPT TO:<{recipient}>\r\n"));
        }
        commands.push_str("DATA\r\n");
        self.send(commands.as_bytes()).await?;
        let mut refusal = None;
        for _ in 0..=to.len() {
            let reply = self.reply().await?;
            refusal = refusal.or((!reply.is_positive()).then_some(reply));
        }
        let data = self.reply().await?;
        if data.code == 354 {
            self.send(&stuffed(content)).await?;
            let reply = self.reply().await?;
            return match refusal {
                None => Ok(reply),
                Some(refusal) => bail!("refused: {refusal}"),
            };
        }
        bail!("refused: {}", refusal.unwrap_or(data))
    }

    fn over(stream: impl Duplex + 'static) -> Self {
        Self {
            stream: BufStream::new(Box::new(stream)),
        }
    }

    async fn read_reply(&mut self) -> Result<Reply> {
        let mut text = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await?;
            let line = line.strip_suffix("\r\n").context("the connection ended")?;
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let code: u16 = code.with_context(|| format!("no reply: {line:?}"))?;
            text.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                let text = text.join("\n");
                return Ok(Reply { code, text });
            }
        }
    }
}

/// `content` as it is sent behind DATA (RFC 5321 §4.5.2), the dot included.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(content.len() + 5);
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b".") {
            sent.push(b'.');
        }
        sent.extend_from_slice(line);
    }
    if !content.ends_with(b"\r\n") {
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b".\r\n");
    sent
}
