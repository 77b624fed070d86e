//! Hello, goodbye, and what can be talked about in between: CAPABILITY, ID,
//! ENABLE, NAMESPACE, LOGOUT, COMPRESS.

use imap::command::Extension;
use imap::response::{Code, Condition, Response, Status};

use super::answer::{Answer, Broken, Failure};
use super::capability::{Stage, capabilities};
use super::session::{Session, State};

impl Session {
    /// The greeting tells what the client can do.
    pub(super) fn greet(&mut self) {
        let names = self.capabilities();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let text = format!("{} is ready", self.service.hostname);
        let status = Status::untagged(Condition::Ok, &text).with(Code::Capability(&names));
        Response::Status(status).write(&mut self.out);
    }

    pub(super) fn bye(&mut self, text: &str) {
        Response::Status(Status::untagged(Condition::Bye, text)).write(&mut self.out);
    }

    pub(super) fn capability(&mut self) -> Answer {
        let names = self.capabilities();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Response::Capability(&names).write(&mut self.out);
        Answer::ok("That is all")
    }

    fn capabilities(&self) -> Vec<String> {
        let stage = match self.state {
            State::Authenticated(_) | State::Selected(..) => Stage::LoggedIn,
            State::Stranger | State::Ended if self.tls => Stage::Secured,
            State::Stranger | State::Ended => Stage::Clear {
                login: self.service.plain_login,
            },
        };
        capabilities(stage, self.service.append_limit)
    }

    /// RFC 2971. What clients say of themselves helps to find their faults.
    pub(super) fn id(&mut self, fields: &[(String, Option<String>)]) -> Answer {
        tracing::debug!(client = %self.client, ?fields, "the client says what it is");
        let version = env!("CARGO_PKG_VERSION");
        Response::Id(&[("name", "Rohrpost"), ("version", version)]).write(&mut self.out);
        Answer::ok("Nice to meet you")
    }

    pub(super) fn enable(&mut self, extensions: &[Extension]) -> Result<Answer, Answer> {
        if !matches!(self.state, State::Authenticated(_)) {
            return Err(Answer::bad(
                "ENABLE comes behind the login and before SELECT",
            ));
        }
        for extension in extensions {
            match extension {
                Extension::Imap4Rev2 => self.enabled.rev2 = true,
                Extension::Utf8Accept => self.enabled.utf8 = true,
                Extension::Condstore => self.enabled.condstore = true,
                Extension::Qresync => {
                    self.enabled.condstore = true;
                    self.enabled.qresync = true;
                }
                Extension::Other(_) => {}
            }
        }
        Response::Enabled(extensions).write(&mut self.out);
        let names = self.enabled.names();
        self.out.set_names(names);
        self.framer.set_names(names);
        Ok(Answer::ok("Enabled"))
    }

    pub(super) fn namespace(&mut self) -> Result<Answer, Answer> {
        self.account()?;
        Response::Namespace.write(&mut self.out);
        Ok(Answer::ok("That is all"))
    }

    pub(super) fn logout(&mut self) -> Answer {
        self.bye("Good bye");
        self.state = State::Ended;
        Answer::ok("Logged out")
    }

    /// Says OK in clear; whatever follows is compressed.
    pub(super) async fn compress(&mut self, tag: &imap::Tag) -> Result<(), Failure> {
        self.account()?;
        if self.wire.is_compressed() {
            return Err(Answer::no(Code::CompressionActive, "It is compressed already").into());
        }
        Answer::ok("Compressed from here on").write(tag, &mut self.out);
        self.flush().await?;
        self.wire.compress(&mut self.input);
        Ok(())
    }

    /// Says OK in clear and shakes hands. What came behind the command in clear
    /// may be somebody else's: it is thrown away (RFC 9051 §11.1).
    pub(super) async fn start_tls(&mut self, tag: &imap::Tag) -> Result<(), Failure> {
        if self.tls || !matches!(self.state, State::Stranger) {
            return Err(Answer::bad("STARTTLS comes first, and once").into());
        }
        Answer::ok("Shake hands").write(tag, &mut self.out);
        self.flush().await?;
        self.input.clear();
        let stream = self.wire.take_stream();
        let secured = perimeter::handshake(stream, self.service.tls.as_ref()).await;
        self.wire = super::wire::Wire::new(secured.map_err(Broken::Io)?);
        self.tls = true;
        Ok(())
    }

    /// The answer to a login that succeeded tells what can be done now.
    pub(super) fn welcome(&mut self) -> Answer {
        let names = self.capabilities();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Response::Capability(&names).write(&mut self.out);
        Answer::ok("Logged in")
    }
}
