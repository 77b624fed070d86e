//! Parts of requests, parsed; what does not parse is refused as a problem.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::api::PageQuery;
use crate::refusal::Refusal;

/// The variable parts of the path.
pub(crate) struct FromPath<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for FromPath<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(value) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::invalid(plain("path", &rejection.body_text())))?;
        Ok(Self(value))
    }
}

/// The query string.
pub(crate) struct FromQuery<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for FromQuery<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(value) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::invalid(plain("query", &rejection.body_text())))?;
        Ok(Self(value))
    }
}

/// The body, as JSON.
pub(crate) struct FromBody<T>(pub(crate) T);

impl<T, S> FromRequest<S> for FromBody<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Json(value) = Json::from_request(request, state)
            .await
            .map_err(refuse_body)?;
        Ok(Self(value))
    }
}

fn refuse_body(rejection: JsonRejection) -> Refusal {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Refusal::too_large("the body is larger than 1 MiB");
    }
    Refusal::invalid(plain("body", &rejection.body_text()))
}

/// What is wrong with a part of the request, without axum's words for it.
fn plain(part: &str, text: &str) -> String {
    const PREFIXES: [&str; 4] = [
        "Invalid URL: ",
        "Failed to deserialize query string: ",
        "Failed to deserialize the JSON body into the target type: ",
        "Failed to parse the request body as JSON: ",
    ];
    let reason = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    reason.map_or_else(
        || text.to_owned(),
        |reason| format!("in the {part}: {reason}"),
    )
}

/// The largest page, so that a response is bounded.
const LARGEST_PAGE: usize = 1000;
const USUAL_PAGE: usize = 100;

/// How many items a page is to have.
pub(crate) fn page_limit(limit: Option<usize>) -> Result<usize, Refusal> {
    match limit {
        None => Ok(USUAL_PAGE),
        Some(limit @ 1..=LARGEST_PAGE) => Ok(limit),
        Some(limit) => Err(Refusal::invalid(format_args!(
            "limit is {limit}, but must be 1 to {LARGEST_PAGE}"
        ))),
    }
}

/// Where a page begins, in the list's own key.
pub(crate) fn page_after<K>(query: &PageQuery) -> Result<Option<K>, Refusal>
where
    K: std::str::FromStr,
    K::Err: std::fmt::Display,
{
    let parse = |after: &String| {
        after
            .parse()
            .map_err(|error| Refusal::invalid(format_args!("after={after:?}: {error}")))
    };
    query.after.as_ref().map(parse).transpose()
}
