//! `/standing` and `/lost`: after the store may have lost mail.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use message::ContentId;
use store::mailbox::Cause;

use super::report::{Overlooked, report};
use crate::api::{Confirmation, LostLine, Problem, Recovered, Recovery, Standing};
use crate::extract::{FromBody, FromPath, FromQuery};
use crate::gateway::Gateway;
use crate::recovery::{USUAL_GRACE, list};
use crate::refusal::Refusal;

/// Tell whether the store may have lost mail
#[utoipa::path(get, path = "/api/v1/standing", tag = "system",
    responses((status = 200, body = Standing)))]
pub(super) async fn standing(State(gateway): State<Gateway>) -> Result<Json<Standing>, Refusal> {
    let standing = gateway.ports.mailboxes.standing().await?;
    Ok(Json(standing.into()))
}

/// Say that an older copy of the store was put in place
///
/// The next numbers of all mailboxes jump, and nothing is swept up until that is
/// confirmed. Saying it again makes them jump again.
#[utoipa::path(post, path = "/api/v1/standing/raise", tag = "system",
    responses((status = 200, body = Standing)))]
pub(super) async fn raise(State(gateway): State<Gateway>) -> Result<Json<Standing>, Refusal> {
    let standing = gateway.ports.mailboxes.raise_epoch(Cause::Declared).await?;
    tracing::info!(
        epoch = standing.epoch,
        "the operator says that an older copy is in use"
    );
    Ok(Json(standing.into()))
}

/// Say that what was lost is seen to
///
/// A loss that came after the epoch that is named stays unconfirmed.
#[utoipa::path(post, path = "/api/v1/standing/confirm", tag = "system",
    request_body = Confirmation, responses((status = 200, body = Standing)))]
pub(super) async fn confirm(
    State(gateway): State<Gateway>,
    FromBody(confirmation): FromBody<Confirmation>,
) -> Result<Json<Standing>, Refusal> {
    let mailboxes = &gateway.ports.mailboxes;
    let standing = mailboxes.confirm_epoch(confirmation.epoch).await?;
    tracing::info!(
        epoch = standing.confirmed,
        "the operator confirms the store's epoch"
    );
    Ok(Json(standing.into()))
}

/// List messages whose content is there but which ledger and mailboxes do not know
///
/// The list comes as lines of JSON: messages, and a summary as the last line. A list
/// without a last line was broken off.
#[utoipa::path(get, path = "/api/v1/lost", tag = "system", params(Overlooked),
    responses((status = 200, content_type = "application/x-ndjson", body = LostLine),
        (status = 429, body = Problem)))]
pub(super) async fn lost(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<Overlooked>,
) -> Result<Response, Refusal> {
    let grace = query.grace(USUAL_GRACE);
    report(&gateway, |ports, lines| list(ports, grace, lines))
}

/// Accept a lost message again: it is routed and delivered
#[utoipa::path(post, path = "/api/v1/lost/{content}", tag = "system",
    params(("content" = String, Path)), request_body = Recovery,
    responses((status = 200, body = Recovered), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn recover(
    State(gateway): State<Gateway>,
    FromPath(content): FromPath<ContentId>,
    FromBody(recovery): FromBody<Recovery>,
) -> Result<Json<Recovered>, Refusal> {
    gateway.recover(content, &recovery).await.map(Json)
}
