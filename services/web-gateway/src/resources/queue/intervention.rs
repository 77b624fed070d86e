//! Interventions in a message, with all its open jobs, or in one job.

use axum::Json;
use axum::extract::State;
use message::{Destination, Diagnostic, EnhancedStatus, JobKey, Outcome, Part, Verdict};
use store::ledger::{History, Intervention};

use super::{Target, history_of, open_jobs};
use crate::api::{
    Action, Intervened, InterventionReason, JobIntervened, Problem, Redirection, StateName,
};
use crate::extract::{FromBody, FromPath, FromQuery};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Try now what is deferred, waiting or dead
#[utoipa::path(post, path = "/api/v1/queue/{id}/retry", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn retry(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, Action::Retry).await
}

/// Stop what is pending, waiting or deferred until it is released
#[utoipa::path(post, path = "/api/v1/queue/{id}/hold", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn hold(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, Action::Hold).await
}

/// Let go on what is held
#[utoipa::path(post, path = "/api/v1/queue/{id}/release", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn release(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, Action::Release).await
}

/// Fail the open recipients; the sender is told
#[utoipa::path(post, path = "/api/v1/queue/{id}/bounce", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    request_body = InterventionReason,
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn bounce(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
    FromBody(reason): FromBody<InterventionReason>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, Action::Bounce(reason)).await
}

/// Settle the open recipients as deleted; nobody is told
#[utoipa::path(delete, path = "/api/v1/queue/{id}", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key"), InterventionReason),
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
    FromQuery(reason): FromQuery<InterventionReason>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, Action::Delete(reason)).await
}

/// Try now at another destination; not what is being worked on
#[utoipa::path(post, path = "/api/v1/queue/{id}/redirect", tag = "queue",
    params(("id" = String, Path, description = "A message id or a job key")),
    request_body = Redirection,
    responses((status = 200, body = Intervened), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn redirect(
    State(gateway): State<Gateway>,
    FromPath(target): FromPath<Target>,
    FromBody(redirection): FromBody<Redirection>,
) -> Result<Json<Intervened>, Refusal> {
    intervene(&gateway, target, Action::Redirect(redirection)).await
}

/// Intervenes in every job the target means. A conflict if none allowed it.
async fn intervene(
    gateway: &Gateway,
    target: Target,
    action: Action,
) -> Result<Json<Intervened>, Refusal> {
    let done = action.participle();
    let history = history_of(gateway, target.message()).await?;
    let intervention = intervention(gateway, action)?;
    let mut jobs = Vec::new();
    for key in keys_of(&history, target, &intervention)? {
        let intervention = intervention.clone();
        let done = gateway.ports.ledger.intervene(key, intervention).await?;
        jobs.push(JobIntervened { key, done });
    }
    if !jobs.iter().any(|job| job.done) {
        return Err(Refusal::conflict(why_not(&history, target, done)));
    }
    let changed = jobs.iter().filter(|job| job.done);
    let changed = changed.map(|job| job.key).collect();
    gateway.forward(target.message(), changed).await;
    tracing::info!(message_id = %target.message(), jobs = jobs.len(), "{done} by the operator");
    Ok(Json(Intervened { jobs }))
}

fn keys_of(
    history: &History,
    target: Target,
    intervention: &Intervention,
) -> Result<Vec<JobKey>, Refusal> {
    match target {
        Target::Job(key) => {
            let known = match key.part {
                Part::Route | Part::Notice => true,
                Part::Work(_) => history.jobs.iter().any(|job| job.key == key),
            };
            known
                .then(|| vec![key])
                .ok_or_else(|| Refusal::missing(format_args!("job {key}")))
        }
        Target::Message(_) => Ok(open_jobs(history)
            .filter(|job| is_meant(job.key, &job.destination, intervention))
            .map(|job| job.key)
            .collect()),
    }
}

/// Whether an intervention in many jobs is meant for this one, too: only what
/// goes elsewhere can be redirected.
pub(super) fn is_meant(
    key: JobKey,
    destination: &Destination,
    intervention: &Intervention,
) -> bool {
    match intervention {
        Intervention::Redirect(_) => {
            matches!(key.part, Part::Work(_)) && *destination != Destination::Local
        }
        Intervention::Retry
        | Intervention::Hold
        | Intervention::Release
        | Intervention::Bounce(_)
        | Intervention::Delete(_) => true,
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
        .chores
        .iter()
        .chain(&history.jobs)
        .filter(|job| matches!(target, Target::Message(_)) || target == Target::Job(job.key))
        .map(|job| {
            let to = match (job.key.part, &job.destination) {
                (Part::Work(_), Destination::Local) => " here",
                (Part::Work(_) | Part::Route | Part::Notice, _) => "",
            };
            let state = match job.state.name().into() {
                StateName::Working => "being worked on",
                other => other.as_str(),
            };
            format!("{} is {state}{to}", job.key)
        })
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

/// An action as the ledger takes it.
pub(super) fn intervention(gateway: &Gateway, action: Action) -> Result<Intervention, Refusal> {
    Ok(match action {
        Action::Retry => Intervention::Retry,
        Action::Hold => Intervention::Hold,
        Action::Release => Intervention::Release,
        Action::Redirect(Redirection {
            to: Destination::Local,
        }) => {
            return Err(Refusal::invalid(
                "a job is redirected to a domain or to smarthost:HOST:PORT",
            ));
        }
        Action::Redirect(Redirection { to }) => Intervention::Redirect(to),
        Action::Bounce(reason) => Intervention::Bounce(by_operator(
            gateway,
            Verdict::Failed,
            "returned by the operator",
            reason,
        )?),
        Action::Delete(reason) => Intervention::Delete(by_operator(
            gateway,
            Verdict::Deleted,
            "deleted by the operator",
            reason,
        )?),
    })
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
