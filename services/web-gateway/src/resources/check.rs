//! `/check`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;

use crate::api::{CheckLine, Problem};
use crate::check::{USUAL_GRACE, run};
use crate::extract::FromQuery;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// What the check is to overlook.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckQuery {
    /// For how many seconds content may be there without a reference; 9 days
    /// where absent.
    grace: Option<u32>,
}

/// Check the integrity of ledger, references, mailboxes and content
///
/// The report comes as lines of JSON while the check goes on: findings, and a
/// summary as the last line. A report without a last line was broken off.
#[utoipa::path(get, path = "/api/v1/check", tag = "system", params(CheckQuery),
    responses((status = 200, content_type = "application/x-ndjson", body = CheckLine),
        (status = 429, body = Problem)))]
pub(super) async fn check(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<CheckQuery>,
) -> Result<Response, Refusal> {
    let slot = gateway.check.clone().try_acquire_owned();
    let slot = slot.map_err(|_| Refusal::busy("another check is running; wait until it ends"))?;
    let grace = query
        .grace
        .map_or(USUAL_GRACE, |seconds| Duration::from_secs(seconds.into()));
    let (report, lines) = mpsc::channel(16);
    let ports = Arc::new(gateway.ports.clone());
    tokio::spawn(async move {
        run(ports, grace, report).await;
        drop(slot);
    });
    let body = Body::from_stream(unfold(lines, |mut lines| async {
        let line = lines.recv().await?;
        Some((Ok::<_, Infallible>(json_line(&line)), lines))
    }));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn json_line(line: &CheckLine) -> Bytes {
    // These types always serialise; a line that did not would break the report off.
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
