//! `[smtp]`: taking mail in.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::Listener;
use crate::value::{Size, Span};

/// Ports and limits of smtp-ingress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// Where other servers deliver (port 25 in production).
    pub mx: Vec<Listener>,
    /// Where people and applications submit, with STARTTLS (587).
    pub submission: Vec<Listener>,
    /// Where they submit under TLS from the start (465).
    pub submissions: Vec<Listener>,
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
    /// A message with more `Received:` fields than this is in a loop
    /// (RFC 5321 §6.3).
    pub max_hops: usize,
    /// How long the answer to a failed AUTH is kept back; doubled with each
    /// further failure from the same address, up to 16 times as long.
    pub auth_failure_delay: Span,
    /// How many logins may fail from one address within the window; those that
    /// follow are refused unseen until the window has passed.
    pub max_auth_failures_per_address: u32,
    /// How many logins may fail for one account within the window, wherever
    /// they come from.
    pub max_auth_failures_per_account: u32,
    /// From the first failure on, how long failures are counted.
    pub auth_failure_window: Span,
    /// How long a password that was right is known to the process that checked it,
    /// so that the next login with it costs no check; `0s`: not at all.
    pub auth_cache: Span,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            mx: on_loopback(2525),
            submission: on_loopback(2587),
            submissions: on_loopback(2465),
            max_size: Size::mib(50),
            max_recipients: 1000,
            max_connections: 2000,
            max_connections_per_address: 50,
            command_timeout: Span::minutes(5),
            data_timeout: Span::minutes(10),
            max_errors: 20,
            max_hops: 100,
            auth_failure_delay: Span::seconds(2),
            max_auth_failures_per_address: 20,
            max_auth_failures_per_account: 50,
            auth_failure_window: Span::minutes(15),
            auth_cache: Span::minutes(5),
        }
    }
}

pub(crate) fn on_loopback(port: u16) -> Vec<Listener> {
    vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()]
}
