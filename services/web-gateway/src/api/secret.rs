//! Passwords on their way to being hashed.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A password in clear; printed by nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
pub struct Password(String);

impl Password {
    /// Takes the clear text; whether it is acceptable is judged when hashed.
    pub fn new(clear: impl Into<String>) -> Self {
        Self(clear.into())
    }

    /// The clear text, for hashing and comparing only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
