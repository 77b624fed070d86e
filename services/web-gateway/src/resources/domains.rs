//! `/domains`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use store::directory::DomainRecord;

use crate::api::{DnsRecord, Domain, DomainChange, Page, PageQuery, Problem};
use crate::autoconfig::dns;
use crate::extract::{FromBody, FromPath, FromQuery, page_after, page_limit};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// List domains
#[utoipa::path(get, path = "/api/v1/domains", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<Domain>)))]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<PageQuery>,
) -> Result<Json<Page<Domain>>, Refusal> {
    let (after, limit) = (page_after(&query)?, page_limit(query.limit)?);
    let records = gateway
        .ports
        .directory
        .domains(after.as_ref(), limit)
        .await?;
    let more = records.len() == limit;
    let next = records
        .last()
        .filter(|_| more)
        .map(|last| last.name.to_string());
    Ok(Json(Page {
        items: records.into_iter().map(Domain::from).collect(),
        next,
    }))
}

/// Add a domain, with who reads its postmaster's mail
#[utoipa::path(post, path = "/api/v1/domains", tag = "directory", request_body = Domain,
    responses((status = 201, body = Domain), (status = 409, body = Problem)))]
pub(super) async fn add(
    State(gateway): State<Gateway>,
    FromBody(domain): FromBody<Domain>,
) -> Result<(StatusCode, Json<Domain>), Refusal> {
    let record = DomainRecord::from(domain.clone());
    gateway.ports.directory.add_domain(record).await?;
    tracing::info!(domain = %domain.name, "domain added");
    Ok((StatusCode::CREATED, Json(domain)))
}

/// Show a domain
#[utoipa::path(get, path = "/api/v1/domains/{domain}", tag = "directory",
    params(("domain" = String, Path)),
    responses((status = 200, body = Domain), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    FromPath(name): FromPath<message::Domain>,
) -> Result<Json<Domain>, Refusal> {
    let record = gateway.ports.directory.domain(&name).await?;
    record
        .map(|record| Json(record.into()))
        .ok_or_else(|| Refusal::missing(name))
}

/// Change postmaster and catch-all of a domain
#[utoipa::path(put, path = "/api/v1/domains/{domain}", tag = "directory",
    params(("domain" = String, Path)), request_body = DomainChange,
    responses((status = 200, body = Domain), (status = 404, body = Problem)))]
pub(super) async fn change(
    State(gateway): State<Gateway>,
    FromPath(name): FromPath<message::Domain>,
    FromBody(change): FromBody<DomainChange>,
) -> Result<Json<Domain>, Refusal> {
    let DomainChange {
        postmaster,
        catch_all,
    } = change;
    let domain = Domain {
        name,
        postmaster,
        catch_all,
    };
    let record = DomainRecord::from(domain.clone());
    gateway.ports.directory.update_domain(record).await?;
    tracing::info!(domain = %domain.name, "domain changed");
    Ok(Json(domain))
}

/// List what DNS should say of a domain
#[utoipa::path(get, path = "/api/v1/domains/{domain}/dns-records", tag = "directory",
    params(("domain" = String, Path)),
    responses((status = 200, body = Page<DnsRecord>), (status = 404, body = Problem)))]
pub(super) async fn dns_records(
    State(gateway): State<Gateway>,
    FromPath(name): FromPath<message::Domain>,
) -> Result<Json<Page<DnsRecord>>, Refusal> {
    if gateway.ports.directory.domain(&name).await?.is_none() {
        return Err(Refusal::missing(name));
    }
    let items = dns::records(&name, &gateway.hostname, &gateway.offers);
    Ok(Json(Page { items, next: None }))
}

/// Remove a domain that has neither accounts nor aliases
#[utoipa::path(delete, path = "/api/v1/domains/{domain}", tag = "directory",
    params(("domain" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn remove(
    State(gateway): State<Gateway>,
    FromPath(name): FromPath<message::Domain>,
) -> Result<StatusCode, Refusal> {
    gateway.ports.directory.remove_domain(&name).await?;
    tracing::info!(domain = %name, "domain removed");
    Ok(StatusCode::NO_CONTENT)
}
