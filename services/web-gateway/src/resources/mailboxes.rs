//! `/accounts/{address}/mailboxes` and the messages in them.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use message::Address;
use serde::Deserialize;
use store::directory::Account;
use store::mailbox::{MailboxEntry, MailboxInfo, MailboxName};

use super::accounts::existing;
use crate::api::{Mailbox, Message, MessageSummary, Page, PageQuery, Problem};
use crate::extract::{FromPath, FromQuery, page_after, page_limit};
use crate::gateway::Gateway;
use crate::octets;
use crate::refusal::Refusal;
use crate::summary;

/// List the mailboxes of an account
#[utoipa::path(get, path = "/api/v1/accounts/{address}/mailboxes", tag = "mailboxes",
    params(("address" = String, Path)),
    responses((status = 200, body = Page<Mailbox>), (status = 404, body = Problem)))]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    FromPath(address): FromPath<Address>,
) -> Result<Json<Page<Mailbox>>, Refusal> {
    let account = existing(&gateway, &address).await?;
    let mailboxes = gateway.ports.mailboxes.mailboxes(account.id).await?;
    let items = mailboxes.into_iter().map(Mailbox::from).collect();
    Ok(Json(Page { items, next: None }))
}

/// The path of a mailbox.
#[derive(Deserialize)]
pub(super) struct MailboxPath {
    address: Address,
    mailbox: MailboxName,
}

/// The path of a message.
#[derive(Deserialize)]
pub(super) struct MessagePath {
    address: Address,
    mailbox: MailboxName,
    uid: u32,
}

/// List the messages of a mailbox, by UID
#[utoipa::path(get, path = "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages",
    tag = "mailboxes", params(("address" = String, Path), ("mailbox" = String, Path), PageQuery),
    responses((status = 200, body = Page<MessageSummary>), (status = 404, body = Problem)))]
pub(super) async fn messages(
    State(gateway): State<Gateway>,
    FromPath(path): FromPath<MailboxPath>,
    FromQuery(query): FromQuery<PageQuery>,
) -> Result<Json<Page<MessageSummary>>, Refusal> {
    let (after, limit) = (page_after(&query)?.unwrap_or(0), page_limit(query.limit)?);
    let account = existing(&gateway, &path.address).await?;
    let store = &gateway.ports.mailboxes;
    let mailbox = mailbox(&gateway, &account, &path.mailbox).await?;
    let entries = store.entries(account.id, mailbox.id, after, limit).await?;
    let more = entries.len() == limit;
    let next = entries
        .last()
        .filter(|_| more)
        .map(|last| last.uid.to_string());
    let mut items = Vec::with_capacity(entries.len());
    for entry in &entries {
        items.push(summary::summarize(gateway.ports.content.as_ref(), entry).await);
    }
    Ok(Json(Page { items, next }))
}

/// Show a message with its header
#[utoipa::path(get, path = "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages/{uid}",
    tag = "mailboxes",
    params(("address" = String, Path), ("mailbox" = String, Path), ("uid" = u32, Path)),
    responses((status = 200, body = Message), (status = 404, body = Problem)))]
pub(super) async fn message(
    State(gateway): State<Gateway>,
    FromPath(path): FromPath<MessagePath>,
) -> Result<Json<Message>, Refusal> {
    let entry = entry_at(&gateway, path).await?;
    Ok(Json(
        summary::describe(gateway.ports.content.as_ref(), &entry).await?,
    ))
}

/// The octets of a message, as a mail client would get them
#[utoipa::path(get, path = "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages/{uid}/raw",
    tag = "mailboxes",
    params(("address" = String, Path), ("mailbox" = String, Path), ("uid" = u32, Path)),
    responses((status = 200, content_type = "message/rfc822", body = Vec<u8>),
        (status = 404, body = Problem)))]
pub(super) async fn raw(
    State(gateway): State<Gateway>,
    FromPath(path): FromPath<MessagePath>,
) -> Result<Response, Refusal> {
    let entry = entry_at(&gateway, path).await?;
    let reader = gateway.ports.content.open(&entry.content).await?;
    let headers = [
        (header::CONTENT_TYPE, "message/rfc822".to_owned()),
        (
            header::CONTENT_LENGTH,
            octets::length(&entry, reader.as_ref()).to_string(),
        ),
    ];
    let body = Body::from_stream(octets::stream(&entry, reader));
    Ok((headers, body).into_response())
}

/// The mailbox of that name, or the refusal that it is not there.
pub(super) async fn mailbox(
    gateway: &Gateway,
    account: &Account,
    name: &MailboxName,
) -> Result<MailboxInfo, Refusal> {
    let found = gateway.ports.mailboxes.find(account.id, name).await?;
    found.ok_or_else(|| Refusal::missing(format_args!("mailbox {name}")))
}

async fn entry_at(gateway: &Gateway, path: MessagePath) -> Result<MailboxEntry, Refusal> {
    let account = existing(gateway, &path.address).await?;
    let mailbox = mailbox(gateway, &account, &path.mailbox).await?;
    let entry = gateway
        .ports
        .mailboxes
        .entry(account.id, mailbox.id, path.uid)
        .await?;
    entry.ok_or_else(|| {
        Refusal::missing(format_args!(
            "message {} in mailbox {}",
            path.uid, path.mailbox
        ))
    })
}
