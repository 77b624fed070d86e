//! Errors as RFC 9457 writes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not done (RFC 9457 §3), as `application/problem+json`.
/// Its `type` is always `about:blank`; `code` tells problems apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The status of the response.
    pub status: u16,
    /// The kind of problem, in words that stay the same.
    pub title: String,
    /// What went wrong this time.
    pub detail: String,
    /// The kind of problem, for programs: `missing`, `exists`, `in-use`,
    /// `invalid`, `conflict`, `unauthorized`, `busy`, `unavailable`, `damaged`,
    /// `internal`.
    pub code: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}
