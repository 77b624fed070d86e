//! `/queue`: the open part of the ledger, and an operator's interventions.

use axum::Json;
use axum::extract::State;
use message::{Diagnostic, EnhancedStatus, JobKey, MessageId, Outcome, Part, Verdict};
use serde::{Deserialize, Deserializer};
use store::ledger::{History, Intervention, JobState, QueueFilter};

use crate::api::{
    Destination, Intervened, InterventionReason, JobIntervened, Page, PageQuery, Problem,
    QueueItem, QueueQuery,
};
use crate::extract::{FromBody, FromPath, FromQuery, page_after, page_limit};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// List open messages in the order of acceptance
///
/// A page may have fewer items than asked for and yet have a `next`: looking for
/// what fits is bounded, and goes on from there.
#[utoipa::path(get, path = "/api/v1/queue", tag = "queue", params(QueueQuery),
    responses((status = 200, body = Page<QueueItem>)))]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<QueueQuery>,
) -> Result<Json<Page<QueueItem>>, Refusal> {
    let limit = page_limit(query.limit)?;
    let QueueQuery {
        sender,
        recipient,
        destination,
        after,
        limit: _,
    } = query;
    let filter = QueueFilter {
        sender,
        recipient,
        destination,
    };
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
pub(super) async fn show(
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

/// Try now what is deferred, waiting or dead
#[utoipa::path(post, path = "/api/v1/queue/{id}/retry", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn retry(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, "retried", Intervention::Retry).await
}

/// Stop what is pending, waiting or deferred until it is released
#[utoipa::path(post, path = "/api/v1/queue/{id}/hold", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn hold(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, "held", Intervention::Hold).await
}

/// Let go on what is held
#[utoipa::path(post, path = "/api/v1/queue/{id}/release", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn release(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, "released", Intervention::Release).await
}

/// Fail the open recipients; the sender is told
#[utoipa::path(post, path = "/api/v1/queue/{id}/bounce", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    request_body = InterventionReason,
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn bounce(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
    FromBody(reason): FromBody<InterventionReason>,
) -> Result<Json<Intervened>, Refusal> {
    let outcome = by_operator(
        &gateway,
        Verdict::Failed,
        "returned by the operator",
        reason,
    )?;
    intervene(&gateway, target, "bounced", Intervention::Bounce(outcome)).await
}

/// Settle the open recipients as deleted; nobody is told
#[utoipa::path(delete, path = "/api/v1/queue/{id}", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key"), InterventionReason),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
    FromQuery(reason): FromQuery<InterventionReason>,
) -> Result<Json<Intervened>, Refusal> {
    let outcome = by_operator(
        &gateway,
        Verdict::Deleted,
        "deleted by the operator",
        reason,
    )?;
    intervene(&gateway, target, "deleted", Intervention::Delete(outcome)).await
}

/// List destinations in trouble
#[utoipa::path(get, path = "/api/v1/destinations", tag = "queue", params(PageQuery),
    responses((status = 200, body = Page<Destination>)))]
pub(super) async fn destinations(
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
pub(super) enum Target {
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

/// Intervenes in every job the target means. A conflict if none allowed it.
async fn intervene(
    gateway: &Gateway,
    target: Target,
    done: &str,
    intervention: Intervention,
) -> Result<Json<Intervened>, Refusal> {
    let history = history_of(gateway, target.message()).await?;
    let mut jobs = Vec::new();
    for key in keys_of(&history, target)? {
        let done = gateway
            .ports
            .ledger
            .intervene(key, intervention.clone())
            .await?;
        jobs.push(JobIntervened { key, done });
    }
    if !jobs.iter().any(|job| job.done) {
        return Err(Refusal::conflict(why_not(&history, target, done)));
    }
    tracing::info!(message = %target.message(), jobs = jobs.len(), "{done} by the operator");
    Ok(Json(Intervened { jobs }))
}

fn keys_of(history: &History, target: Target) -> Result<Vec<JobKey>, Refusal> {
    match target {
        Target::Job(key) => {
            let known = key.part == Part::Route || history.jobs.iter().any(|job| job.key == key);
            known
                .then(|| vec![key])
                .ok_or_else(|| Refusal::missing(format_args!("job {key}")))
        }
        Target::Message(message) if history.route.is_none() => Ok(vec![JobKey::route(message)]),
        Target::Message(_) => {
            let open = history
                .jobs
                .iter()
                .filter(|job| job.state != JobState::Settled);
            Ok(open.map(|job| job.key).collect())
        }
    }
}

fn why_not(history: &History, target: Target, done: &str) -> String {
    if history.closed_at.is_some() {
        return format!(
            "message {} is settled: nothing is left to be {done}",
            target.message()
        );
    }
    let states: Vec<_> = history
        .jobs
        .iter()
        .filter(|job| matches!(target, Target::Message(_)) || target == Target::Job(job.key))
        .map(|job| format!("{} is {}", job.key, state_name(job.state)))
        .take(10)
        .collect();
    match states.as_slice() {
        [] => format!("it cannot be {done} in its present state"),
        _ => format!(
            "it cannot be {done} in its present state: {}",
            states.join(", ")
        ),
    }
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Pending => "pending",
        JobState::Working { .. } => "being worked on",
        JobState::Waiting => "waiting",
        JobState::Deferred { .. } => "deferred",
        JobState::Held => "held",
        JobState::Dead => "dead",
        JobState::Settled => "settled",
    }
}

fn by_operator(
    gateway: &Gateway,
    verdict: Verdict,
    what: &str,
    reason: InterventionReason,
) -> Result<Outcome, Refusal> {
    let text = match reason.reason {
        Some(reason) if reason.len() > 500 => {
            return Err(Refusal::invalid("a reason has at most 500 octets"));
        }
        Some(reason) if !reason.trim().is_empty() => format!("{what}: {}", reason.trim()),
        Some(_) | None => what.to_owned(),
    };
    Ok(Outcome {
        verdict,
        status: EnhancedStatus::new(5, 0, 0),
        diagnostic: Diagnostic::ours(text),
        at: gateway.ports.clock.now(),
    })
}

async fn history_of(gateway: &Gateway, message: MessageId) -> Result<History, Refusal> {
    let history = gateway.ports.ledger.history(message).await?;
    history.ok_or_else(|| Refusal::unknown(message))
}

fn item_of(history: History) -> QueueItem {
    let open = |job: &store::ledger::JobRecord| job.state != JobState::Settled;
    let jobs: Vec<_> = history.jobs.into_iter().filter(open).take(100).collect();
    store::ledger::QueueItem {
        routed: history.route.is_some(),
        notice_owed: history.route.is_some() && jobs.is_empty(),
        entry: history.entry,
        jobs,
    }
    .into()
}
