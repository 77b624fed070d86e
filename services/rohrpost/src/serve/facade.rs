//! What the house shows to whoever comes in.

use std::net::SocketAddr;
use std::sync::Arc;

use config::{Config, Listener};
use web_gateway::Token;

use crate::Failure;
use crate::arguments::Place;
use crate::operator::Client;

/// Where the services are, and how to speak to them.
pub(super) struct Facade {
    pub(super) config: Arc<Config>,
    /// What the command line says of this house.
    pub(super) place: Place,
    pub(super) token: Token,
    pub(super) web: SocketAddr,
}

impl Facade {
    /// Where the services are, for the terminal.
    pub(super) fn places(&self) -> String {
        let smtp = &self.config.smtp;
        let mut lines = vec![format!(
            "rohrpost {} is ready; its data is in {}",
            env!("CARGO_PKG_VERSION"),
            self.config.server.data.display()
        )];
        let (imap, pop3) = (&self.config.imap, &self.config.pop3);
        let groups = [
            ("SMTP", &smtp.mx, ""),
            ("submission", &smtp.submission, " (STARTTLS)"),
            ("submission", &smtp.submissions, " (TLS)"),
            ("IMAP", &imap.starttls, " (STARTTLS)"),
            ("IMAP", &imap.tls, " (TLS)"),
            ("POP3", &pop3.starttls, " (STLS)"),
            ("POP3", &pop3.tls, " (TLS)"),
        ];
        for (what, listeners, how) in groups {
            let line = |at: &Listener| format!("  {what:<12}{}{how}", at.address);
            lines.extend(listeners.iter().map(line));
        }
        lines.push(format!("  {:<12}http://{}", "admin API", self.web));
        lines.join("\n")
    }

    /// Where to submit with STARTTLS.
    pub(super) fn submission(&self) -> Option<SocketAddr> {
        self.config.smtp.submission.first().map(|at| at.address)
    }

    /// How the operator's commands are called for this house.
    pub(super) fn command(&self) -> String {
        let program = std::env::args()
            .next()
            .unwrap_or_else(|| "rohrpost".to_owned());
        let options = [
            ("--config", &self.place.config),
            ("--data", &self.place.data),
        ];
        let given = options.into_iter().filter_map(|(option, path)| {
            let path = path.as_ref()?;
            let whole = std::path::absolute(path);
            let whole = whole.as_ref().unwrap_or(path);
            Some(format!(" {option} {}", whole.display()))
        });
        [program].into_iter().chain(given).collect()
    }

    /// A client of our own admin API.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let url = format!("http://{}", self.web);
        Client::new(&url, self.token.clone(), self.config.token_file())
    }
}
