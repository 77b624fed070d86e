//! The mechanisms of AUTH (RFC 4954): PLAIN (RFC 4616), and LOGIN, which no
//! RFC describes and every client speaks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Secret;

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
pub(super) enum Exchange {
    /// An empty challenge of PLAIN.
    Plain,
    /// LOGIN asked for the name.
    LoginUser,
    /// LOGIN asked for the password of this user.
    LoginPassword(String),
}

/// Where a login goes on.
pub(super) enum Step {
    /// Another challenge, in base64.
    Challenge(&'static str, Exchange),
    /// The credentials are complete.
    Complete(Credentials),
}

/// Why a client's response ends the login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoginError {
    /// The client sent `*`.
    Cancelled,
    /// The response is not base64, or not what the mechanism defines.
    Syntax,
    /// PLAIN asked to act as somebody else.
    OtherIdentity,
}

/// "Username:" and "Password:".
const USER_CHALLENGE: &str = "VXNlcm5hbWU6";
const PASSWORD_CHALLENGE: &str = "UGFzc3dvcmQ6";

/// Begins a login; none if the mechanism is not offered. `=` stands for an
/// initial response that is empty (RFC 4954 §4).
pub(super) fn begin(mechanism: &str, initial: Option<&Secret>) -> Option<Result<Step, LoginError>> {
    let (challenge, exchange) = match mechanism {
        "PLAIN" => ("", Exchange::Plain),
        "LOGIN" => (USER_CHALLENGE, Exchange::LoginUser),
        _ => return None,
    };
    Some(match initial.map(Secret::expose) {
        None => Ok(Step::Challenge(challenge, exchange)),
        Some("=") => exchange.respond(b""),
        Some(initial) => exchange.respond(initial.as_bytes()),
    })
}

impl Exchange {
    /// Takes the client's response to the challenge.
    pub(super) fn respond(self, line: &[u8]) -> Result<Step, LoginError> {
        if line == b"*" {
            return Err(LoginError::Cancelled);
        }
        let response = STANDARD.decode(line).map_err(|_| LoginError::Syntax)?;
        let response = String::from_utf8(response).map_err(|_| LoginError::Syntax)?;
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
fn plain(response: &str) -> Result<Credentials, LoginError> {
    let mut parts = response.split('\0');
    let (Some(identity), Some(user), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(LoginError::Syntax);
    };
    if !identity.is_empty() && identity != user {
        return Err(LoginError::OtherIdentity);
    }
    Ok(Credentials {
        user: user.to_owned(),
        password: Secret::new(password),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(response: &str, expected: Result<(&str, &str), LoginError>) {
        let line = STANDARD.encode(response);
        let got = Exchange::Plain
            .respond(line.as_bytes())
            .map(|step| match step {
                Step::Complete(found) => (found.user, found.password.expose().to_owned()),
                Step::Challenge(..) => panic!("PLAIN has no second challenge"),
            });
        assert_eq!(
            got,
            expected.map(|(user, password)| (user.into(), password.into()))
        );
    }

    #[test]
    fn plain_holds_name_and_password() {
        check("\0alice\0secret", Ok(("alice", "secret")));
        check("alice\0alice\0sécret", Ok(("alice", "sécret")));
        check("bob\0alice\0secret", Err(LoginError::OtherIdentity));
        check("alice\0secret", Err(LoginError::Syntax));
        check("\0a\0b\0c", Err(LoginError::Syntax));
        assert_eq!(
            Exchange::Plain.respond(b"!").err(),
            Some(LoginError::Syntax)
        );
        assert_eq!(
            Exchange::Plain.respond(b"*").err(),
            Some(LoginError::Cancelled)
        );
    }
}
