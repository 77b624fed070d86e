//! Interventions in all jobs of the queue that fit, page by page: the client goes
//! on until there is no next page, so no request grows with the queue.

use axum::Json;
use axum::extract::State;
use futures_util::{StreamExt, TryStreamExt, stream};
use message::{JobKey, MessageId};
use store::ledger::{Intervention, QueueFilter, QueueItem};

use super::intervention::{intervention, is_meant};
use super::{history_of, open_jobs};
use crate::api::{Problem, SweepingIntervention, Swept};
use crate::extract::FromBody;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Messages that one request intervenes in.
const MESSAGES: usize = 500;
/// Interventions at a time, which share the store's fsyncs.
const AT_ONCE: usize = 64;
/// From so many jobs on, an item may not show them all.
const CROWDED: usize = 100;

/// Intervene in all jobs that fit
///
/// A job is intervened in as a whole, whatever recipients it has beside the one
/// that fits. The answer is for a part of the queue; pass its `next` as `after`
/// to go on.
#[utoipa::path(post, path = "/api/v1/queue/interventions", tag = "queue",
    request_body = SweepingIntervention,
    responses((status = 200, body = Swept), (status = 400, body = Problem)))]
pub(crate) async fn sweep(
    State(gateway): State<Gateway>,
    FromBody(order): FromBody<SweepingIntervention>,
) -> Result<Json<Swept>, Refusal> {
    if order.selection.is_everything() {
        return Err(Refusal::invalid(
            "nothing is selected; to mean the whole queue, select older_than 0s",
        ));
    }
    let done = order.action.participle();
    let filter = order.selection.filter(gateway.ports.clock.now());
    let intervention = intervention(&gateway, order.action)?;
    let ledger = &gateway.ports.ledger;
    let (items, next) = ledger.queue(&filter, order.after, MESSAGES).await?;
    let swept = stream::iter(items)
        .map(|item| sweep_message(&gateway, &filter, &intervention, item))
        .buffer_unordered(AT_ONCE)
        .try_fold(Swept::default(), async |sum, one| {
            Ok(Swept {
                messages: sum.messages + one.messages,
                done: sum.done + one.done,
                unchanged: sum.unchanged + one.unchanged,
                next: None,
            })
        })
        .await?;
    tracing::info!(
        messages = swept.messages,
        jobs = swept.done,
        "{done} by the operator"
    );
    Ok(Json(Swept { next, ..swept }))
}

/// Intervenes in the jobs of a message that fit.
async fn sweep_message(
    gateway: &Gateway,
    filter: &QueueFilter,
    intervention: &Intervention,
    item: QueueItem,
) -> Result<Swept, Refusal> {
    let message = item.entry.acceptance.message;
    let mut swept = Swept::default();
    let mut changed = Vec::new();
    for key in fitting(gateway, filter, intervention, item).await? {
        let ledger = &gateway.ports.ledger;
        if ledger.intervene(key, intervention.clone()).await? {
            swept.done += 1;
            changed.push(key);
        } else {
            swept.unchanged += 1;
        }
    }
    swept.messages = u64::from(swept.done + swept.unchanged > 0);
    gateway.forward(message, changed).await;
    Ok(swept)
}

async fn fitting(
    gateway: &Gateway,
    filter: &QueueFilter,
    intervention: &Intervention,
    item: QueueItem,
) -> Result<Vec<JobKey>, Refusal> {
    let mut jobs = item.jobs;
    if jobs.len() >= CROWDED {
        let message: MessageId = item.entry.acceptance.message;
        let history = history_of(gateway, message).await?;
        let fits = open_jobs(&history).filter(|job| filter.fits_job(&item.entry, job));
        jobs = fits.cloned().collect();
    }
    let meant = jobs
        .iter()
        .filter(|job| is_meant(job.key, &job.destination, intervention));
    Ok(meant.map(|job| job.key).collect())
}
