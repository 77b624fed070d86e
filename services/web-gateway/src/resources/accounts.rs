//! `/accounts`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use message::{AccountId, Address};
use store::directory::Account as AccountRecord;
use store::mailbox::Quota;

use crate::api::{
    Account, AccountName, NewAccount, Page, PageQuery, PasswordChange, Problem, QuotaChange,
};
use crate::extract::{FromBody, FromPath, FromQuery, page_after, page_limit};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// List accounts with what they hold
#[utoipa::path(get, path = "/api/v1/accounts", tag = "directory", params(PageQuery),
    responses((status = 200, body = Page<Account>)))]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<PageQuery>,
) -> Result<Json<Page<Account>>, Refusal> {
    let (after, limit) = (page_after(&query)?, page_limit(query.limit)?);
    let records = gateway
        .ports
        .directory
        .accounts(after.as_ref(), limit)
        .await?;
    let more = records.len() == limit;
    let next = records
        .last()
        .filter(|_| more)
        .map(|last| last.address.to_string());
    let mut items = Vec::with_capacity(records.len());
    for record in records {
        items.push(with_usage(&gateway, record).await?);
    }
    Ok(Json(Page { items, next }))
}

/// Create an account
#[utoipa::path(post, path = "/api/v1/accounts", tag = "directory", request_body = NewAccount,
    responses((status = 201, body = Account), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn add(
    State(gateway): State<Gateway>,
    FromBody(new): FromBody<NewAccount>,
) -> Result<(StatusCode, Json<Account>), Refusal> {
    let record = AccountRecord {
        id: AccountId::draw(gateway.ports.random.as_ref()),
        address: new.address.folded(),
        password: gateway.hasher.hash(new.password).await?,
        quota: Quota {
            octets: new.quota,
            messages: new.message_quota,
        },
    };
    gateway.ports.directory.add_account(record.clone()).await?;
    tracing::info!(account = %record.id, "account added");
    Ok((
        StatusCode::CREATED,
        Json(with_usage(&gateway, record).await?),
    ))
}

/// Show an account
#[utoipa::path(get, path = "/api/v1/accounts/{address}", tag = "directory",
    params(("address" = String, Path)),
    responses((status = 200, body = Account), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(gateway): State<Gateway>,
    FromPath(address): FromPath<Address>,
) -> Result<Json<Account>, Refusal> {
    let record = existing(&gateway, &address).await?;
    Ok(Json(with_usage(&gateway, record).await?))
}

/// Remove an account with all its mail
///
/// By its id, this also ends a removal that was broken off.
#[utoipa::path(delete, path = "/api/v1/accounts/{address}", tag = "directory",
    params(("address" = String, Path, description = "its address, or its id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(gateway): State<Gateway>,
    FromPath(name): FromPath<AccountName>,
) -> Result<StatusCode, Refusal> {
    let directory = &gateway.ports.directory;
    // The directory first: nothing more is delivered, and nobody logs in. What a
    // crash leaves between the two steps the integrity check finds, and tells the
    // id by which the removal is repeated.
    let id = match name {
        AccountName::Address(address) => directory.remove_account(&address).await?.id,
        AccountName::Id(id) => {
            if let Some(account) = directory.account(id).await? {
                directory.remove_account(&account.address).await?;
            }
            id
        }
    };
    gateway.ports.mailboxes.remove_account(id).await?;
    tracing::info!(account = %id, "account removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Set an account's password
#[utoipa::path(put, path = "/api/v1/accounts/{address}/password", tag = "directory",
    params(("address" = String, Path)), request_body = PasswordChange,
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn set_password(
    State(gateway): State<Gateway>,
    FromPath(address): FromPath<Address>,
    FromBody(change): FromBody<PasswordChange>,
) -> Result<StatusCode, Refusal> {
    let hash = gateway.hasher.hash(change.password).await?;
    gateway.ports.directory.set_password(&address, hash).await?;
    tracing::info!("password changed");
    Ok(StatusCode::NO_CONTENT)
}

/// Set an account's quota
#[utoipa::path(put, path = "/api/v1/accounts/{address}/quota", tag = "directory",
    params(("address" = String, Path)), request_body = QuotaChange,
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn set_quota(
    State(gateway): State<Gateway>,
    FromPath(address): FromPath<Address>,
    FromBody(change): FromBody<QuotaChange>,
) -> Result<StatusCode, Refusal> {
    let quota = Quota {
        octets: change.quota,
        messages: change.message_quota,
    };
    gateway.ports.directory.set_quota(&address, quota).await?;
    tracing::info!(
        octets = quota.octets,
        messages = quota.messages,
        "quota changed"
    );
    Ok(StatusCode::NO_CONTENT)
}

/// The account with exactly that address.
pub(super) async fn existing(
    gateway: &Gateway,
    address: &Address,
) -> Result<AccountRecord, Refusal> {
    let record = gateway.ports.directory.account_at(address).await?;
    record.ok_or_else(|| Refusal::missing(format_args!("account {address}")))
}

async fn with_usage(gateway: &Gateway, record: AccountRecord) -> Result<Account, Refusal> {
    let usage = gateway.ports.mailboxes.usage(record.id).await?;
    Ok(Account {
        address: record.address,
        id: record.id,
        quota: record.quota.octets,
        message_quota: record.quota.messages,
        octets: usage.octets,
        messages: usage.messages,
    })
}
