//! From errors to responses: the one place that decides which status a failed
//! operation has. Private causes go to the log, never to the client.

use std::fmt::Display;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::BusError;
use store::StoreError;
use store::directory::DirectoryError;

use crate::api::Problem;

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    kind: Kind,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invalid,
    Unauthorized,
    Missing,
    NoMethod,
    Exists,
    InUse,
    Conflict,
    TooLarge,
    Busy,
    Unavailable,
    Damaged,
    Internal,
}

impl Kind {
    /// Status, title and code.
    const fn as_http(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Invalid => (
                StatusCode::BAD_REQUEST,
                "The request is not valid",
                "invalid",
            ),
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "A valid token is required",
                "unauthorized",
            ),
            Self::Missing => (StatusCode::NOT_FOUND, "It does not exist", "missing"),
            Self::NoMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "That cannot be done to it",
                "invalid",
            ),
            Self::Exists => (StatusCode::CONFLICT, "It exists already", "exists"),
            Self::InUse => (StatusCode::CONFLICT, "It is in use", "in-use"),
            Self::Conflict => (
                StatusCode::CONFLICT,
                "Its state does not allow that",
                "conflict",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request is too large",
                "invalid",
            ),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "Too much at once", "busy"),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "A part of the server is unavailable",
                "unavailable",
            ),
            Self::Damaged => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Stored data is damaged",
                "damaged",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This is our fault",
                "internal",
            ),
        }
    }
}

impl Refusal {
    fn new(kind: Kind, detail: impl Display) -> Self {
        Self {
            kind,
            detail: detail.to_string(),
        }
    }

    /// What is wrong, in words.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn invalid(detail: impl Display) -> Self {
        Self::new(Kind::Invalid, detail)
    }

    pub(crate) fn missing(what: impl Display) -> Self {
        Self::new(Kind::Missing, format_args!("{what} does not exist"))
    }

    /// A message that the ledger has no entry of.
    pub(crate) fn unknown(message: message::MessageId) -> Self {
        let detail = format_args!(
            "the ledger does not know message {message}: it never was, or it was settled so \
             long ago that it is forgotten"
        );
        Self::new(Kind::Missing, detail)
    }

    pub(crate) fn exists(what: impl Display) -> Self {
        Self::new(Kind::Exists, format_args!("{what} exists already"))
    }

    pub(crate) fn no_method() -> Self {
        Self::new(Kind::NoMethod, "this resource does not take that method")
    }

    pub(crate) fn conflict(detail: impl Display) -> Self {
        Self::new(Kind::Conflict, detail)
    }

    pub(crate) fn busy(detail: impl Display) -> Self {
        Self::new(Kind::Busy, detail)
    }

    pub(crate) fn too_large(detail: impl Display) -> Self {
        Self::new(Kind::TooLarge, detail)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            Kind::Unauthorized,
            "send the administrator's token as `Authorization: Bearer TOKEN`",
        )
    }

    pub(crate) fn internal(detail: impl Display) -> Self {
        Self::new(Kind::Internal, detail)
    }

    pub(crate) fn unavailable(detail: impl Display) -> Self {
        Self::new(Kind::Unavailable, detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, title, code) = self.kind.as_http();
        let problem = Problem {
            status: status.as_u16(),
            title: title.to_owned(),
            detail: self.detail,
            code: code.to_owned(),
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if self.kind == Kind::Unauthorized {
            let challenge = HeaderValue::from_static("Bearer realm=\"rohrpost\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        error.log("the store failed a request of the admin API");
        match error {
            StoreError::Away(_) | StoreError::Unavailable(_) => Self::new(
                Kind::Unavailable,
                "the store cannot be reached; try again later",
            ),
            StoreError::Full(_) => Self::new(Kind::Unavailable, error),
            StoreError::Corrupt { .. } => Self::new(Kind::Damaged, error),
            StoreError::Misused(_) => Self::new(Kind::Internal, error),
        }
    }
}

impl From<DirectoryError> for Refusal {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Exists(_) => Self::new(Kind::Exists, error),
            DirectoryError::Missing(_) => Self::new(Kind::Missing, error),
            DirectoryError::InUse(_) => Self::new(Kind::InUse, error),
            DirectoryError::Store(error) => error.into(),
        }
    }
}

impl From<content::Error> for Refusal {
    fn from(error: content::Error) -> Self {
        tracing::warn!(%error, "the content store failed a request of the admin API");
        match error {
            content::Error::NotFound(id) => Self::missing(format_args!("content {id}")),
            content::Error::ForeignId(_) | content::Error::Corrupt { .. } => {
                Self::new(Kind::Damaged, error)
            }
            content::Error::Io { .. }
            | content::Error::Remote { .. }
            | content::Error::Busy
            | content::Error::Stopped => Self::new(
                Kind::Unavailable,
                "content cannot be read; the log says why",
            ),
            content::Error::TrailerTooLong { .. }
            | content::Error::Envelope(_)
            | content::Error::GivenUp
            | content::Error::ReadOnly => Self::new(Kind::Internal, error),
        }
    }
}

impl From<BusError> for Refusal {
    fn from(error: BusError) -> Self {
        tracing::warn!(%error, "the bus failed a request of the admin API");
        match error {
            BusError::Unavailable(_) => Self::new(
                Kind::Unavailable,
                "the bus did not take that; try again later",
            ),
            BusError::Unsupported(_) => Self::new(Kind::NoMethod, error),
            BusError::Url { .. }
            | BusError::Drift(_)
            | BusError::Denied(_)
            | BusError::TooLarge { .. } => Self::new(Kind::Internal, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn contents_that_are_away_are_503_and_those_that_are_gone_404() {
        let status = |error: content::Error| Refusal::from(error).into_response().status();
        let away = content::Error::Remote {
            operation: "read",
            object: "s3://mail/pack".to_owned(),
            refusal: content::Refusal::Unreachable,
            source: Arc::new(io::Error::from(io::ErrorKind::TimedOut)),
        };
        assert_eq!(status(away), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            status(content::Error::Busy),
            StatusCode::SERVICE_UNAVAILABLE
        );
        let gone = content::Error::NotFound("f.1".parse().unwrap());
        assert_eq!(status(gone), StatusCode::NOT_FOUND);
    }
}
