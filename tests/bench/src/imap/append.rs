//! Appending: from a command with its messages to the OK that makes them safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::Client;
use super::message::message;
use super::{Door, told_to_go_on};
use crate::content::Sizes;
use crate::latency::{Latencies, Percentiles};

/// What to append, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct Append {
    /// Concurrent sessions.
    #[arg(long, default_value_t = 20)]
    sessions: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 10_000)]
    messages: u64,
    /// Messages of a command (MULTIAPPEND).
    #[arg(long, default_value_t = 1)]
    together: u64,
    #[command(flatten)]
    sizes: Sizes,
}

#[derive(Debug, Serialize)]
struct Report {
    seconds: f64,
    /// From a command's first octet to its answer.
    append: Percentiles,
}

impl Append {
    pub(super) async fn run(self, door: &Door) -> Result<String> {
        ensure!(
            self.sizes.are_sorted(),
            "--size is the smallest, then the largest"
        );
        let mut clients = Vec::new();
        for session in 0..self.sessions {
            clients.push(door.open(session).await?);
        }
        told_to_go_on().await?;
        let started = Instant::now();
        let tickets = Arc::new(AtomicU64::new(0));
        let mut sessions = JoinSet::new();
        for client in clients {
            sessions.spawn(self.clone().session(client, tickets.clone()));
        }
        let mut all = Latencies::default();
        while let Some(latencies) = sessions.join_next().await {
            all.merge(latencies??);
        }
        let report = Report {
            seconds: started.elapsed().as_secs_f64(),
            append: all.percentiles(),
        };
        Ok(serde_json::to_string(&report)?)
    }

    /// Appends as long as there are tickets.
    async fn session(self, mut client: Client, tickets: Arc<AtomicU64>) -> Result<Latencies> {
        let mut latencies = Latencies::default();
        loop {
            let first = tickets.fetch_add(self.together, Ordering::Relaxed);
            if first >= self.messages {
                return Ok(latencies);
            }
            let last = self.messages.min(first + self.together);
            let command = command(first..last, &self.sizes);
            let started = Instant::now();
            client.say(&command).await?;
            client.answer().await?;
            latencies.add(started.elapsed());
        }
    }
}

/// APPEND of some messages, none of which waits to be asked for (LITERAL+).
pub(super) fn command(numbers: std::ops::Range<u64>, sizes: &Sizes) -> Vec<u8> {
    let mut command = b"APPEND INBOX".to_vec();
    for number in numbers {
        let message = message(number, sizes);
        command.extend_from_slice(format!(" {{{}+}}\r\n", message.len()).as_bytes());
        command.extend_from_slice(&message);
    }
    command
}
