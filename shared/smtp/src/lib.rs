//! SMTP (RFC 5321) as a library without I/O: commands, replies, and the session
//! machines of server and client. Octets go in, events and octets come out; who
//! drives a session owns sockets, TLS, time and storage.

pub mod client;
pub mod reply;

pub use reply::{Reply, ReplyError, ReplyParser};
