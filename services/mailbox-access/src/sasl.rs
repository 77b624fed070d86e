//! The mechanisms of SASL that clients log in with: PLAIN (RFC 4616), and LOGIN,
//! which no RFC describes and every client speaks. Both only under TLS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Secret;

/// A name and a password to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The login name as the client sent it.
    pub(crate) user: String,
    pub(crate) password: Secret,
}

/// How far a login has come: what the next line is the answer to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// An empty challenge of PLAIN.
    Plain,
    /// LOGIN asked for the name.
    LoginUser,
    /// LOGIN asked for the password of this user.
    LoginPassword(String),
}

/// Where a login goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Another challenge, in base64.
    Challenge(&'static str, Exchange),
    /// The credentials are complete.
    Complete(Credentials),
}

/// Why a client's response ends the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SaslError {
    #[error("cancelled")]
    Cancelled,
    #[error("not a response of this mechanism")]
    Syntax,
    #[error("acting as somebody else is not possible")]
    OtherIdentity,
}

/// The names of the mechanisms.
pub(crate) const MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];

/// "Username:" and "Password:".
const USER_CHALLENGE: &str = "VXNlcm5hbWU6";
const PASSWORD_CHALLENGE: &str = "UGFzc3dvcmQ6";

/// Begins a login; none if the mechanism is not offered. `=` stands for an
/// initial response that is empty.
pub(crate) fn begin(mechanism: &str, initial: Option<&[u8]>) -> Option<Result<Step, SaslError>> {
    let (challenge, exchange) = if mechanism.eq_ignore_ascii_case("PLAIN") {
        ("", Exchange::Plain)
    } else if mechanism.eq_ignore_ascii_case("LOGIN") {
        (USER_CHALLENGE, Exchange::LoginUser)
    } else {
        return None;
    };
    Some(match initial {
        None => Ok(Step::Challenge(challenge, exchange)),
        Some(b"=") => exchange.respond(b""),
        Some(initial) => exchange.respond(initial),
    })
}

impl Exchange {
    /// Takes the client's response to the challenge.
    pub(crate) fn respond(self, line: &[u8]) -> Result<Step, SaslError> {
        if line == b"*" {
            return Err(SaslError::Cancelled);
        }
        let response = STANDARD.decode(line).map_err(|_| SaslError::Syntax)?;
        let response = String::from_utf8(response).map_err(|_| SaslError::Syntax)?;
        match self {
            Self::Plain => plain(&response).map(Step::Complete),
            Self::LoginUser => Ok(Step::Challenge(
                PASSWORD_CHALLENGE,
                Self::LoginPassword(response),
            )),
            Self::LoginPassword(user) => Ok(Step::Complete(Credentials {
                user,
                password: Secret::new(response),
            })),
        }
    }
}

/// `[authzid] NUL authcid NUL passwd`.
fn plain(response: &str) -> Result<Credentials, SaslError> {
    let mut parts = response.split('\0');
    let (Some(identity), Some(user), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Syntax);
    };
    if !identity.is_empty() && identity != user {
        return Err(SaslError::OtherIdentity);
    }
    Ok(Credentials {
        user: user.to_owned(),
        password: Secret::new(password),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(response: &str, expected: Result<(&str, &str), SaslError>) {
        let line = STANDARD.encode(response);
        let got = Exchange::Plain.respond(line.as_bytes());
        let expected = expected.map(|(user, password)| {
            Step::Complete(Credentials {
                user: user.to_owned(),
                password: Secret::new(password),
            })
        });
        assert_eq!(got, expected, "{response:?}");
    }

    #[test]
    fn plain_holds_name_and_password() {
        check("\0alice\0secret", Ok(("alice", "secret")));
        check("alice\0alice\0sécret", Ok(("alice", "sécret")));
        check("bob\0alice\0secret", Err(SaslError::OtherIdentity));
        check("alice\0secret", Err(SaslError::Syntax));
        check("\0a\0b\0c", Err(SaslError::Syntax));
    }

    #[test]
    fn a_login_can_be_cancelled_and_must_be_base64() {
        let cancelled = Exchange::LoginUser.respond(b"*");
        assert_eq!(cancelled, Err(SaslError::Cancelled));
        assert_eq!(Exchange::Plain.respond(b"%%"), Err(SaslError::Syntax));
        assert_eq!(begin("CRAM-MD5", None), None);
        assert_eq!(begin("plain", Some(b"=")), Some(Err(SaslError::Syntax)));
    }
}
