//! Asking: the same commands again and again, in some sessions side by side.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::Client;
use super::{Door, told_to_go_on};
use crate::latency::{Latencies, Percentiles};

/// What to ask, and how often.
#[derive(Debug, Clone, Args)]
pub(super) struct Ask {
    /// Concurrent sessions, each with INBOX open.
    #[arg(long, default_value_t = 1)]
    sessions: usize,
    /// Commands of each session.
    #[arg(long, default_value_t = 1)]
    times: u64,
    /// A command; `{n}` becomes 1, 2 and so on up to --numbers.
    #[arg(long = "command", required = true)]
    commands: Vec<String>,
    /// How often a command is given before the next of them has its turn.
    #[arg(long, default_value_t = 1)]
    numbers: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    seconds: f64,
    /// Untagged responses to all commands.
    responses: u64,
    /// Their octets.
    octets: u64,
    /// The last of them.
    last: String,
    /// From a command to its answer.
    answer: Percentiles,
}

/// What a session came to.
#[derive(Default)]
struct Heard {
    responses: u64,
    octets: u64,
    last: String,
    latencies: Latencies,
}

impl Ask {
    pub(super) async fn run(self, door: &Door) -> Result<String> {
        let mut clients = Vec::new();
        for session in 0..self.sessions {
            let mut client = door.open(session).await?;
            client.ask("SELECT INBOX").await?;
            clients.push(client);
        }
        told_to_go_on().await?;
        let started = Instant::now();
        let mut sessions = JoinSet::new();
        for client in clients {
            sessions.spawn(self.clone().session(client));
        }
        let mut all = Heard::default();
        while let Some(heard) = sessions.join_next().await {
            all.merge(heard??);
        }
        let report = Report {
            seconds: started.elapsed().as_secs_f64(),
            responses: all.responses,
            octets: all.octets,
            last: all.last,
            answer: all.latencies.percentiles(),
        };
        Ok(serde_json::to_string(&report)?)
    }

    async fn session(self, mut client: Client) -> Result<Heard> {
        let mut heard = Heard::default();
        for time in 0..self.times {
            let turn = (time / self.numbers) as usize % self.commands.len();
            let number = time % self.numbers + 1;
            let command = self.commands[turn].replace("{n}", &number.to_string());
            let started = Instant::now();
            let answer = client.ask(&command).await?;
            heard.latencies.add(started.elapsed());
            heard.responses += answer.responses;
            heard.octets += answer.octets;
            heard.last = answer.last;
        }
        Ok(heard)
    }
}

impl Heard {
    fn merge(&mut self, other: Self) {
        self.responses += other.responses;
        self.octets += other.octets;
        self.last = other.last;
        self.latencies.merge(other.latencies);
    }
}
