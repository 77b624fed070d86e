//! The mechanisms of SASL that clients log in with, on the server's side and
//! without I/O: PLAIN (RFC 4616), and LOGIN, which no RFC describes and every
//! client speaks. Both send the password as it is, so both are for TLS.
//!
//! SMTP (RFC 4954), IMAP (RFC 9051 §6.2.2) and POP3 (RFC 5034) carry the same
//! lines in base64 and differ only in what stands before them. A login goes from
//! [`begin`] by [`Exchange::respond`] to [`Step::Complete`]; any error ends it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Secret;

/// The names of the mechanisms, as they are offered.
pub const MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];

/// "Username:" and "Password:".
const USER_CHALLENGE: &str = "VXNlcm5hbWU6";
const PASSWORD_CHALLENGE: &str = "UGFzc3dvcmQ6";

/// A name and a password to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The login name as the client sent it.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How far a login has come: what the next line is the answer to.
#[derive(Debug, PartialEq, Eq)]
pub enum Exchange {
    /// An empty challenge of PLAIN.
    Plain,
    /// LOGIN asked for the name.
    LoginUser,
    /// LOGIN asked for the password of this user.
    LoginPassword(String),
}

/// Where a login goes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Another challenge, in base64.
    Challenge(&'static str, Exchange),
    /// The credentials are complete.
    Complete(Credentials),
}

/// Why a client's response ends the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The client sent `*`.
    #[error("cancelled")]
    Cancelled,
    /// The response is not base64, or not what the mechanism defines.
    #[error("not a response of this mechanism")]
    Syntax,
    /// PLAIN asked to act as somebody else.
    #[error("acting as somebody else is not possible")]
    OtherIdentity,
}

/// Begins a login; none if the mechanism is not offered. The initial response is
/// in base64; `=` stands for one that is empty (RFC 4954 §4).
pub fn begin(mechanism: &str, initial: Option<&Secret>) -> Option<Result<Step, SaslError>> {
    let (challenge, exchange) = if mechanism.eq_ignore_ascii_case("PLAIN") {
        ("", Exchange::Plain)
    } else if mechanism.eq_ignore_ascii_case("LOGIN") {
        (USER_CHALLENGE, Exchange::LoginUser)
    } else {
        return None;
    };
    Some(match initial.map(Secret::expose) {
        None => Ok(Step::Challenge(challenge, exchange)),
        Some("=") => exchange.respond(b""),
        Some(initial) => exchange.respond(initial.as_bytes()),
    })
}

impl Exchange {
    /// Takes the client's response to the challenge, without its line end.
    ///
    /// # Errors
    /// When the login is over without credentials.
    pub fn respond(self, line: &[u8]) -> Result<Step, SaslError> {
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

    fn complete(user: &str, password: &str) -> Step {
        Step::Complete(Credentials {
            user: user.to_owned(),
            password: Secret::new(password),
        })
    }

    fn check(response: &str, expected: Result<(&str, &str), SaslError>) {
        let line = STANDARD.encode(response);
        let got = Exchange::Plain.respond(line.as_bytes());
        let expected = expected.map(|(user, password)| complete(user, password));
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
    fn login_asks_for_the_name_and_then_for_the_password() {
        let Some(Ok(Step::Challenge("VXNlcm5hbWU6", exchange))) = begin("login", None) else {
            panic!("LOGIN begins with a challenge");
        };
        let Ok(Step::Challenge("UGFzc3dvcmQ6", exchange)) = exchange.respond(b"YWxpY2U=") else {
            panic!("LOGIN asks for the password");
        };
        assert_eq!(
            exchange.respond(b"c2VjcmV0"),
            Ok(complete("alice", "secret"))
        );
    }

    #[test]
    fn a_login_can_be_cancelled_and_must_be_base64() {
        let cancelled = Exchange::LoginUser.respond(b"*");
        assert_eq!(cancelled, Err(SaslError::Cancelled));
        assert_eq!(Exchange::Plain.respond(b"%%"), Err(SaslError::Syntax));
        assert_eq!(begin("CRAM-MD5", None), None);
        let empty = Secret::new("=");
        assert_eq!(begin("plain", Some(&empty)), Some(Err(SaslError::Syntax)));
    }
}
