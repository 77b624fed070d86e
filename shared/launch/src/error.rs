//! Why a process does not start, or ended.

use std::io;
use std::net::SocketAddr;

/// Why a process does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong.
    #[error("{0}")]
    Configuration(#[from] config::ConfigError),
    /// An engine does not open.
    #[error("cannot open the {engine}: {reason}")]
    Engine {
        /// Which engine.
        engine: &'static str,
        /// Why not.
        reason: String,
    },
    /// Telemetry does not start.
    #[error("{0}")]
    Telemetry(#[from] telemetry::TelemetryError),
    /// Health and metrics cannot be told.
    #[error("cannot listen on {address} (server.health): {cause}")]
    Endpoint {
        /// Where.
        address: SocketAddr,
        /// Why not.
        cause: io::Error,
    },
    /// The running service is not ready, or cannot be asked.
    #[error("not ready: {0}")]
    Unready(String),
    /// A service failed.
    #[error("{0}")]
    Failed(String),
    /// A service ended on its own.
    #[error("{service}: {reason}; everything was shut down")]
    Service {
        /// Which service.
        service: &'static str,
        /// How.
        reason: String,
    },
    /// Signals cannot be heard.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// There is no runtime.
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
}

impl Error {
    /// A service's own reason, for `map_err`.
    pub fn failed(error: impl std::error::Error) -> Self {
        Self::Failed(causes(&error))
    }

    /// The exit status, by the conventions of sysexits where they have one.
    pub const fn status(&self) -> u8 {
        match self {
            Self::Configuration(_) => 78,
            Self::Engine { .. }
            | Self::Telemetry(_)
            | Self::Endpoint { .. }
            | Self::Unready(_)
            | Self::Failed(_)
            | Self::Service { .. }
            | Self::Signals(_)
            | Self::Runtime(_) => 1,
        }
    }
}

/// An error with what caused it; the last cause says most.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
