//! The engines of a house whose services are processes of their own.

use std::io;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, kill_process};
use servers::{Broker as _, NatsServer, RabbitMq, RedisServer};
use tempfile::TempDir;

/// Which broker carries the topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    /// NATS JetStream.
    Nats,
    /// RabbitMQ.
    RabbitMq,
}

/// What a house needs besides its own processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The broker.
    Broker,
    /// Redis.
    Store,
}

/// A broker and a Redis, of this house alone.
pub(super) struct Engines {
    broker: Running,
    redis: RedisServer,
}

enum Running {
    Nats(NatsServer),
    RabbitMq(RabbitMq),
}

impl Engines {
    pub(super) async fn start(broker: Broker) -> Result<Self> {
        Ok(Self {
            broker: match broker {
                Broker::Nats => Running::Nats(NatsServer::start("").await?),
                Broker::RabbitMq => Running::RabbitMq(RabbitMq::start("").await?),
            },
            redis: RedisServer::start("").await?,
        })
    }

    /// For `engines.bus`.
    pub(super) fn bus(&self) -> String {
        match &self.broker {
            Running::Nats(server) => server.url(),
            Running::RabbitMq(server) => server.url(),
        }
    }

    /// For `engines.store`; a reply may take `timeout`, or long.
    pub(super) fn store(&self, timeout: Option<Duration>) -> String {
        match timeout {
            None => self.redis.url(),
            Some(timeout) => format!(
                "redis://127.0.0.1:{}?timeout={}",
                self.redis.port(),
                timeout.as_millis()
            ),
        }
    }

    /// Lets Redis stand still, or go on.
    pub(super) fn freeze_store(&self, frozen: bool) -> Result<()> {
        let pid = self.redis.pid().and_then(|pid| pid.try_into().ok());
        let pid = pid.and_then(Pid::from_raw).context("Redis does not run")?;
        let signal = match frozen {
            true => rustix::process::Signal::STOP,
            false => rustix::process::Signal::CONT,
        };
        kill_process(pid, signal).context("sending a signal to Redis")
    }

    /// Ends a server as a power cut would.
    pub(super) fn kill(&mut self, server: Server) {
        match (server, &mut self.broker) {
            (Server::Broker, Running::Nats(server)) => server.kill(),
            (Server::Broker, Running::RabbitMq(server)) => server.kill(),
            (Server::Store, _) => self.redis.kill(),
        }
    }

    /// A copy of what Redis has on disk.
    pub(super) fn copy_store(&self) -> io::Result<TempDir> {
        self.redis.copy()
    }

    /// Puts a copy in the place of what Redis has on disk.
    pub(super) fn put_back_store(&mut self, copy: &TempDir) -> io::Result<()> {
        self.redis.put_back(copy)
    }

    /// What Redis says to a command.
    pub(super) fn ask_store(&self, command: &[&str]) -> io::Result<String> {
        self.redis.ask(command)
    }

    /// Starts it on what it left on disk, and waits until it listens.
    pub(super) async fn start_again(&mut self, server: Server) -> io::Result<()> {
        match (server, &mut self.broker) {
            (Server::Broker, Running::Nats(server)) => server.start_again().await,
            (Server::Broker, Running::RabbitMq(server)) => server.start_again().await,
            (Server::Store, _) => self.redis.start_again().await,
        }
    }
}
