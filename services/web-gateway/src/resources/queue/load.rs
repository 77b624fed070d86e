//! How much is in the queue: counted anew each time, a bounded part a request.

use axum::Json;
use axum::extract::State;
use message::{Part, Timestamp};
use store::ledger::{JobRecord, JobState, QueueFilter};

use crate::api::{DestinationLoad, LastReply, Load, LoadQuery};
use crate::extract::FromQuery;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Messages that are read at a time,
const PAGE: usize = 1_000;
/// and how many times in one request.
const PAGES: usize = 10;

/// Count the queue by state and destination
///
/// The answer is for at most 10,000 messages; pass its `next` as `after` to go on,
/// and add the parts up.
#[utoipa::path(get, path = "/api/v1/queue/load", tag = "queue", params(LoadQuery),
    responses((status = 200, body = Load)))]
pub(crate) async fn load(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<LoadQuery>,
) -> Result<Json<Load>, Refusal> {
    let everything = QueueFilter::default();
    let mut load = Load {
        next: query.after,
        ..Load::default()
    };
    for _ in 0..PAGES {
        let ledger = &gateway.ports.ledger;
        let (items, next) = ledger.queue(&everything, load.next, PAGE).await?;
        for item in items {
            load.messages += 1;
            for job in &item.jobs {
                count(&mut load, job, item.entry.accepted_at);
            }
        }
        load.next = next;
        if next.is_none() {
            break;
        }
    }
    Ok(Json(load))
}

fn count(load: &mut Load, job: &JobRecord, accepted_at: Timestamp) {
    *load.states.entry(job.state.name().into()).or_default() += 1;
    if !matches!(job.key.part, Part::Work(_)) {
        return;
    }
    let one = of_job(job, accepted_at);
    match load.destinations.get_mut(&job.destination) {
        Some(sum) => sum.add(one),
        None => drop(load.destinations.insert(job.destination.clone(), one)),
    }
}

fn of_job(job: &JobRecord, oldest: Timestamp) -> DestinationLoad {
    let next_due = match job.state {
        JobState::Deferred { due } => Some(due),
        JobState::Pending
        | JobState::Working { .. }
        | JobState::Waiting
        | JobState::Held
        | JobState::Dead
        | JobState::Settled => None,
    };
    let outcomes = job
        .open_recipients()
        .filter_map(|(_, state)| state.outcome.as_ref());
    let last = outcomes.max_by_key(|outcome| outcome.at);
    DestinationLoad {
        jobs: 1,
        oldest,
        next_due,
        last_reply: last.map(|outcome| LastReply {
            at: outcome.at,
            text: outcome.diagnostic.text().to_owned(),
        }),
    }
}
