//! `/check`

use axum::extract::State;
use axum::response::Response;

use super::report::{Overlooked, report};
use crate::api::{CheckLine, Problem};
use crate::check::{USUAL_GRACE, run};
use crate::extract::FromQuery;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Check the integrity of ledger, references, mailboxes and content
///
/// The report comes as lines of JSON while the check goes on: how the store stands,
/// findings, and a summary as the last line. A report without a last line was broken off.
#[utoipa::path(get, path = "/api/v1/check", tag = "system", params(Overlooked),
    responses((status = 200, content_type = "application/x-ndjson", body = CheckLine),
        (status = 429, body = Problem)))]
pub(super) async fn check(
    State(gateway): State<Gateway>,
    FromQuery(query): FromQuery<Overlooked>,
) -> Result<Response, Refusal> {
    let grace = query.grace(USUAL_GRACE);
    report(&gateway, |ports, lines| run(ports, grace, lines))
}
