//! `rohrpost dead`: jobs of the ledger in state dead, and what is buried on the
//! bus. The first have job keys, the second have numbers.

use web_gateway::api::{Action, DeadLetter, InterventionReason, Selection, StateName};

use super::client::Client;
use super::pages::Pages;
use super::queue::{act, pages};
use super::terminal::Terminal;
use crate::Failure;
use crate::arguments::DeadOrder;
use crate::render;

pub(super) async fn dead(
    order: DeadOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match order {
        DeadOrder::List => list(client, terminal).await,
        DeadOrder::Show { id } if is_buried(&id) => {
            let letter: DeadLetter = client.get(&["dead", &id], &[]).await?;
            terminal.show(&letter, render::dead_letter)
        }
        DeadOrder::Show { id } => {
            let item = client.get(&["queue", &id], &[]).await?;
            terminal.show(&item, render::queue_item)
        }
        DeadOrder::GiveBack { ids } => {
            for id in &ids {
                if is_buried(id) {
                    client.order(&["dead", id, "give-back"]).await?;
                    terminal.done(format_args!("{id} is back on its topic"))?;
                } else {
                    act(id, &Action::Retry, client, terminal).await?;
                }
            }
            Ok(())
        }
        DeadOrder::Settle {
            ids,
            tell_nobody,
            reason,
        } => {
            let reason = InterventionReason { reason };
            let action = match tell_nobody {
                true => Action::Delete(reason),
                false => Action::Bounce(reason),
            };
            for id in &ids {
                if is_buried(id) {
                    client.delete(&["dead", id]).await?;
                    terminal.done(format_args!("{id} is forgotten"))?;
                } else {
                    act(id, &action, client, terminal).await?;
                }
            }
            Ok(())
        }
    }
}

async fn list(client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let jobs = Selection {
        state: Some(StateName::Dead),
        ..Selection::default()
    };
    let jobs = pages(client, &jobs);
    terminal.list(jobs, "no job is dead", render::queue).await?;
    terminal.done("")?;
    let buried = Pages::new(client, &["dead"], Vec::new());
    terminal
        .list(buried, "nothing is buried on the bus", render::dead_letters)
        .await
}

/// Whether that is the number of something buried: a message id has 32 digits.
fn is_buried(id: &str) -> bool {
    id.len() <= 20 && id.bytes().all(|octet| octet.is_ascii_digit())
}
