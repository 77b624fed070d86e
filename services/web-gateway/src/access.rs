//! Who may use the admin API: whoever knows the administrator's token
//! (RFC 6750 §2.1).

use std::path::{Path, PathBuf};
use std::{fs, io};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The administrator's bearer token; never printed.
#[derive(Clone)]
pub struct Token(Box<str>);

/// The file of the token is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("cannot read {} (web.token_file): {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// It holds something else.
    #[error("{} holds no token: {cause}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: TokenError,
    },
}

/// Text that cannot be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is 32 to 256 characters out of A-Z a-z 0-9 - . _ ~ + / =")]
pub struct TokenError;

impl std::str::FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        let well_formed = (32..=256).contains(&text.len()) && text.bytes().all(allowed);
        well_formed.then(|| Self(text.into())).ok_or(TokenError)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token in a file, without the line end behind it.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no token.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let path = path.to_owned();
        match fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|cause| TokenFileError::Token { path, cause }),
            Err(cause) => Err(TokenFileError::Read { path, cause }),
        }
    }

    /// The token itself, for the client that sends it and the file that keeps it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a request carries this token. Takes the same time for every wrong
    /// token of the right length.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let offered = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some((scheme, token)) = offered.and_then(|value| value.split_once(' ')) else {
            return false;
        };
        scheme.eq_ignore_ascii_case("Bearer")
            && bool::from(token.trim_start().as_bytes().ct_eq(self.0.as_bytes()))
    }
}

/// Lets only requests with the token pass.
pub(crate) async fn require_token(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    if gateway.token.is_in(request.headers()) {
        return next.run(request).await;
    }
    Refusal::unauthorized().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn offered(authorization: &str) -> HeaderMap {
        let value = HeaderValue::from_str(authorization).unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    #[test]
    fn only_the_very_token_is_taken() {
        let text = "0123456789abcdef0123456789abcdef";
        let token: Token = text.parse().unwrap();
        assert!(token.is_in(&offered(&format!("Bearer {text}"))));
        assert!(token.is_in(&offered(&format!("bearer {text}"))));
        for wrong in [
            format!("Basic {text}"),
            format!("Bearer {text}0"),
            format!("Bearer {}", &text[1..]),
            text.to_owned(),
            "Bearer ".to_owned(),
        ] {
            assert!(!token.is_in(&offered(&wrong)), "{wrong:?}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn a_short_or_strange_token_is_none() {
        for wrong in ["", "short", "0123456789abcdef 0123456789abcdef"] {
            assert_eq!(wrong.parse::<Token>().err(), Some(TokenError), "{wrong:?}");
        }
    }
}
