//! `rohrpost queue`

mod intervention;
mod top;

use web_gateway::api::{
    Action, Explanation, InterventionReason, QueueItem, Redirection, Selection,
};

use super::client::Client;
use super::pages::Pages;
use super::terminal::Terminal;
use crate::Failure;
use crate::arguments::QueueOrder;
use crate::render;
pub(super) use intervention::act;
use intervention::intervene;

pub(super) async fn queue(
    order: QueueOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let (which, action) = match order {
        QueueOrder::List { selecting } => {
            let pages = pages(client, &selecting.into());
            let nothing = "nothing is in the queue";
            return terminal.list(pages, nothing, render::queue).await;
        }
        QueueOrder::Show { id } => {
            let item: QueueItem = client.get(&["queue", &id], &[]).await?;
            return terminal.show(&item, render::queue_item);
        }
        QueueOrder::Why { id } => {
            let why: Explanation = client.get(&["queue", &id, "why"], &[]).await?;
            return terminal.show(&why, render::explanation);
        }
        QueueOrder::Top { every, lines, once } => {
            return top::top(every, lines, once, client, terminal).await;
        }
        QueueOrder::Retry { which } => (which, Action::Retry),
        QueueOrder::Hold { which } => (which, Action::Hold),
        QueueOrder::Release { which } => (which, Action::Release),
        QueueOrder::Redirect { to, which } => (which, Action::Redirect(Redirection { to })),
        QueueOrder::Bounce { which, reason } => {
            (which, Action::Bounce(InterventionReason { reason }))
        }
        QueueOrder::Delete { which, reason } => {
            (which, Action::Delete(InterventionReason { reason }))
        }
    };
    intervene(which, action, client, terminal).await
}

/// What fits, page by page.
pub(super) fn pages<'c>(client: &'c Client, selection: &Selection) -> Pages<'c, QueueItem> {
    let text = |value: &Option<_>| value.as_ref().map(ToString::to_string);
    let filter = [
        ("message", selection.message.map(|id| id.to_string())),
        ("sender", text(&selection.sender)),
        ("recipient", text(&selection.recipient)),
        (
            "destination",
            selection.destination.as_ref().map(ToString::to_string),
        ),
        ("state", selection.state.map(|state| state.to_string())),
        (
            "older_than",
            selection.older_than.map(|span| span.to_string()),
        ),
        (
            "younger_than",
            selection.younger_than.map(|span| span.to_string()),
        ),
        ("last_reply", selection.last_reply.clone()),
    ];
    let set = |(name, value): (&'static str, Option<String>)| Some((name, value?));
    Pages::new(
        client,
        &["queue"],
        filter.into_iter().filter_map(set).collect(),
    )
}
