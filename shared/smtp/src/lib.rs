//! SMTP (RFC 5321) as a library without I/O: commands, replies, and the session
//! machines of server and client. Octets go in, events and octets come out; who
//! drives a session owns sockets, TLS, time and storage.

pub mod client;
pub mod command;
pub mod data;
pub mod header;
pub mod proxy;
pub mod received;
pub mod reply;
pub mod server;
pub mod xtext;

pub use command::{Command, CommandError};
pub use message::Secret;
pub use reply::{Reply, ReplyError, ReplyParser};
