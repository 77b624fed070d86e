//! The sink: an SMTP server that takes everything and keeps nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// What to take.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sink {
    /// Where to listen; on this machine only.
    #[arg(long)]
    listen: SocketAddr,
    /// Ends after so many messages.
    #[arg(long)]
    expect: u64,
    /// Ends after so many seconds at the latest.
    #[arg(long, default_value_t = 600)]
    within: u64,
    /// Waits so many milliseconds before each reply.
    #[arg(long, default_value_t = 0)]
    slow: u64,
}

struct Counts {
    messages: AtomicU64,
    enough: Notify,
}

impl Counts {
    /// Adds messages that were replied to.
    fn add(&self, arrived: u64, expected: u64) {
        let before = self.messages.fetch_add(arrived, Ordering::Relaxed);
        if before < expected && before + arrived >= expected {
            self.enough.notify_one();
        }
    }
}

impl Sink {
    pub(crate) async fn run(self) -> Result<String> {
        ensure!(
            self.listen.ip().is_loopback(),
            "{} is not on this machine",
            self.listen
        );
        let listener = TcpListener::bind(self.listen).await?;
        let counts = Arc::new(Counts {
            messages: AtomicU64::new(0),
            enough: Notify::new(),
        });
        let started = Instant::now();
        let accepting = tokio::spawn(self.clone().accept(listener, counts.clone()));
        let in_time = tokio::select! {
            () = counts.enough.notified() => true,
            () = sleep(Duration::from_secs(self.within)) => false,
        };
        let seconds = started.elapsed().as_secs_f64();
        accepting.abort();
        let messages = counts.messages.load(Ordering::Relaxed);
        Ok(
            serde_json::json!({ "messages": messages, "seconds": seconds, "all": in_time })
                .to_string(),
        )
    }

    async fn accept(self, listener: TcpListener, counts: Arc<Counts>) {
        while let Ok((stream, _)) = listener.accept().await {
            let (sink, counts) = (self.clone(), counts.clone());
            tokio::spawn(async move {
                // A client that leaves early is not the sink's concern.
                let _ = sink.serve(stream, &counts).await;
            });
        }
    }

    async fn serve(&self, mut stream: TcpStream, counts: &Counts) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(16 << 10);
        let mut replies = b"220 sink.example ESMTP\r\n".to_vec();
        let mut in_data = false;
        let mut arrived = 0;
        loop {
            if !replies.is_empty() {
                if self.slow > 0 {
                    sleep(Duration::from_millis(self.slow)).await;
                }
                stream.write_all(&replies).await?;
                replies.clear();
                // Only now: the sink may end with the last one.
                counts.add(std::mem::take(&mut arrived), self.expect);
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            loop {
                if in_data {
                    let Some(end) = end_of_data(&buffer) else {
                        buffer.drain(..buffer.len().saturating_sub(4));
                        break;
                    };
                    buffer.drain(..end);
                    in_data = false;
                    replies.extend_from_slice(b"250 2.0.0 Ok\r\n");
                    arrived += 1;
                } else {
                    let Some(end) = memchr::memchr(b'\n', &buffer) else {
                        break;
                    };
                    let verb = buffer[..4.min(end)].to_ascii_uppercase();
                    buffer.drain(..=end);
                    let reply: &[u8] = match verb.as_slice() {
                        b"EHLO" => {
                            b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n"
                        }
                        b"DATA" => b"354 Go on\r\n",
                        b"QUIT" => b"221 2.0.0 Bye\r\n",
                        _ => b"250 2.0.0 Ok\r\n",
                    };
                    replies.extend_from_slice(reply);
                    if verb == b"DATA" {
                        in_data = true;
                        // What follows DATA is content from its first octet on.
                        buffer.splice(..0, *b"\r\n");
                    }
                }
            }
        }
    }
}

/// Where the octets behind the final dot begin.
fn end_of_data(buffer: &[u8]) -> Option<usize> {
    memchr::memmem::find(buffer, b"\r\n.\r\n").map(|start| start + 5)
}
