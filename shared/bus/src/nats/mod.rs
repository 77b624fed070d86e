//! The bus on NATS JetStream, nats-server 2.9 and newer.
//!
//! Each topic is a work-queue stream on files with one durable pull consumer,
//! which all instances of a service share; [`topology`] makes and verifies
//! them. JetStream answers a publication before it is fsynced, so a power loss
//! may take jobs with it: the ledger publishes them again.
//!
//! While the broker is away publishing fails at once, for the ledger knows the
//! job; the client reconnects by itself for as long as the bus lives. A
//! publication without an answer is repeated under the same `Nats-Msg-Id`, and
//! the server drops the repetition if it has the first.

mod dead;
mod delivery;
mod denial;
mod pull;
#[cfg(test)]
mod tests;
mod topology;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, Context, ErrorCode, context};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, HeaderValue, header};
use async_trait::async_trait;
use bytes::Bytes;
use message::Topic;
use tokio::sync::watch;
use tokio::time;

use crate::url::{Broker, Shape};
use crate::{Buried, BuriedId, Bus, BusError, Outgoing, Published, Subscription, wire};
use denial::Denials;
use topology::Names;

/// How many publications may be unanswered; more wait.
const IN_FLIGHT: usize = 1024;

/// How long one try of a publication waits for its answer, and how many tries
/// there are.
const PATIENCE: Duration = Duration::from_secs(3);
const TRIES: u32 = 3;

/// How long the broker may take over a request or a new connection.
const REQUEST: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to reconnect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Topics on a NATS server or cluster.
pub(crate) struct NatsBus(Link);

/// The connection, shared by the bus, its subscriptions and their deliveries.
#[derive(Clone)]
struct Link {
    client: Client,
    jetstream: Context,
    shape: Arc<Shape>,
    /// Whether there is a connection at the moment.
    connected: watch::Receiver<bool>,
    denials: Denials,
}

impl NatsBus {
    /// Connects, and verifies that the topics are as `broker` says.
    pub(crate) async fn connect(broker: &Broker) -> Result<Self, BusError> {
        let link = Link::connect(broker).await?;
        topology::verify(&link).await?;
        Ok(Self(link))
    }
}

/// Makes the topics as `broker` says; again and again, if need be.
pub(crate) async fn init(broker: &Broker) -> Result<(), BusError> {
    topology::make(&Link::connect(broker).await?).await
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(&self, topic: Topic, outgoing: Outgoing) -> Result<Published, BusError> {
        let mut headers = HeaderMap::new();
        let id = wire::publication_id(&outgoing);
        insert(&mut headers, header::NATS_MESSAGE_ID, &id)?;
        insert(&mut headers, wire::TRACE, &outgoing.trace.to_string())?;
        let payload = outgoing.job.encode().into();
        self.0.publish(topic, payload, headers).await
    }

    async fn subscribe(
        &self,
        topic: Topic,
        prefetch: usize,
    ) -> Result<Box<dyn Subscription>, BusError> {
        let consumer = pull::Consumer::start(&self.0, topic, prefetch, pull::Pace::STEADY);
        Ok(Box::new(consumer.await?))
    }

    async fn depth(&self, topic: Topic) -> Result<Option<u64>, BusError> {
        self.0.connected()?;
        topology::depth(&self.0, topic).await.map(Some)
    }

    async fn dead(&self, limit: usize) -> Result<Vec<Buried>, BusError> {
        dead::list(&self.0, limit).await
    }

    async fn revive(&self, id: BuriedId) -> Result<bool, BusError> {
        dead::revive(&self.0, id).await
    }

    async fn forget(&self, id: BuriedId) -> Result<bool, BusError> {
        dead::forget(&self.0, id).await
    }
}

impl Link {
    async fn connect(broker: &Broker) -> Result<Self, BusError> {
        let (tell, connected) = watch::channel(true);
        let servers = broker.servers.iter().map(|server| {
            let scheme = if broker.tls { "tls" } else { "nats" };
            format!("{scheme}://{server}").parse()
        });
        let servers = servers.collect::<Result<Vec<async_nats::ServerAddr>, _>>();
        let servers = servers.map_err(unavailable("read the address"))?;
        let denials = Denials::new();
        let connecting = options(broker, tell, denials.clone()).connect(servers);
        let client = connecting.await.map_err(unavailable("connect to NATS"))?;
        let jetstream = context::ContextBuilder::new()
            .timeout(REQUEST)
            .ack_timeout(PATIENCE)
            .max_ack_inflight(IN_FLIGHT)
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok(Self {
            client,
            jetstream,
            shape: Arc::new(broker.shape.clone()),
            connected,
            denials,
        })
    }

    /// Fails while there is no connection: what is sent then would wait for one
    /// in memory.
    fn connected(&self) -> Result<(), BusError> {
        match *self.connected.borrow() {
            true => Ok(()),
            false => Err(BusError::Unavailable("not connected to NATS".to_owned())),
        }
    }

    fn names(&self, topic: Topic) -> Names {
        Names::of(&self.shape, topic)
    }

    /// Has octets stored on a topic; `headers` hold the id that makes
    /// repetitions harmless.
    async fn publish(
        &self,
        topic: Topic,
        payload: Bytes,
        headers: HeaderMap,
    ) -> Result<Published, BusError> {
        let subject = self.names(topic).subject;
        let publishing = self.persist(&subject, payload, headers);
        self.denials.or(&subject, publishing).await?
    }

    /// Publishes until there is an answer.
    async fn persist(
        &self,
        subject: &str,
        payload: Bytes,
        headers: HeaderMap,
    ) -> Result<Published, BusError> {
        for _ in 0..TRIES {
            self.connected()?;
            let publish = jetstream::message::PublishMessage::build()
                .payload(payload.clone())
                .headers(headers.clone());
            let answered = async {
                let sent = self.jetstream.send_publish(subject.to_owned(), publish);
                sent.await?.await
            };
            match time::timeout(PATIENCE, answered).await {
                Ok(Ok(_stored)) => return Ok(Published::Taken),
                Ok(Err(error)) if unanswered(&error) => {}
                Ok(Err(error)) => return refusal(&error, payload.len(), self.client.max_payload()),
                Err(_elapsed) => {}
            }
        }
        let problem = format!("NATS did not answer the publication on {subject}");
        Err(BusError::Unavailable(problem))
    }
}

fn options(broker: &Broker, tell: watch::Sender<bool>, denials: Denials) -> ConnectOptions {
    let options = ConnectOptions::new()
        .name("rohrpost")
        .connection_timeout(REQUEST)
        .request_timeout(Some(REQUEST))
        .ping_interval(Duration::from_secs(10))
        .reconnect_delay_callback(|attempts| {
            let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(10);
            (Duration::from_millis(20) * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
        })
        .event_callback(move |event| {
            note(&tell, &denials, &event);
            std::future::ready(())
        })
        .require_tls(broker.tls);
    let options = match &broker.ca {
        Some(file) => options.add_root_certificates(file.clone()),
        None => options,
    };
    match &broker.credentials {
        // An inbox of its own, so that permissions can keep others out of it.
        Some(account) => options
            .user_and_password(account.user.clone(), account.password.clone())
            .custom_inbox_prefix(format!("_INBOX.{}", account.user)),
        None => options,
    }
}

fn note(connected: &watch::Sender<bool>, denials: &Denials, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            connected.send_replace(true);
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!("the connection to NATS is lost");
            connected.send_replace(false);
        }
        Event::LameDuckMode | Event::Draining => tracing::info!(%event, "NATS is going away"),
        Event::SlowConsumer(_) => tracing::warn!(%event, "NATS complains"),
        Event::ServerError(error) => {
            tracing::warn!(%error, "NATS complains");
            denials.note(error);
        }
        // Each failed attempt to reconnect is one.
        Event::ClientError(_) => tracing::debug!(%event, "NATS"),
    }
}

/// Whether the server may have stored what it did not answer.
fn unanswered(error: &context::PublishError) -> bool {
    use context::PublishErrorKind as Kind;
    match error.kind() {
        Kind::TimedOut | Kind::BrokenPipe => true,
        Kind::StreamNotFound
        | Kind::WrongLastMessageId
        | Kind::WrongLastSequence
        | Kind::MaxAckPending
        | Kind::MaxPayloadExceeded
        | Kind::Other => false,
    }
}

/// What the server's refusal means.
fn refusal(
    error: &context::PublishError,
    size: usize,
    max_payload: usize,
) -> Result<Published, BusError> {
    use context::PublishErrorKind as Kind;
    match error.kind() {
        Kind::MaxPayloadExceeded => {
            let limit = max_payload;
            return Err(BusError::TooLarge { size, limit });
        }
        Kind::StreamNotFound => {
            let problem = "no stream takes the job: JetStream is away, or `rohrpost init` has not \
                           made the topics";
            return Err(BusError::Unavailable(problem.to_owned()));
        }
        Kind::WrongLastMessageId
        | Kind::WrongLastSequence
        | Kind::TimedOut
        | Kind::BrokenPipe
        | Kind::MaxAckPending
        | Kind::Other => {}
    }
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<jetstream::Error>()) {
        Some(answer) if answer.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => {
            let limit = wire::MAX_JOB;
            Err(BusError::TooLarge { size, limit })
        }
        Some(answer) if is_full(answer) => Ok(Published::Refused),
        Some(_) | None => Err(unavailable("publish")(error)),
    }
}

/// Whether storing failed for want of room.
fn is_full(answer: &jetstream::Error) -> bool {
    match answer.error_code() {
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED => true,
        // The code says only that storing failed; the text, that it was for
        // the stream's limits.
        ErrorCode::STREAM_STORE_FAILED => answer.to_string().contains("maximum"),
        _ => false,
    }
}

fn unavailable<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> BusError {
    move |error| BusError::Unavailable(format!("cannot {what}: {error}"))
}

/// Adds a header; one with a line break is refused rather than sent.
fn insert(
    headers: &mut HeaderMap,
    name: impl header::IntoHeaderName,
    value: &str,
) -> Result<(), BusError> {
    let value: HeaderValue = value.parse().map_err(unavailable("write a header"))?;
    headers.insert(name, value);
    Ok(())
}
