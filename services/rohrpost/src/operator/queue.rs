//! `rohrpost queue`

use serde::Serialize;
use web_gateway::api::{Intervened, InterventionReason, QueueItem};

use super::client::Client;
use super::pages::Pages;
use super::terminal::Terminal;
use crate::Failure;
use crate::arguments::QueueOrder;
use crate::render;

pub(super) async fn queue(
    order: QueueOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match order {
        QueueOrder::List {
            sender,
            recipient,
            destination,
        } => {
            let filter = [
                ("sender", sender.map(|address| address.to_string())),
                ("recipient", recipient.map(|address| address.to_string())),
                (
                    "destination",
                    destination.map(|destination| destination.to_string()),
                ),
            ];
            let set = |(name, value): (&'static str, Option<String>)| Some((name, value?));
            let filter = filter.into_iter().filter_map(set).collect();
            let pages = Pages::new(client, &["queue"], filter);
            terminal
                .list(pages, "nothing is in the queue", render::queue)
                .await
        }
        QueueOrder::Show { id } => {
            let item: QueueItem = client.get(&["queue", &id], &[]).await?;
            terminal.show(&item, render::queue_item)
        }
        QueueOrder::Retry { ids } => {
            act(&ids, "retry", "is tried again", &Empty {}, client, terminal).await
        }
        QueueOrder::Hold { ids } => act(&ids, "hold", "is held", &Empty {}, client, terminal).await,
        QueueOrder::Release { ids } => {
            act(&ids, "release", "goes on", &Empty {}, client, terminal).await
        }
        QueueOrder::Bounce { ids, reason } => {
            let reason = InterventionReason { reason };
            act(
                &ids,
                "bounce",
                "is returned to its sender",
                &reason,
                client,
                terminal,
            )
            .await
        }
        QueueOrder::Delete { ids, reason } => {
            for id in &ids {
                let query: Vec<_> = reason.iter().map(|why| ("reason", why.clone())).collect();
                let done: Intervened = client.delete_with(&["queue", id], &query).await?;
                report(&done, "is deleted", terminal)?;
            }
            Ok(())
        }
    }
}

/// A body that says nothing.
#[derive(Serialize)]
struct Empty {}

async fn act(
    ids: &[String],
    action: &str,
    done: &str,
    body: &impl Serialize,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    for id in ids {
        let intervened: Intervened = client.post(&["queue", id, action], body).await?;
        report(&intervened, done, terminal)?;
    }
    Ok(())
}

fn report(intervened: &Intervened, done: &str, terminal: &Terminal) -> Result<(), Failure> {
    terminal.show(intervened, |intervened, _| {
        let line = |job: &web_gateway::api::JobIntervened| match job.done {
            true => format!("{} {done}", job.key),
            false => format!("{} stays as it is: its state does not allow it", job.key),
        };
        intervened
            .jobs
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    })
}
