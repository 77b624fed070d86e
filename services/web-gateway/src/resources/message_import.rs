//! Messages that an operator brings along from another system, into a mailbox.
//!
//! The content is referred to before it is shown (as with IMAP's APPEND), and the
//! id that the client drew for it makes a repeated request harmless.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use content::{Trailer, Writer};
use futures_util::StreamExt;
use message::{Address, ContentId, MessageId, Timestamp};
use serde::Deserialize;
use store::directory::Account;
use store::ledger::{Holder, Referred};
use store::mailbox::{Appended, Created, Flag, MailboxName, NewEntry};
use utoipa::IntoParams;

use super::accounts::existing;
use crate::api::{ImportedMessage, NewMailbox, Problem, parse_flag};
use crate::extract::{FromBody, FromPath, FromQuery};
use crate::gateway::Gateway;
use crate::line_ends::LineEnds;
use crate::refusal::Refusal;

/// The largest message, in octets.
const LARGEST: u64 = 128 * 1024 * 1024;

/// The path of a mailbox.
#[derive(Deserialize)]
pub(super) struct MailboxPath {
    address: Address,
    mailbox: MailboxName,
}

/// What is known of a message beside its octets.
#[derive(Deserialize, IntoParams)]
pub(super) struct Particulars {
    /// An id drawn for it: a message of that id comes once.
    #[param(value_type = String)]
    id: MessageId,
    /// When it was received; now where absent.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    received: Option<Timestamp>,
    /// Its flags, parted by commas, such as `\Seen,$Forwarded`.
    #[serde(default)]
    flags: String,
}

/// Make a mailbox, and those above it
#[utoipa::path(post, path = "/api/v1/accounts/{address}/mailboxes", tag = "mailboxes",
    params(("address" = String, Path)), request_body = NewMailbox,
    responses((status = 201), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn make(
    State(gateway): State<Gateway>,
    FromPath(address): FromPath<Address>,
    FromBody(new): FromBody<NewMailbox>,
) -> Result<StatusCode, Refusal> {
    let account = existing(&gateway, &address).await?;
    let mailboxes = &gateway.ports.mailboxes;
    match mailboxes.create(account.id, &new.name, None).await? {
        Created::Created(_) => Ok(StatusCode::CREATED),
        Created::Exists => Err(Refusal::exists(format_args!("mailbox {}", new.name))),
        Created::TooMany => Err(Refusal::conflict("the account has too many mailboxes")),
        // No role was asked for.
        Created::NoSuchAccount | Created::RoleTaken => {
            Err(Refusal::missing(format_args!("account {address}")))
        }
    }
}

/// Put a message into a mailbox, as octets
#[utoipa::path(post, path = "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages",
    tag = "mailboxes",
    params(("address" = String, Path), ("mailbox" = String, Path), Particulars),
    request_body(content = Vec<u8>, content_type = "message/rfc822"),
    responses((status = 201, body = ImportedMessage), (status = 200, body = ImportedMessage),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn put(
    State(gateway): State<Gateway>,
    FromPath(path): FromPath<MailboxPath>,
    FromQuery(particulars): FromQuery<Particulars>,
    body: Body,
) -> Result<(StatusCode, Json<ImportedMessage>), Refusal> {
    let account = existing(&gateway, &path.address).await?;
    super::mailboxes::mailbox(&gateway, &account, &path.mailbox).await?;
    let flags = flags(&particulars.flags)?;
    let (content, size) = keep(&gateway, particulars.id, body).await?;
    let entry = NewEntry {
        delivery: Some(particulars.id),
        content,
        prefix: String::new(),
        size,
        internal_date: particulars
            .received
            .unwrap_or_else(|| gateway.ports.clock.now()),
        flags,
    };
    show(&gateway, &account, &path.mailbox, entry).await
}

/// Writes the octets, with CRLF at the end of each line.
async fn keep(
    gateway: &Gateway,
    message: MessageId,
    body: Body,
) -> Result<(ContentId, u64), Refusal> {
    let mut writer = gateway.ports.content.create().await?;
    let size = pass_on(writer.as_mut(), body).await?;
    let trailer = Trailer {
        message,
        prefix: bytes::Bytes::new(),
        envelope: None,
    };
    let stored = writer.finish(trailer).await?;
    debug_assert_eq!(stored.octets, size);
    Ok((stored.id, size))
}

async fn pass_on(writer: &mut dyn Writer, body: Body) -> Result<u64, Refusal> {
    let mut line_ends = LineEnds::default();
    let mut size = 0;
    let mut pieces = body.into_data_stream();
    let mut out = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refusal::invalid("the message broke off"))?;
        line_ends.push(&piece, &mut out);
        size += out.len() as u64;
        if size > LARGEST {
            return Err(Refusal::too_large("a message is at most 128 MiB"));
        }
        writer.write(&out).await?;
        out.clear();
    }
    line_ends.finish(&mut out);
    writer.write(&out).await?;
    Ok(size + out.len() as u64)
}

/// Refers to the content, and shows it in the mailbox.
async fn show(
    gateway: &Gateway,
    account: &Account,
    mailbox: &MailboxName,
    entry: NewEntry,
) -> Result<(StatusCode, Json<ImportedMessage>), Refusal> {
    let holder = Holder::Account(account.id);
    let content = entry.content.clone();
    match gateway.ports.ledger.refer(&content, holder).await? {
        Referred::Held => {}
        Referred::Condemned => {
            return Err(Refusal::unavailable(
                "the message came too late; send it again",
            ));
        }
    }
    let mailboxes = &gateway.ports.mailboxes;
    let appended = mailboxes.append(account.id, mailbox, entry, account.quota);
    let appended = appended.await?;
    if !matches!(appended, Appended::Stored { .. }) {
        gateway.ports.ledger.release(&content, holder).await?;
    }
    match appended {
        Appended::Stored { uid, .. } => {
            let uid = Some(uid);
            Ok((StatusCode::CREATED, Json(ImportedMessage { uid })))
        }
        Appended::AlreadyDelivered => Ok((StatusCode::OK, Json(ImportedMessage { uid: None }))),
        Appended::OverQuota => Err(Refusal::conflict("the account's quota does not allow it")),
        Appended::NoSuchMailbox => Err(Refusal::missing(format_args!("mailbox {mailbox}"))),
    }
}

fn flags(text: &str) -> Result<Vec<Flag>, Refusal> {
    let names = text.split(',').filter(|name| !name.is_empty());
    let flags = names.map(|name| {
        parse_flag(name).ok_or_else(|| Refusal::invalid(format_args!("{name:?} is no flag")))
    });
    let flags: Vec<_> = flags.collect::<Result<_, _>>()?;
    store::mailbox::sorted(flags).ok_or_else(|| Refusal::invalid("too many keywords"))
}
