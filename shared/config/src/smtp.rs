//! `[smtp]`: taking mail in.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::value::{Size, Span};

/// Ports and limits of smtp-ingress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// Where other servers deliver (port 25 in production).
    pub mx: Vec<SocketAddr>,
    /// Where people and applications submit, with STARTTLS (587).
    pub submission: Vec<SocketAddr>,
    /// Where they submit under TLS from the start (465).
    pub submissions: Vec<SocketAddr>,
    /// The largest message taken, in octets after unstuffing.
    pub max_size: Size,
    /// The most recipients of a transaction; RFC 5321 §4.5.3.1.8 asks for 100.
    pub max_recipients: usize,
    /// The most connections at a time, over all ports.
    pub max_connections: usize,
    /// The most connections from one address at a time.
    pub max_connections_per_address: usize,
    /// How long a client may take for a command (RFC 5321 §4.5.3.2.7).
    pub command_timeout: Span,
    /// How long a client may take for the next piece of content.
    pub data_timeout: Span,
    /// How many refused commands a session survives.
    pub max_errors: u32,
    /// How long the answer to a failed AUTH is kept back.
    pub auth_failure_delay: Span,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            mx: vec![SocketAddr::from(([127, 0, 0, 1], 2525))],
            submission: vec![SocketAddr::from(([127, 0, 0, 1], 2587))],
            submissions: vec![SocketAddr::from(([127, 0, 0, 1], 2465))],
            max_size: Size::mib(50),
            max_recipients: 1000,
            max_connections: 2000,
            max_connections_per_address: 50,
            command_timeout: Span::minutes(5),
            data_timeout: Span::minutes(10),
            max_errors: 20,
            auth_failure_delay: Span::seconds(2),
        }
    }
}
