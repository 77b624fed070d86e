//! The whole system as a user has it: the real `rohrpost` in a process of its
//! own, and around it what a test needs of the world.
//!
//! - [`House`] starts the program on ports of its own, kills it, starts it
//!   again, and gives the operator's commands.
//! - [`Sink`] is the mail server of somebody else; it takes mail, or misbehaves
//!   as a test tells it to. [`dns::server::ZoneServer`] leads there.
//! - [`Disk`] is a small disk of its own, to be filled.
//! - [`Client`] speaks SMTP as a test wishes, also against the rules; [`Reader`]
//!   reads mail by IMAP.
//! - [`Collector`] receives traces and draws them as trees.
//! - [`Load`] sends numbered messages and remembers those that got 250;
//!   [`Copies`] counts where they ended.
//!
//! Nothing here waits for a time: [`until`] looks for a condition until its
//! deadline. Everything is on loopback, and ends with the value that began it.

mod client;
mod collector;
mod copies;
mod disk;
mod house;
mod load;
mod reader;
mod remote;
mod sink;
mod tls;
mod wait;

pub use client::{Client, Reply};
pub use collector::{Collector, SpanRecord};
pub use copies::Copies;
pub use disk::Disk;
pub use house::{Account, Broker, House, Output, Plan, Server, Signal};
pub use load::{Entrance, Load, Tally};
pub use reader::{Reader, Refusal, Response, Stored};
pub use remote::{Names, Remote};
pub use servers::Port;
pub use sink::{Answer, Received, Sink, Stage};
pub use wait::{DEADLINE, until, until_within};
