//! LOGIN and AUTHENTICATE (RFC 9051 §6.2).

use imap::Limits;
use imap::response::{Code, Response};
use message::Secret;
use perimeter::Denied;
use sasl::{Credentials, SaslError, Step};

use super::answer::{Answer, Failure};
use super::session::{Incoming, Session, State};

impl Session {
    pub(super) async fn login(
        &mut self,
        user: String,
        password: Secret,
    ) -> Result<Answer, Failure> {
        self.may_log_in()?;
        self.check(&Credentials { user, password }).await
    }

    pub(super) async fn authenticate(
        &mut self,
        mechanism: &str,
        initial: Option<&Secret>,
    ) -> Result<Answer, Failure> {
        self.may_log_in()?;
        let unknown = Answer::no(Code::Cannot, "The mechanisms are PLAIN and LOGIN");
        let mut step = sasl::begin(mechanism, initial).ok_or(unknown)?;
        loop {
            match step.map_err(refusal)? {
                Step::Complete(credentials) => return self.check(&credentials).await,
                Step::Challenge(challenge, exchange) => {
                    Response::Continue(challenge).write(&mut self.out);
                    self.framer.expect_line();
                    step = match self.next().await? {
                        Incoming::Line(line) => exchange.respond(&line),
                        _ => Err(SaslError::Syntax),
                    };
                }
            }
        }
    }

    fn may_log_in(&self) -> Result<(), Answer> {
        if !matches!(self.state, State::Stranger) {
            return Err(Answer::bad("You are logged in already"));
        }
        match self.tls || self.service.plain_login {
            true => Ok(()),
            false => Err(Answer::no(
                Code::PrivacyRequired,
                "Passwords are taken under TLS only: say STARTTLS first",
            )),
        }
    }

    async fn check(&mut self, credentials: &Credentials) -> Result<Answer, Failure> {
        let Credentials { user, password } = credentials;
        let logins = &self.service.logins;
        match logins.check(self.client.ip(), user, password).await {
            Ok(account) => {
                self.state = State::Authenticated(account);
                self.framer.set_limits(Limits::AFTER_LOGIN);
                Ok(self.welcome())
            }
            Err(denied) => {
                tracing::info!(client = %self.client, %denied, "login failed");
                Err(refused(denied).into())
            }
        }
    }
}

fn refused(denied: Denied) -> Answer {
    const LATER: &str = "Too many failed logins; try again later";
    match denied {
        Denied::Wrong => Answer::no(Code::AuthenticationFailed, "User name or password is wrong"),
        Denied::TooManyFromClient | Denied::TooManyForAccount => {
            Answer::no(Code::Unavailable, LATER)
        }
        Denied::NotNow => Answer::no(
            Code::Unavailable,
            "Passwords cannot be checked now; try again later",
        ),
    }
}

fn refusal(error: SaslError) -> Answer {
    match error {
        SaslError::Cancelled => Answer::bad("Cancelled"),
        SaslError::Syntax => Answer::bad("That is no response of this mechanism"),
        SaslError::OtherIdentity => Answer::no(
            Code::AuthorizationFailed,
            "Acting as somebody else is not possible",
        ),
    }
}
