//! `[pop3]`: fetching mail.

use serde::{Deserialize, Serialize};

use crate::Listener;
use crate::smtp::on_loopback;
use crate::value::Span;

/// Ports and limits of POP3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pop3 {
    /// Where clients connect, and then start TLS (110).
    pub starttls: Vec<Listener>,
    /// Where they connect under TLS from the start (995).
    pub tls: Vec<Listener>,
    /// The most connections at a time, over all ports.
    pub max_connections: usize,
    /// The most connections from one address at a time.
    pub max_connections_per_address: usize,
    /// How long a client may be silent; RFC 1939 §3 asks for 10 minutes.
    pub timeout: Span,
    /// The least time between two logins to an account (LOGIN-DELAY); none by
    /// default.
    pub login_delay: Span,
}

impl Default for Pop3 {
    fn default() -> Self {
        Self {
            starttls: on_loopback(2110),
            tls: on_loopback(2995),
            max_connections: 2000,
            max_connections_per_address: 50,
            timeout: Span::minutes(10),
            login_delay: Span::seconds(0),
        }
    }
}
