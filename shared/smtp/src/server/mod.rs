//! The server's side of a session (RFC 5321, RFC 6409), as a machine: octets of
//! the client go in, [`Event`]s and octets for the client come out.
//!
//! The driver owns the socket, time and all knowledge of addresses. It asks for
//! the [next event](Session::next_event) again and again; a question of the
//! session stands until it is answered, by one of the `accept_…` methods or by
//! [`Session::refuse`]. Order of commands, pipelining (RFC 2920), chunks
//! (RFC 3030), limits (RFC 9422), login (RFC 4954), and the envelope are the
//! session's own affair.
//!
//! Commands injected in clear behind STARTTLS (RFC 3207), or sent ahead behind
//! any other command whose reply decides what comes next, end the session, as
//! do line ends other than CRLF: nothing that another host may have read
//! differently is ever obeyed.

mod event;
mod execute;
mod input;
mod replies;
mod session;
mod state;
mod transfer;

use message::Domain;

pub use event::{Arrival, Event};
pub use session::Session;

/// What a session offers and demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// The name in the greeting.
    pub hostname: Domain,
    /// What the port is for.
    pub role: Role,
    /// Whether TLS can be started. A session that began under TLS does not
    /// offer it again.
    pub starttls: bool,
    /// The largest content, in octets after unstuffing.
    pub size_limit: u64,
    /// The most recipients of one transaction.
    pub max_recipients: usize,
    /// The most commands refused for good, until a message is accepted.
    pub max_errors: u32,
    /// The most `Received:` fields (RFC 5321 §6.3).
    pub max_hops: usize,
}

/// What a port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Other servers deliver for local recipients (RFC 5321).
    Mx,
    /// People and applications send (RFC 6409): only after AUTH, which is
    /// offered only under TLS.
    Submission,
}
