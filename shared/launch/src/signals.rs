//! SIGINT and SIGTERM: the first drains, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// What a shell reports of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// Cancels `shutdown` on the first signal.
///
/// # Errors
/// When the system does not let us listen.
pub fn cancel_on_signal(shutdown: CancellationToken) -> Result<(), Error> {
    let interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    tokio::spawn(watch(interrupt, terminate, shutdown));
    Ok(())
}

async fn watch(mut interrupt: Signal, mut terminate: Signal, shutdown: CancellationToken) {
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    next().await;
    tracing::info!("shutting down; a second signal ends the process at once");
    shutdown.cancel();
    next().await;
    // Everything accepted is durable: ending here loses nothing.
    tracing::warn!("ending at once");
    std::process::exit(INTERRUPTED);
}
