//! How services live and end together: all of them, or none.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use message::Clock;
use station::Health;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// A service or another part of the process: it ends when told to, or says why it
/// failed.
pub type Running = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The parts of a process, by name, each yet to be polled.
pub type Parts = Vec<(&'static str, Running)>;

/// How long services may take to drain; longer than any of them allows itself.
const DRAIN: Duration = Duration::from_secs(10);
/// How often it is looked whether everything is ready.
const GLANCE: Duration = Duration::from_millis(20);

/// The tasks of services, and which is whose.
struct Tasks {
    set: JoinSet<Result<(), String>>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    fn spawn(services: Parts) -> Self {
        let mut set = JoinSet::new();
        let spawn = |(name, service)| (set.spawn(service).id(), name);
        let names = services.into_iter().map(spawn).collect();
        Self { set, names }
    }

    /// The next service that ends, and how; none when all have.
    async fn next_end(&mut self) -> Option<(&'static str, Result<(), String>)> {
        let name = |id| self.names.get(&id).copied().unwrap_or("a service");
        Some(match self.set.join_next_with_id().await? {
            Ok((id, end)) => (name(id), end),
            Err(error) => (name(error.id()), Err(panicked(&error))),
        })
    }
}

fn panicked(error: &JoinError) -> String {
    format!("panicked: {error}")
}

/// Runs services beside `opening`, which may end at any time. Returns after
/// `shutdown`, or, with an error, after the first service that ended on its own;
/// in both cases when all have drained.
///
/// # Errors
/// When a service ended on its own.
pub async fn run(
    parts: Parts,
    opening: impl Future<Output = ()>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let mut tasks = Tasks::spawn(parts);
    let opening = async {
        opening.await;
        pending().await
    };
    let failure = tokio::select! {
        failure = first_end(&mut tasks, &shutdown) => failure,
        () = opening => None,
    };
    shutdown.cancel();
    drain(tasks).await;
    failure.map_or(Ok(()), Err)
}

/// Waits until every part of the process says that it is ready, twice in a row:
/// a part that has not begun says nothing.
pub async fn ready(health: &Health, clock: &dyn Clock) {
    let mut times = 0;
    while times < 2 {
        clock.sleep(GLANCE).await;
        times = if health.is_ready() { times + 1 } else { 0 };
    }
}

/// Waits for a service that ends before it was told to; none if they were told.
async fn first_end(tasks: &mut Tasks, shutdown: &CancellationToken) -> Option<Error> {
    let (service, end) = shutdown.run_until_cancelled(tasks.next_end()).await??;
    let reason = match end {
        Ok(()) if shutdown.is_cancelled() => return None,
        Ok(()) => "ended although nobody told it to".to_owned(),
        Err(reason) => reason,
    };
    tracing::error!(service, reason, "a service ended; shutting all down");
    Some(Error::Service { service, reason })
}

/// Waits until all services have drained, but not for ever.
async fn drain(mut tasks: Tasks) {
    let all = async {
        while let Some((service, end)) = tasks.next_end().await {
            if let Err(reason) = end {
                tracing::warn!(service, reason, "a service ended badly");
            }
        }
    };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        // What was not finished is in the ledger, and the next start goes on.
        tracing::warn!("not all services drained in time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(shutdown: &CancellationToken) -> Running {
        let shutdown = shutdown.clone();
        Box::pin(async move {
            shutdown.cancelled().await;
            Ok(())
        })
    }

    #[tokio::test]
    async fn one_failing_service_ends_all() {
        let shutdown = CancellationToken::new();
        let services: Parts = vec![
            ("good", told(&shutdown)),
            ("bad", Box::pin(async { Err("cannot listen".to_owned()) })),
        ];
        let failure = run(services, async {}, shutdown.clone()).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "bad: cannot listen; everything was shut down"
        );
        assert!(shutdown.is_cancelled());
    }

    #[tokio::test]
    async fn a_shutdown_is_no_failure() {
        let shutdown = CancellationToken::new();
        let services: Parts = vec![("good", told(&shutdown))];
        let told_to_end = async { shutdown.cancel() };
        run(services, told_to_end, shutdown.clone()).await.unwrap();
    }
}
