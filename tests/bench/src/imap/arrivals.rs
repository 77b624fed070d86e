//! Arrivals: from a message's last octet in one session to EXISTS in another.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::append::command;
use super::{Door, told_to_go_on};
use crate::content::Sizes;
use crate::latency::{Latencies, Percentiles};

/// How much time is left between two messages.
const PAUSE: Duration = Duration::from_millis(50);

/// How many messages to wait for.
#[derive(Debug, Args)]
pub(super) struct Arrivals {
    /// Messages, one at a time.
    #[arg(long, default_value_t = 100)]
    messages: u64,
    #[command(flatten)]
    sizes: Sizes,
}

#[derive(Debug, Serialize)]
struct Report {
    arrival: Percentiles,
}

impl Arrivals {
    pub(super) async fn run(self, door: &Door) -> Result<String> {
        let mut reader = door.open(0).await?;
        let mut writer = door.open(0).await?;
        reader.idle().await?;
        // The first one says how many there are.
        writer.say(&command(0..1, &self.sizes)).await?;
        let mut count = reader.exists(0).await?;
        writer.answer().await?;
        told_to_go_on().await?;
        let mut latencies = Latencies::default();
        for number in 1..=self.messages {
            let due = Instant::now() + PAUSE;
            let command = command(number..number + 1, &self.sizes);
            writer.say(&command).await?;
            let sent = Instant::now();
            count = reader.exists(count).await?;
            latencies.add(sent.elapsed());
            writer.answer().await?;
            sleep_until(due).await;
        }
        let report = Report {
            arrival: latencies.percentiles(),
        };
        Ok(serde_json::to_string(&report)?)
    }
}
