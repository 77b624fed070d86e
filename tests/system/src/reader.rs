//! A client that reads mail by IMAP, and hears what it is told word for word.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::house::Account;
use crate::tls;
use crate::wait::DEADLINE;

/// The tag of all commands: one at a time is under way.
const TAG: &str = "a";

/// One session under TLS.
pub struct Reader {
    stream: BufStream<TlsStream<TcpStream>>,
}

/// One response of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its line, where a literal is only its length in braces.
    pub line: String,
    /// The literals.
    pub literals: Vec<Vec<u8>>,
}

/// An answer that is not OK.
#[derive(Debug)]
pub struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "answered by {}", self.0)
    }
}

impl std::error::Error for Refusal {}

/// A message in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its UID.
    pub uid: u32,
    /// Its flags, as the server writes them.
    pub flags: Vec<String>,
    /// Its octets.
    pub octets: Vec<u8>,
}

impl Reader {
    /// Connects to a port under TLS and logs in.
    ///
    /// # Errors
    /// When a step fails or is refused.
    pub async fn login(server: SocketAddr, account: &Account) -> Result<Self> {
        let opening = async {
            let stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from("localhost")?;
            Ok::<_, anyhow::Error>(tls::connector()?.connect(name, stream).await?)
        };
        let stream = timeout(DEADLINE, opening)
            .await
            .context("no connection")??;
        let mut reader = Self {
            stream: BufStream::new(stream),
        };
        let greeting = reader.response().await?.line;
        ensure!(greeting.starts_with("* OK"), "greeted by {greeting}");
        let Account { address, password } = account;
        reader
            .ask(&format!("LOGIN \"{address}\" \"{password}\""))
            .await?;
        Ok(reader)
    }

    /// Sends a command that must be answered by OK; all responses to it.
    ///
    /// # Errors
    /// When it is answered otherwise, or the connection breaks.
    pub async fn ask(&mut self, command: &str) -> Result<Vec<Response>> {
        self.send(&[command.as_bytes()]).await?;
        self.answer().await.with_context(|| command.to_owned())
    }

    /// Appends messages in one command; all responses to it.
    ///
    /// # Errors
    /// As for [`Reader::ask`].
    pub async fn append(&mut self, mailbox: &str, messages: &[Vec<u8>]) -> Result<Vec<Response>> {
        let mut command = format!("APPEND \"{mailbox}\"").into_bytes();
        for message in messages {
            command.extend_from_slice(format!(" {{{}+}}\r\n", message.len()).as_bytes());
            command.extend_from_slice(message);
        }
        self.send(&[&command]).await?;
        let answer = self.answer().await;
        answer.with_context(|| format!("APPEND to {mailbox}"))
    }

    /// Opens a mailbox read-only, and fetches all that is in it.
    ///
    /// # Errors
    /// As for [`Reader::ask`].
    pub async fn messages(&mut self, mailbox: &str) -> Result<Vec<Stored>> {
        self.ask(&format!("EXAMINE \"{mailbox}\"")).await?;
        let told = self
            .ask("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")
            .await?
            .into_iter()
            .filter(|response| response.line.contains(" FETCH ("));
        told.map(Stored::of).collect()
    }

    /// The names of all mailboxes.
    ///
    /// # Errors
    /// As for [`Reader::ask`].
    pub async fn mailboxes(&mut self) -> Result<Vec<String>> {
        let told = self.ask("LIST \"\" *").await?;
        let listed = told.iter().filter_map(|response| {
            let (_, name) = response
                .line
                .strip_prefix("* LIST ")?
                .rsplit_once("\"/\" ")?;
            Some(name.trim_matches('"').to_owned())
        });
        Ok(listed.collect())
    }

    async fn send(&mut self, pieces: &[&[u8]]) -> Result<()> {
        self.stream.write_all(TAG.as_bytes()).await?;
        self.stream.write_all(b" ").await?;
        for piece in pieces {
            self.stream.write_all(piece).await?;
        }
        self.stream.write_all(b"\r\n").await?;
        Ok(self.stream.flush().await?)
    }

    /// Responses up to the one that says OK.
    async fn answer(&mut self) -> Result<Vec<Response>> {
        let mut responses = Vec::new();
        loop {
            let response = timeout(DEADLINE, self.response());
            let response = response.await.context("no answer in time")??;
            let line = &response.line;
            let tagged = line
                .strip_prefix(TAG)
                .and_then(|rest| rest.strip_prefix(' '));
            let done = tagged.map(|outcome| outcome.starts_with("OK"));
            if done == Some(false) {
                return Err(Refusal(line.clone()).into());
            }
            responses.push(response);
            if done.is_some() {
                return Ok(responses);
            }
        }
    }

    async fn response(&mut self) -> Result<Response> {
        let mut whole = String::new();
        let mut literals = Vec::new();
        loop {
            let mut line = Vec::new();
            self.stream.read_until(b'\n', &mut line).await?;
            let line = line.strip_suffix(b"\r\n").context("the connection ended")?;
            let line = String::from_utf8_lossy(line);
            whole.push_str(&line);
            let size = line
                .strip_suffix('}')
                .and_then(|line| line.rsplit_once('{'));
            let Some(size) = size.and_then(|(_, size)| size.parse().ok()) else {
                return Ok(Response {
                    line: whole,
                    literals,
                });
            };
            let mut literal = vec![0; size];
            self.stream.read_exact(&mut literal).await?;
            literals.push(literal);
        }
    }
}

impl Response {
    /// What stands between `start` and the next `end` of the line.
    pub fn between(&self, start: &str, end: char) -> Option<&str> {
        let (_, rest) = self.line.split_once(start)?;
        Some(rest.split_once(end).map_or(rest, |(found, _)| found))
    }
}

impl Stored {
    fn of(mut response: Response) -> Result<Self> {
        let uid = response.between("UID ", ' ');
        let uid = uid.and_then(|uid| uid.trim_end_matches(')').parse().ok());
        let flags = response.between("FLAGS (", ')');
        let flags = flags.map(|flags| flags.split_whitespace().map(str::to_owned).collect());
        Ok(Self {
            uid: uid.with_context(|| response.line.clone())?,
            flags: flags.with_context(|| response.line.clone())?,
            octets: response.literals.pop().unwrap_or_default(),
        })
    }

    /// What stands in a line of its own behind `field`, as `Subject: ` is.
    pub fn field(&self, field: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.octets);
        let mut lines = text.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| line.strip_prefix(field).map(str::to_owned))
    }
}
