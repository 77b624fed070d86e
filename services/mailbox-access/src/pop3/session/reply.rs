//! What the client is told.

use std::fmt::Display;

use super::{Session, State};

/// So many wrong commands a session survives.
const ERRORS_MAX: u32 = 20;

impl Session {
    pub(super) fn no_such_message(&mut self) {
        self.err("no such message");
    }

    /// RFC 2449 §5; what is offered only before a login is named only there.
    pub(super) fn capabilities(&mut self, before_login: bool) {
        let mut lines = vec![
            "TOP".to_owned(),
            "UIDL".to_owned(),
            "RESP-CODES".to_owned(),
            "AUTH-RESP-CODE".to_owned(),
            "PIPELINING".to_owned(),
            "EXPIRE NEVER".to_owned(),
            "UTF8 USER".to_owned(),
        ];
        if let Some(seconds) = self.config.login_delay {
            lines.push(format!("LOGIN-DELAY {seconds}"));
        }
        if before_login && self.tls {
            lines.push("USER".to_owned());
            lines.push(format!("SASL {}", sasl::MECHANISMS.join(" ")));
        } else if before_login {
            lines.push("STLS".to_owned());
        }
        lines.push("IMPLEMENTATION Rohrpost".to_owned());
        self.lines(&lines);
    }

    pub(super) fn lines(&mut self, lines: &[impl AsRef<str>]) {
        self.ok("a list follows");
        for line in lines {
            self.output.extend_from_slice(line.as_ref().as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
        self.output.extend_from_slice(b".\r\n");
    }

    /// A client that only ever sends nonsense is not worth a connection.
    pub(super) fn reject(&mut self, error: impl Display) {
        self.err(error);
        self.errors += 1;
        if self.errors >= ERRORS_MAX {
            self.state = State::Closing;
        }
    }

    pub(super) fn ok(&mut self, text: impl Display) {
        let line = format!("+OK {text}\r\n");
        self.output.extend_from_slice(line.as_bytes());
    }

    pub(super) fn err(&mut self, text: impl Display) {
        let line = format!("-ERR {text}\r\n");
        self.output.extend_from_slice(line.as_bytes());
    }
}
