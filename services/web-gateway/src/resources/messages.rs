//! `/messages/{id}`, the life of a message, and `/counts`.

use axum::Json;
use axum::extract::State;
use message::{AccountId, Address, MessageId, Topic};

use crate::api::{Counts, History, Problem, TopicDepth};
use crate::extract::FromPath;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Tell the life of a message
#[utoipa::path(get, path = "/api/v1/messages/{message}", tag = "messages",
    params(("message" = String, Path)),
    responses((status = 200, body = History), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    FromPath(message): FromPath<MessageId>,
) -> Result<Json<History>, Refusal> {
    let history = gateway.ports.ledger.history(message).await?;
    let history = history.ok_or_else(|| Refusal::unknown(message))?;
    let submitter = history.entry.acceptance.envelope.transaction.account;
    let address = submitter_address(&gateway, submitter).await?;
    Ok(Json(History::new(history, address)))
}

/// Count messages and recipients
#[utoipa::path(get, path = "/api/v1/counts", tag = "system",
    responses((status = 200, body = Counts)))]
pub(super) async fn counts(State(gateway): State<Gateway>) -> Result<Json<Counts>, Refusal> {
    let mut counts = Counts::from(gateway.ports.ledger.counts().await?);
    for topic in Topic::ALL {
        if let Ok(Some(waiting)) = gateway.ports.bus.depth(topic).await {
            counts.topics.push(TopicDepth {
                topic: topic.to_string(),
                waiting,
            });
        }
    }
    Ok(Json(counts))
}

async fn submitter_address(
    gateway: &Gateway,
    id: Option<AccountId>,
) -> Result<Option<Address>, Refusal> {
    let Some(id) = id else { return Ok(None) };
    let account = gateway.ports.directory.account(id).await?;
    Ok(account.map(|account| account.address))
}
