//! One session: says commands, and counts what is answered without keeping it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::tls;

/// Nothing that is waited for takes longer; a server that hangs ends the run.
const PATIENCE: Duration = Duration::from_secs(300);

/// Octets read at a time, at least and at most.
const READ: (usize, usize) = (1 << 10, 128 << 10);

/// A connection, with or without TLS.
trait Octets: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Octets for T {}

/// A session.
pub(super) struct Client {
    stream: Box<dyn Octets>,
    buffer: BytesMut,
    room: usize,
    tag: u64,
}

/// What a command was answered with, besides that it was done.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Untagged responses.
    pub(super) responses: u64,
    /// The octets of them all.
    pub(super) octets: u64,
    /// The first line of the last one.
    pub(super) last: String,
}

/// A response: its first line, and the octets of all of it.
struct Response {
    line: Bytes,
    octets: u64,
}

impl Client {
    pub(super) async fn connect(to: SocketAddr, tls: Option<&TlsConnector>) -> Result<Self> {
        let socket = TcpStream::connect(to)
            .await
            .with_context(|| format!("connecting to {to}"))?;
        socket.set_nodelay(true)?;
        let stream: Box<dyn Octets> = match tls {
            Some(connector) => Box::new(connector.connect(tls::name()?, socket).await?),
            None => Box::new(socket),
        };
        let mut client = Self {
            stream,
            buffer: BytesMut::new(),
            room: READ.0,
            tag: 0,
        };
        client.hear("* OK").await?;
        Ok(client)
    }

    /// Gives a command, and waits until it is done.
    pub(super) async fn ask(&mut self, command: &str) -> Result<Answer> {
        self.say(command.as_bytes()).await?;
        self.answer().await.with_context(|| command.to_owned())
    }

    /// Gives a command, literals and all, without its tag and its end.
    pub(super) async fn say(&mut self, command: &[u8]) -> Result<()> {
        self.tag += 1;
        let tag = format!("a{} ", self.tag);
        let line = [tag.as_bytes(), command, b"\r\n"].concat();
        self.send(&line).await
    }

    /// Waits until what was said is done.
    pub(super) async fn answer(&mut self) -> Result<Answer> {
        let tag = format!("a{} ", self.tag);
        let mut answer = Answer::default();
        loop {
            let Response { line, octets } = self.response().await?;
            if let Some(rest) = line.strip_prefix(tag.as_bytes()) {
                ensure!(rest.starts_with(b"OK"), "{}", text(&line));
                return Ok(answer);
            }
            answer.responses += 1;
            answer.octets += octets;
            if line.len() < READ.0 {
                answer.last = text(&line);
            }
        }
    }

    /// Opens INBOX and stays there under IDLE.
    pub(super) async fn idle(&mut self) -> Result<()> {
        self.ask("SELECT INBOX").await?;
        self.say(b"IDLE").await?;
        self.hear("+").await
    }

    /// Waits for a response that starts so.
    async fn hear(&mut self, start: &str) -> Result<()> {
        while !self.response().await?.line.starts_with(start.as_bytes()) {}
        Ok(())
    }

    /// Waits under IDLE until the mailbox has more than `before` messages.
    pub(super) async fn exists(&mut self, before: u64) -> Result<u64> {
        loop {
            if let Some(count) = exists(&self.response().await?.line)
                && count > before
            {
                return Ok(count);
            }
        }
    }

    /// A response with its literals.
    async fn response(&mut self) -> Result<Response> {
        let line = self.line().await?;
        let mut octets = line.len() as u64;
        let mut literal = announced(&line);
        while let Some(size) = literal {
            self.skip(size).await?;
            let rest = self.line().await?;
            octets += (size + rest.len()) as u64;
            literal = announced(&rest);
        }
        Ok(Response { line, octets })
    }

    async fn line(&mut self) -> Result<Bytes> {
        let mut seen = 0;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer[seen..]) {
                return Ok(self.buffer.split_to(seen + end + 1).freeze());
            }
            seen = self.buffer.len();
            self.receive().await?;
        }
    }

    async fn skip(&mut self, size: usize) -> Result<()> {
        let mut left = size;
        loop {
            let here = left.min(self.buffer.len());
            drop(self.buffer.split_to(here));
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.receive().await?;
        }
    }

    /// Reads more; those who hear much read much at a time.
    async fn receive(&mut self) -> Result<()> {
        self.buffer.reserve(self.room);
        let reading = self.stream.read_buf(&mut self.buffer);
        match timeout(PATIENCE, reading).await?? {
            0 => bail!("the server closed the connection"),
            count if count >= self.room => self.room = (2 * self.room).min(READ.1),
            _ => {}
        }
        Ok(())
    }

    async fn send(&mut self, octets: &[u8]) -> Result<()> {
        timeout(PATIENCE, self.stream.write_all(octets)).await??;
        timeout(PATIENCE, self.stream.flush()).await??;
        Ok(())
    }
}

/// The size of the literal that a line ends with.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let start = memchr::memrchr(b'{', line)?;
    std::str::from_utf8(&line[start + 1..]).ok()?.parse().ok()
}

/// How many messages there are, if a line says so.
fn exists(line: &[u8]) -> Option<u64> {
    let count = line.strip_prefix(b"* ")?.strip_suffix(b" EXISTS\r\n")?;
    std::str::from_utf8(count).ok()?.parse().ok()
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_announced_at_the_end_of_a_line() {
        assert_eq!(announced(b"* 1 FETCH (BODY[] {12}\r\n"), Some(12));
        assert_eq!(announced(b"* 1 FETCH (FLAGS ())\r\n"), None);
        assert_eq!(announced(b"* OK {see below}\r\n"), None);
    }

    #[test]
    fn the_count_of_messages_is_heard() {
        assert_eq!(exists(b"* 23 EXISTS\r\n"), Some(23));
        assert_eq!(exists(b"* 23 EXPUNGE\r\n"), None);
        assert_eq!(exists(b"* OK Still here\r\n"), None);
    }
}
