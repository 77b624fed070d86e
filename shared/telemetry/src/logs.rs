//! Log lines on standard error.
//!
//! A line about a message has its id, which is also its trace's, in the field
//! `message_id`: a field `message` would collide with the line's own text.

use std::io::{self, IsTerminal};

use config::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::TelemetryError;

/// Starts logging for the process, as `[telemetry]` says.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start_logs(config: &config::Telemetry) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| TelemetryError::Logs(format!("telemetry.log_filter: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let started = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| TelemetryError::Logs(error.to_string()))
}
