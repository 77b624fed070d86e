//! Reports that come line by line while they are made. Whoever makes one reads
//! everything, so there is one at a time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, Sender};
use utoipa::IntoParams;

use crate::gateway::{Gateway, Ports};
use crate::refusal::Refusal;

/// What a report is to overlook.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Overlooked {
    /// For how many seconds content may be there without a reference. Where absent:
    /// 9 days for the check, 5 minutes for the list of what is lost.
    grace: Option<u32>,
}

impl Overlooked {
    pub(super) fn grace(&self, usual: Duration) -> Duration {
        let seconds = self.grace.map(u64::from);
        seconds.map_or(usual, Duration::from_secs)
    }
}

/// The lines that `make` sends, each an object of JSON.
pub(super) fn report<L, F>(
    gateway: &Gateway,
    make: impl FnOnce(Arc<Ports>, Sender<L>) -> F,
) -> Result<Response, Refusal>
where
    L: Serialize + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let slot = gateway.check.clone().try_acquire_owned();
    let slot = slot.map_err(|_| Refusal::busy("another check is running; wait until it ends"))?;
    let (sender, lines) = mpsc::channel(16);
    let making = make(Arc::new(gateway.ports.clone()), sender);
    tokio::spawn(async move {
        making.await;
        drop(slot);
    });
    let body = Body::from_stream(unfold(lines, |mut lines| async {
        let line = lines.recv().await?;
        Some((Ok::<_, Infallible>(json_line(&line)), lines))
    }));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn json_line(line: &impl Serialize) -> Bytes {
    // These types always serialise; a line that did not would break the report off.
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
