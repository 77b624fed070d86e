//! Real servers for tests: each on free ports of loopback, with its files in a
//! directory of its own, never a daemon.
//!
//! A server is killed by SIGKILL, as the fault tests want it, and at the latest
//! when its value is dropped, also by a panic. Its port stays reserved while it
//! is down, so that it can be started again for clients that wait for it.

mod deployment;
mod nats;
mod nats_cluster;
mod port;
mod process;
mod rabbitmq;
mod redis;

use std::io;

pub use self::redis::RedisServer;
pub use deployment::Secrets;
pub use nats::NatsServer;
pub use nats_cluster::NatsCluster;
pub use port::Port;
pub use rabbitmq::RabbitMq;

/// A broker that a test can kill and start again.
pub trait Broker: Send {
    /// Where it is, for `bus::connect`.
    fn url(&self) -> String;

    /// Kills it by SIGKILL; its files stay.
    fn kill(&mut self);

    /// Starts it again on the same files and port, and waits until it accepts
    /// connections.
    ///
    /// # Errors
    /// When it ends instead, or takes too long.
    fn start_again(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}
