//! Why an open message waits.

use axum::Json;
use axum::extract::State;
use message::{Destination, JobKey, Part};
use store::ledger::{JobRecord, JobState};

use super::{Target, history_of, open_jobs};
use crate::api::{Explanation, JobExplanation, Problem, PublicationState};
use crate::extract::FromPath;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The most jobs that are explained.
const EXPLAINED: usize = 100;

/// Explain why a message waits, and until when
#[utoipa::path(get, path = "/api/v1/queue/{id}/why", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    responses((status = 200, body = Explanation), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn why(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<Explanation>, Refusal> {
    let message = target.message();
    let history = history_of(&gateway, message).await?;
    if history.closed_at.is_some() {
        let detail = format_args!("message {message} is settled: it waits for nothing");
        return Err(Refusal::conflict(detail));
    }
    let meant = |key: JobKey| matches!(target, Target::Message(_)) || target == Target::Job(key);
    let open = open_jobs(&history).filter(|job| job.key.part != Part::Notice);
    let mut open: Vec<JobRecord> = open.take(EXPLAINED).cloned().collect();
    open.extend(gateway.ports.ledger.job(JobKey::notice(message)).await?);
    let mut jobs = Vec::new();
    for job in open.into_iter().filter(|job| meant(job.key)) {
        jobs.push(explain(&gateway, job).await?);
    }
    Ok(Json(Explanation {
        message,
        accepted_at: history.entry.accepted_at,
        jobs,
    }))
}

async fn explain(gateway: &Gateway, job: JobRecord) -> Result<JobExplanation, Refusal> {
    let ledger = &gateway.ports.ledger;
    let trouble = match (job.key.part, &job.destination) {
        (Part::Route | Part::Notice, _) | (_, Destination::Local) => None,
        (Part::Work(_), remote) => ledger.destination(remote).await?,
    };
    let publication = match job.state {
        JobState::Pending => publication(gateway, job.key).await?,
        JobState::Working { .. }
        | JobState::Waiting
        | JobState::Deferred { .. }
        | JobState::Held
        | JobState::Dead
        | JobState::Settled => None,
    };
    Ok(JobExplanation {
        job: job.into(),
        trouble: trouble.map(crate::api::Destination::from),
        publication,
    })
}

async fn publication(gateway: &Gateway, key: JobKey) -> Result<Option<PublicationState>, Refusal> {
    let Some(next) = gateway.ports.ledger.publication(key).await? else {
        return Ok(None);
    };
    Ok(Some(PublicationState {
        topic: next.topic.to_string(),
        published: next.publication,
        next: next.due,
        depth: gateway.ports.bus.depth(next.topic).await.ok().flatten(),
    }))
}
