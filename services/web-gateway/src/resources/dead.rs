//! `/dead`: what is buried on the bus. Dead jobs are in the queue.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bus::BuriedId;

use crate::api::{DeadLetter, Page, Problem};
use crate::extract::FromPath;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The most that a list shows.
const LISTED: usize = 1_000;

/// List what is buried on the bus: octets that were no job
#[utoipa::path(get, path = "/api/v1/dead", tag = "queue",
    responses((status = 200, body = Page<DeadLetter>), (status = 405, body = Problem)))]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
) -> Result<Json<Page<DeadLetter>>, Refusal> {
    let buried = gateway.ports.bus.dead(LISTED).await?;
    Ok(Json(Page {
        items: buried.into_iter().map(DeadLetter::from).collect(),
        next: None,
    }))
}

/// Show what is buried
#[utoipa::path(get, path = "/api/v1/dead/{id}", tag = "queue", params(("id" = u64, Path)),
    responses((status = 200, body = DeadLetter), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    FromPath(id): FromPath<u64>,
) -> Result<Json<DeadLetter>, Refusal> {
    let buried = gateway.ports.bus.dead(LISTED).await?;
    let found = buried.into_iter().find(|buried| buried.id == BuriedId(id));
    found
        .map(|buried| Json(buried.into()))
        .ok_or_else(|| unknown(id))
}

/// Give what is buried back to its topic, as after an upgrade that can read it
#[utoipa::path(post, path = "/api/v1/dead/{id}/give-back", tag = "queue",
    params(("id" = u64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(crate) async fn give_back(
    State(gateway): State<Gateway>,
    FromPath(id): FromPath<u64>,
) -> Result<StatusCode, Refusal> {
    let done = gateway.ports.bus.revive(BuriedId(id)).await?;
    tracing::info!(id, done, "a dead letter is given back by the operator");
    done.then_some(StatusCode::NO_CONTENT)
        .ok_or_else(|| unknown(id))
}

/// Settle what is buried: it is forgotten
#[utoipa::path(delete, path = "/api/v1/dead/{id}", tag = "queue", params(("id" = u64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(crate) async fn settle(
    State(gateway): State<Gateway>,
    FromPath(id): FromPath<u64>,
) -> Result<StatusCode, Refusal> {
    let done = gateway.ports.bus.forget(BuriedId(id)).await?;
    tracing::info!(id, done, "a dead letter is settled by the operator");
    done.then_some(StatusCode::NO_CONTENT)
        .ok_or_else(|| unknown(id))
}

fn unknown(id: u64) -> Refusal {
    Refusal::missing(format_args!("dead letter {id}"))
}
