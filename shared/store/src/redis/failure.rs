//! What the server's errors mean to a port.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::functions;
use crate::StoreError;

/// Whether the connection was lost or the server is just coming up, so that
/// another try may succeed at once. A reply that took too long is none of these:
/// the caller has waited enough.
pub(super) fn is_passing(error: &RedisError) -> bool {
    is_absence(error) && !error.is_timeout()
}

/// Whether there was no server to answer.
pub(super) fn is_absence(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
        ),
        _other_kinds => false,
    }
}

/// Whether the user that we are has no right to what it asked.
pub(super) fn is_denied(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
}

/// The port's error for the server's.
pub(super) fn translated(error: &RedisError) -> StoreError {
    if is_absence(error) {
        return StoreError::Away(error.to_string());
    }
    let detail = error.detail().unwrap_or_default();
    match error.code() {
        Some("OOM") => StoreError::Full("Redis has reached its maxmemory".to_owned()),
        Some("FULL") => StoreError::Full(detail.to_owned()),
        Some("MISUSED") => StoreError::Misused(detail.to_owned()),
        Some("CORRUPT") => {
            let (key, reason) = detail.split_once(' ').unwrap_or((detail, ""));
            corrupt(key, reason)
        }
        Some(code) => {
            let reason = format!("{code} {detail}");
            StoreError::Unavailable(functions::missing(&reason).unwrap_or(reason))
        }
        None => StoreError::Unavailable(error.to_string()),
    }
}

/// What stands under `key` is not what it should be.
pub(super) fn corrupt(key: impl Into<String>, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        key: key.into(),
        reason: reason.to_string(),
    }
}
