//! `/queue`: the open part of the ledger, and an operator's interventions.

pub(super) mod explanation;
pub(super) mod intervention;
pub(super) mod load;
pub(super) mod sweep;

use axum::Json;
use axum::extract::State;
use message::{JobKey, MessageId};
use serde::{Deserialize, Deserializer};
use store::ledger::{History, JobRecord, JobState};

use crate::api::{Destination, Page, PageQuery, Problem, QueueItem, QueueQuery, Selection};
use crate::extract::{FromPath, FromQuery, page_after, page_limit};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// List open messages in the order of acceptance
///
/// A page may have fewer items than asked for and yet have a `next`: looking for
/// what fits is bounded, and goes on from there.
#[utoipa::path(get, path = "/api/v1/queue", tag = "queue", params(QueueQuery),
    responses((status = 200, body = Page<QueueItem>)))]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<QueueQuery>,
) -> Result<Json<Page<QueueItem>>, Refusal> {
    let (after, limit) = (query.after, page_limit(query.limit)?);
    let filter = Selection::from(query).filter(gateway.ports.clock.now());
    let (items, next) = gateway.ports.ledger.queue(&filter, after, limit).await?;
    let items = items.into_iter().map(QueueItem::from).collect();
    Ok(Json(Page {
        items,
        next: next.map(|next| next.to_string()),
    }))
}

/// Show an open message
#[utoipa::path(get, path = "/api/v1/queue/{id}", tag = "queue",
    params(("id" = String, Path, description = "A message id")),
    responses((status = 200, body = QueueItem), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<QueueItem>, Refusal> {
    let history = history_of(&gateway, target.message()).await?;
    if history.closed_at.is_some() {
        let detail = format_args!("message {} is settled; trace it instead", target.message());
        return Err(Refusal::conflict(detail));
    }
    Ok(Json(item_of(history)))
}

/// List destinations in trouble
#[utoipa::path(get, path = "/api/v1/destinations", tag = "queue", params(PageQuery),
    responses((status = 200, body = Page<Destination>)))]
pub(crate) async fn destinations(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<PageQuery>,
) -> Result<Json<Page<Destination>>, Refusal> {
    let (after, limit) = (page_after(&query)?, page_limit(query.limit)?);
    let states = gateway.ports.ledger.troubled(after.as_ref(), limit).await?;
    let more = states.len() == limit;
    let next = states
        .last()
        .filter(|_| more)
        .map(|last| last.destination.to_string());
    Ok(Json(Page {
        items: states.into_iter().map(Destination::from).collect(),
        next,
    }))
}

/// What an intervention is for: a message with all its open jobs, or one job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    Message(MessageId),
    Job(JobKey),
}

impl Target {
    fn message(self) -> MessageId {
        match self {
            Self::Message(message) => message,
            Self::Job(key) => key.message,
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parsed = if text.contains('.') {
            text.parse()
                .map(Self::Job)
                .map_err(|error| error.to_string())
        } else {
            text.parse()
                .map(Self::Message)
                .map_err(|error: message::id::IdError| error.to_string())
        };
        parsed.map_err(serde::de::Error::custom)
    }
}

async fn history_of(gateway: &Gateway, message: MessageId) -> Result<History, Refusal> {
    let history = gateway.ports.ledger.history(message).await?;
    history.ok_or_else(|| Refusal::unknown(message))
}

/// The jobs of a message that are not settled.
fn open_jobs(history: &History) -> impl Iterator<Item = &JobRecord> {
    let open = |job: &&JobRecord| job.state != JobState::Settled;
    history.chores.iter().chain(&history.jobs).filter(open)
}

fn item_of(history: History) -> QueueItem {
    let jobs: Vec<_> = open_jobs(&history).take(100).cloned().collect();
    store::ledger::QueueItem {
        routed: history.route.is_some(),
        notice_owed: history.route.is_some() && jobs.is_empty(),
        entry: history.entry,
        jobs,
    }
    .into()
}
