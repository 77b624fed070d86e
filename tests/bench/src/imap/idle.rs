//! Idling: many sessions that wait for mail.
//!
//! Two steps: first a few sessions are there, so that what the first ones cost is
//! not counted; then all of them are, until the end.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::client::Client;
use super::{Door, told_to_go_on};

/// Sessions that are opened at a time.
const AT_A_TIME: usize = 16;

/// How many sessions to open.
#[derive(Debug, Args)]
pub(super) struct Idle {
    /// Sessions whose cost is measured.
    #[arg(long, default_value_t = 10_000)]
    sessions: usize,
    /// Sessions that are there before.
    #[arg(long, default_value_t = 50)]
    before: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    sessions: usize,
}

impl Idle {
    pub(super) async fn run(self, door: &Door) -> Result<String> {
        let door = Arc::new(door.clone());
        let first = open(&door, 0, self.before).await?;
        told_to_go_on().await?;
        let rest = open(&door, self.before, self.sessions).await?;
        told_to_go_on().await?;
        let sessions = first.len() + rest.len();
        Ok(serde_json::to_string(&Report { sessions })?)
    }
}

/// Opens sessions from number `first` on.
async fn open(door: &Arc<Door>, first: usize, count: usize) -> Result<Vec<Client>> {
    let mut opening = JoinSet::new();
    for lane in 0..AT_A_TIME {
        let door = Arc::clone(door);
        opening.spawn(async move {
            let mut clients = Vec::new();
            for session in (lane..count).step_by(AT_A_TIME) {
                let mut client = door.open(first + session).await?;
                client.idle().await?;
                clients.push(client);
            }
            Ok::<_, anyhow::Error>(clients)
        });
    }
    let mut all = Vec::new();
    while let Some(clients) = opening.join_next().await {
        all.extend(clients??);
    }
    Ok(all)
}
