//! What orchestrators and monitoring ask, without a token: is the process alive,
//! is it ready, what does it count.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use message::Topic;
use station::{Check, State as PartState};

use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// How long the store may take to prove that it is there.
const PROOF: Duration = Duration::from_secs(2);

/// The process answers: it is alive.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// Whether all parts of the process are ready and the store answers.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> Result<&'static str, Refusal> {
    let parts = gateway.ports.health.checks();
    let unready: Vec<_> = parts.into_iter().filter_map(complaint).collect();
    if !unready.is_empty() {
        return Err(Refusal::unavailable(unready.join("; ")));
    }
    match tokio::time::timeout(PROOF, gateway.ports.ledger.counts()).await {
        Ok(Ok(_)) => Ok("ready\n"),
        Ok(Err(error)) => Err(error.into()),
        Err(_elapsed) => Err(Refusal::unavailable("the store does not answer")),
    }
}

fn complaint(part: Check) -> Option<String> {
    let Check { name, state } = part;
    match state {
        PartState::Ready => None,
        PartState::Starting => Some(format!("{name} is starting")),
        PartState::Waiting(reason) => Some(format!("{name} waits: {reason}")),
        PartState::Stopping => Some(format!("{name} is stopping")),
    }
}

/// All metrics of the process. On other listeners than loopback the token is
/// asked for: metrics tell how much mail there is.
pub(crate) async fn metrics(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if gateway.guarded_metrics && !gateway.token.is_in(&headers) {
        return Err(Refusal::unauthorized());
    }
    refresh(&gateway).await;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let text = gateway.ports.metrics.encode();
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// Reads what is not counted as it happens. What cannot be read stays as it was.
async fn refresh(gateway: &Gateway) {
    if let Ok(Ok(counts)) = tokio::time::timeout(PROOF, gateway.ports.ledger.counts()).await {
        gateway.ports.metrics.set_in_flight(counts.in_flight);
        gateway.ports.metrics.set_queue("dead", counts.dead);
    }
    for topic in Topic::ALL {
        if let Ok(Some(depth)) = gateway.ports.bus.depth(topic).await {
            gateway.ports.metrics.set_depth(topic, depth);
        }
    }
}
