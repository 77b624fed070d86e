//! The engines of a house whose services are processes of their own.

use std::io;

use anyhow::Result;
use servers::{Broker as _, NatsServer, RabbitMq, RedisServer};

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

    /// For `engines.store`.
    pub(super) fn store(&self) -> String {
        self.redis.url()
    }

    /// Ends a server as a power cut would.
    pub(super) fn kill(&mut self, server: Server) {
        match (server, &mut self.broker) {
            (Server::Broker, Running::Nats(server)) => server.kill(),
            (Server::Broker, Running::RabbitMq(server)) => server.kill(),
            (Server::Store, _) => self.redis.kill(),
        }
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
