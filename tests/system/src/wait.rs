//! Waiting for a condition, never for a time.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;

/// How long anything may take before a test fails; far longer than it does.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(15);

/// Looks with `probe` until it finds something; fails after [`DEADLINE`].
///
/// # Errors
/// The probe's own, or that `what` did not come about in time.
pub async fn until<T>(what: &str, probe: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    until_within(DEADLINE, what, probe).await
}

/// As [`until`], with a deadline of its own.
///
/// # Errors
/// As for [`until`].
pub async fn until_within<T>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = probe()
            .await
            .with_context(|| format!("waiting until {what}"))?
        {
            return Ok(found);
        }
        if start.elapsed() > deadline {
            bail!("waited {deadline:?} in vain until {what}");
        }
        tokio::time::sleep(GLANCE).await;
    }
}
