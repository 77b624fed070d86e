//! `[imap]`: letting people read their mail.

use serde::{Deserialize, Serialize};

use crate::Listener;
use crate::smtp::on_loopback;
use crate::value::Span;

/// Ports and limits of IMAP. How failed logins are dealt with is said in
/// `[smtp]`, and so is how large a message may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Imap {
    /// Where clients connect, and then start TLS (143).
    pub starttls: Vec<Listener>,
    /// Where they connect under TLS from the start (993).
    pub tls: Vec<Listener>,
    /// Whether passwords are taken without TLS too. For tests, and for proxies
    /// that end TLS themselves.
    pub plain_login: bool,
    /// The most connections at a time, over all ports.
    pub max_connections: usize,
    /// The most connections from one address at a time; a client has several.
    pub max_connections_per_address: usize,
    /// How long a client may take to log in.
    pub login_timeout: Span,
    /// How long a client that has logged in may say nothing, or be idle.
    pub idle_timeout: Span,
    /// How long a client may take nothing of what is sent to it.
    pub send_timeout: Span,
}

impl Default for Imap {
    fn default() -> Self {
        Self {
            starttls: on_loopback(2143),
            tls: on_loopback(2993),
            plain_login: false,
            max_connections: 20_000,
            max_connections_per_address: 200,
            login_timeout: Span::minutes(1),
            idle_timeout: Span::minutes(31),
            send_timeout: Span::minutes(5),
        }
    }
}
