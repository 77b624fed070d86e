//! The load generator: concurrent SMTP sessions in closed or open loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::content::{Sizes, fill};
use crate::latency::{Latencies, Percentiles};

/// No reply takes longer; a server that hangs ends the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to send, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Load {
    /// The server; on this machine only.
    #[arg(long)]
    to: SocketAddr,
    /// Concurrent sessions.
    #[arg(long, default_value_t = 20)]
    sessions: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 10_000)]
    messages: u64,
    #[command(flatten)]
    sizes: Sizes,
    /// Messages per connection.
    #[arg(long, default_value_t = 1)]
    per_connection: u64,
    /// The envelope sender.
    #[arg(long, default_value = "bench@sender.example")]
    from: String,
    /// The recipient; `{n}` becomes a number below --recipients.
    #[arg(long, default_value = "user{n}@bench.example")]
    recipient: String,
    /// How many recipients there are.
    #[arg(long, default_value_t = 100)]
    recipients: u64,
    /// Messages a second, whatever the server does (open loop): latencies then
    /// count from when a message was to be sent.
    #[arg(long)]
    rate: Option<f64>,
}

/// What a run came to.
#[derive(Debug, Serialize)]
struct Report {
    messages: u64,
    seconds: f64,
    per_second: f64,
    /// From the final dot to its 250.
    dot_to_reply: Percentiles,
    /// From the connection (or, in open loop, the planned moment) to the 250.
    whole: Percentiles,
}

#[derive(Default)]
struct Measured {
    dot_to_reply: Latencies,
    whole: Latencies,
}

impl Load {
    pub(crate) async fn run(self) -> Result<String> {
        ensure!(
            self.to.ip().is_loopback(),
            "{} is not on this machine",
            self.to
        );
        ensure!(
            self.sizes.are_sorted(),
            "--size is the smallest, then the largest"
        );
        let tickets = Arc::new(AtomicU64::new(0));
        let started = Instant::now();
        let mut sessions = JoinSet::new();
        for _ in 0..self.sessions {
            sessions.spawn(self.clone().session(tickets.clone(), started));
        }
        let mut all = Measured::default();
        while let Some(measured) = sessions.join_next().await {
            let measured = measured??;
            all.dot_to_reply.merge(measured.dot_to_reply);
            all.whole.merge(measured.whole);
        }
        let seconds = started.elapsed().as_secs_f64();
        let report = Report {
            messages: self.messages,
            seconds,
            per_second: self.messages as f64 / seconds,
            dot_to_reply: all.dot_to_reply.percentiles(),
            whole: all.whole.percentiles(),
        };
        Ok(serde_json::to_string(&report)?)
    }

    /// Sends as long as there are tickets.
    async fn session(self, tickets: Arc<AtomicU64>, started: Instant) -> Result<Measured> {
        let mut measured = Measured::default();
        let mut connection: Option<(Connection, u64)> = None;
        loop {
            let ticket = tickets.fetch_add(1, Ordering::Relaxed);
            if ticket >= self.messages {
                if let Some((mut open, _)) = connection {
                    open.command("QUIT\r\n", 221).await?;
                }
                return Ok(measured);
            }
            let planned = match self.rate {
                Some(rate) => started + Duration::from_secs_f64(ticket as f64 / rate),
                None => Instant::now(),
            };
            sleep_until(planned).await;
            let (mut open, sent) = match connection.take() {
                Some(open) => open,
                None => (Connection::open(self.to).await?, 0),
            };
            measured.dot_to_reply.add(open.send(&self, ticket).await?);
            measured.whole.add(planned.elapsed());
            if sent + 1 == self.per_connection {
                open.command("QUIT\r\n", 221).await?;
            } else {
                connection = Some((open, sent + 1));
            }
        }
    }

    fn content(&self, ticket: u64) -> Vec<u8> {
        let mut content = format!(
            "From: <{}>\r\nSubject: message {ticket}\r\nMessage-ID: <{ticket}@bench.example>\r\n\r\n",
            self.from
        )
        .into_bytes();
        fill(&mut content, self.sizes.of(ticket));
        content
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to)
            .await
            .with_context(|| format!("connecting to {to}"))?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            buffer: Vec::with_capacity(1024),
        };
        connection.reply(220).await?;
        connection.command("EHLO bench.example\r\n", 250).await?;
        Ok(connection)
    }

    /// Sends one message; how long its final dot waited for the reply.
    async fn send(&mut self, load: &Load, ticket: u64) -> Result<Duration> {
        let recipient = load
            .recipient
            .replace("{n}", &(ticket % load.recipients).to_string());
        let envelope = format!(
            "MAIL FROM:<{}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n",
            load.from
        );
        self.stream.write_all(envelope.as_bytes()).await?;
        for code in [250, 250, 354] {
            self.reply(code).await?;
        }
        let mut content = load.content(ticket);
        content.extend_from_slice(b".\r\n");
        self.stream.write_all(&content).await?;
        let sent = Instant::now();
        self.reply(250).await?;
        Ok(sent.elapsed())
    }

    async fn command(&mut self, command: &str, code: u16) -> Result<()> {
        self.stream.write_all(command.as_bytes()).await?;
        self.reply(code).await
    }

    /// Reads one reply, which must have `code`.
    async fn reply(&mut self, code: u16) -> Result<()> {
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if line.get(3) != Some(&b'-') {
                    let expected = line.starts_with(code.to_string().as_bytes());
                    ensure!(
                        expected,
                        "wanted {code}, got {}",
                        String::from_utf8_lossy(&line)
                    );
                    return Ok(());
                }
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await??;
            ensure!(
                read > 0,
                "the server closed the connection where {code} was due"
            );
        }
    }
}
