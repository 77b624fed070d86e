//! AUTH as a client (RFC 4954): PLAIN (RFC 4616), else LOGIN.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::capabilities::Capabilities;

/// A name and a password; printed without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

/// A name or password that SASL cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name and a password must be 1 to 500 octets without NUL")]
pub struct CredentialsError;

impl Credentials {
    /// Takes a name and a password.
    ///
    /// # Errors
    /// When one is empty, holds a NUL or is too long for a command line.
    pub fn new(
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Result<Self, CredentialsError> {
        let (user, password) = (user.into(), password.into());
        let fits = |text: &str| (1..=500).contains(&text.len()) && !text.contains('\0');
        match fits(&user) && fits(&password) {
            true => Ok(Self { user, password }),
            false => Err(CredentialsError),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What the next 334 is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// Nothing: all has been said.
    Said,
    User,
    Password,
}

impl Exchange {
    /// The AUTH command for the best mechanism offered; none without one.
    pub(super) fn start(
        offered: &Capabilities,
        credentials: &Credentials,
    ) -> Option<(Self, String)> {
        if offered.auth_plain {
            let Credentials { user, password } = credentials;
            let response = STANDARD.encode(format!("\0{user}\0{password}"));
            return Some((Self::Said, format!("AUTH PLAIN {response}\r\n")));
        }
        offered
            .auth_login
            .then(|| (Self::User, "AUTH LOGIN\r\n".to_owned()))
    }

    /// The answer to a 334 and what follows it; none where none was due.
    pub(super) fn answer(self, credentials: &Credentials) -> Option<(Self, String)> {
        let line = |text: &str| format!("{}\r\n", STANDARD.encode(text));
        match self {
            Self::Said => None,
            Self::User => Some((Self::Password, line(&credentials.user))),
            Self::Password => Some((Self::Said, line(&credentials.password))),
        }
    }
}
