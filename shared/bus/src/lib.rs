//! The bus: the port of topics.
//!
//! Topics are hints: transport and load balancing, never the only place where
//! something is known. Delivery is at least once, to competing consumers, with
//! explicit acknowledgement. A job whose publication is refused, or lost with
//! the broker, is published again from the ledger.
//!
//! Three engines stand behind the port, chosen by URL: `embedded` in the memory
//! of one process, `nats://` for NATS JetStream, `amqp://` for RabbitMQ. Where
//! there is a broker, [`init`] makes its topics with an administrator's
//! credentials, and [`connect`] verifies them.

mod amqp;
mod buried;
pub mod conformance;
mod embedded;
mod nats;
mod url;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use message::{Job, Topic, TraceContext};

pub use buried::{Buried, BuriedId};
pub use embedded::EmbeddedBus;
use url::Engine;

/// Why the bus did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The broker cannot be reached, or failed.
    #[error("the bus is unavailable: {0}")]
    Unavailable(String),
    /// The URL names no engine of ours.
    #[error("{url:?} is no bus: {reason}")]
    Url {
        /// The URL, without a password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The topics on the broker are not as this version wants them.
    #[error("the broker's topics differ (`rohrpost init` makes them right): {0}")]
    Drift(String),
    /// The broker takes nothing as large as this.
    #[error("{size} octets are too large for the broker, which takes {limit}")]
    TooLarge {
        /// Of the job.
        size: usize,
        /// The broker's limit.
        limit: usize,
    },
    /// The broker permits this user no such thing.
    #[error("denied: {0}")]
    Denied(String),
    /// The engine cannot do that; the broker's own tools can.
    #[error("this engine of the bus cannot {0}; the broker's own tools can")]
    Unsupported(&'static str),
}

/// A job to be published, with what tells this publication from others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outgoing {
    /// The job.
    pub job: Job,
    /// Counts the publications of this generation, the first being 0: only
    /// repeats of one publication are dropped as duplicates.
    pub publication: u32,
    /// Where the message's trace continues.
    pub trace: TraceContext,
}

/// What publishing came to. Neither is an error: the ledger knows the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The topic has it.
    Taken,
    /// The topic is full.
    Refused,
}

/// The port of topics.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Puts a job on a topic.
    async fn publish(&self, topic: Topic, outgoing: Outgoing) -> Result<Published, BusError>;

    /// Joins the consumers of a topic; at most `prefetch` deliveries are out at
    /// a time.
    async fn subscribe(
        &self,
        topic: Topic,
        prefetch: usize,
    ) -> Result<Box<dyn Subscription>, BusError>;

    /// How many jobs wait on a topic, where the engine can tell.
    async fn depth(&self, topic: Topic) -> Result<Option<u64>, BusError>;

    /// What is buried on [`Topic::Dead`], the oldest first, at most `limit`.
    ///
    /// On AMQP, where a queue cannot be read without taking from it, what one
    /// operator looks at is hidden from others for that moment.
    async fn dead(&self, _limit: usize) -> Result<Vec<Buried>, BusError> {
        Err(BusError::Unsupported("show what is buried"))
    }

    /// Gives what was buried back to the topic where it was found, as after an
    /// upgrade that can read it; false where nothing of that name is buried.
    async fn revive(&self, _id: BuriedId) -> Result<bool, BusError> {
        Err(BusError::Unsupported("give back what is buried"))
    }

    /// Forgets what was buried; false where nothing of that name is.
    async fn forget(&self, _id: BuriedId) -> Result<bool, BusError> {
        Err(BusError::Unsupported("forget what is buried"))
    }
}

/// A consumer's place at a topic. Dropped, it leaves the topic; its deliveries
/// stay valid.
#[async_trait]
pub trait Subscription: Send {
    /// The next delivery; waits until there is one. Cancel safe: a delivery is
    /// either returned or given to another consumer.
    async fn next(&mut self) -> Result<Delivery, BusError>;
}

/// A job handed to one consumer, which ends it in exactly one way. Dropped
/// without, it is returned.
pub struct Delivery {
    /// The octets of the job; [`Job::decode`] reads them.
    pub payload: Bytes,
    /// Where the message's trace continues, if the publisher said.
    pub trace: Option<TraceContext>,
    /// Whether it was delivered before.
    pub redelivered: bool,
    settle: Option<Box<dyn Settle>>,
}

/// How an adapter ends a delivery.
#[async_trait]
pub trait Settle: Send + Sync {
    /// The work is done: the job leaves the topic.
    async fn complete(&mut self) -> Result<(), BusError>;
    /// Gives the job back at once.
    async fn give_back(&mut self) -> Result<(), BusError>;
    /// Moves the octets to [`Topic::Dead`] with the reason.
    async fn bury(&mut self, reason: &str) -> Result<(), BusError>;
    /// Gives the job back without waiting, when a delivery is dropped.
    fn dropped(&mut self);
}

impl Delivery {
    /// A delivery as an adapter makes it.
    pub fn new(
        payload: Bytes,
        trace: Option<TraceContext>,
        redelivered: bool,
        settle: Box<dyn Settle>,
    ) -> Self {
        Self {
            payload,
            trace,
            redelivered,
            settle: Some(settle),
        }
    }

    /// The work is done: the job leaves the topic.
    ///
    /// # Errors
    /// When the broker is away; the job will come again.
    pub async fn complete(mut self) -> Result<(), BusError> {
        match self.settle.take() {
            Some(mut settle) => settle.complete().await,
            None => Ok(()),
        }
    }

    /// Gives the job back at once, as on shutdown.
    ///
    /// # Errors
    /// When the broker is away; the job will come again.
    pub async fn give_back(mut self) -> Result<(), BusError> {
        match self.settle.take() {
            Some(mut settle) => settle.give_back().await,
            None => Ok(()),
        }
    }

    /// Moves octets that are no job to [`Topic::Dead`], with the reason.
    ///
    /// # Errors
    /// When the broker is away; the delivery will come again.
    pub async fn bury(mut self, reason: &str) -> Result<(), BusError> {
        match self.settle.take() {
            Some(mut settle) => settle.bury(reason).await,
            None => Ok(()),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(mut settle) = self.settle.take() {
            settle.dropped();
        }
    }
}

/// Connects to the bus that `url` names, and verifies its topics:
///
/// - `embedded`
/// - `nats://USER:PASSWORD@HOST:PORT,HOST:PORT`, or `tls://…`
/// - `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://…`
///
/// with the options `?max_jobs=…` (what a topic holds), `replicas=…` (nodes that
/// hold each job), `prefix=…` (before every name), `password_file=…`, `ca=…`
/// (certificates in PEM to trust) and, for NATS, `ack_wait=…` (seconds until a
/// job of a consumer that died is given to another).
///
/// # Errors
/// When the URL names no engine, the broker cannot be reached, or its topics
/// are not as they are to be.
pub async fn connect(url: &str) -> Result<Arc<dyn Bus>, BusError> {
    match Engine::parse(url)? {
        Engine::Embedded => Ok(Arc::new(EmbeddedBus::new(embedded::DEPTH))),
        Engine::Nats(broker) => Ok(Arc::new(nats::NatsBus::connect(&broker).await?)),
        Engine::Amqp(broker) => Ok(Arc::new(amqp::AmqpBus::connect(&broker).await?)),
    }
}

/// Makes the topics on the broker that `url` names, with credentials that may.
/// What is there already and right is left alone, jobs included.
///
/// # Errors
/// When the URL names no engine, the broker cannot be reached, or refuses.
pub async fn init(url: &str) -> Result<(), BusError> {
    match Engine::parse(url)? {
        Engine::Embedded => Ok(()),
        Engine::Nats(broker) => nats::init(&broker).await,
        Engine::Amqp(broker) => amqp::init(&broker).await,
    }
}
