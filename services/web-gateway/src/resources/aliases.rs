//! `/aliases`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use message::Address;
use store::directory::Alias as AliasRecord;

use crate::api::{Alias, Page, PageQuery, Problem};
use crate::extract::{FromBody, FromPath, FromQuery, page_after, page_limit};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

const MOST_TARGETS: usize = 1000;

/// List aliases
#[utoipa::path(get, path = "/api/v1/aliases", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<Alias>)))]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<PageQuery>,
) -> Result<Json<Page<Alias>>, Refusal> {
    let (after, limit) = (page_after(&query)?, page_limit(query.limit)?);
    let records = gateway
        .ports
        .directory
        .aliases(after.as_ref(), limit)
        .await?;
    let more = records.len() == limit;
    let next = records
        .last()
        .filter(|_| more)
        .map(|last| last.address.to_string());
    Ok(Json(Page {
        items: records.into_iter().map(Alias::from).collect(),
        next,
    }))
}

/// Add an alias
#[utoipa::path(post, path = "/api/v1/aliases", tag = "directory", request_body = Alias,
    responses((status = 201, body = Alias), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn add(
    State(gateway): State<Gateway>,
    FromBody(alias): FromBody<Alias>,
) -> Result<(StatusCode, Json<Alias>), Refusal> {
    if !(1..=MOST_TARGETS).contains(&alias.targets.len()) {
        let detail = format_args!("an alias has 1 to {MOST_TARGETS} targets");
        return Err(Refusal::invalid(detail));
    }
    let alias = Alias {
        address: alias.address.folded(),
        ..alias
    };
    gateway
        .ports
        .directory
        .add_alias(AliasRecord::from(alias.clone()))
        .await?;
    tracing::info!(targets = alias.targets.len(), "alias added");
    Ok((StatusCode::CREATED, Json(alias)))
}

/// Show an alias
#[utoipa::path(get, path = "/api/v1/aliases/{address}", tag = "directory",
    params(("address" = String, Path)),
    responses((status = 200, body = Alias), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    FromPath(address): FromPath<Address>,
) -> Result<Json<Alias>, Refusal> {
    let record = gateway.ports.directory.alias(&address).await?;
    record
        .map(|record| Json(record.into()))
        .ok_or_else(|| Refusal::missing(address))
}

/// Remove an alias
#[utoipa::path(delete, path = "/api/v1/aliases/{address}", tag = "directory",
    params(("address" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(gateway): State<Gateway>,
    FromPath(address): FromPath<Address>,
) -> Result<StatusCode, Refusal> {
    gateway.ports.directory.remove_alias(&address).await?;
    tracing::info!("alias removed");
    Ok(StatusCode::NO_CONTENT)
}
