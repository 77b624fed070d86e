//! What the server publishes, heard over a connection of its own.
//!
//! It is opened when first somebody wants to hear. Whoever hears is told when
//! listening begins, at first and after it was lost, and when it ends: in between
//! nothing is missed.

use std::sync::{Arc, Once};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Client, Msg, RedisError};
use tokio::time::{Instant, interval_at, sleep, timeout};

/// How long to wait before listening again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often an idle connection is asked for a sign of life.
const PING: Duration = Duration::from_secs(10);

/// How long connecting and signs of life may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Somebody who hears messages.
pub(super) trait Ear: Send + Sync + 'static {
    /// From now on all is heard; what went before may have been missed.
    fn begin(&self);

    /// A message.
    fn hear(&self, message: &Msg);

    /// From now on nothing is heard.
    fn end(&self);
}

/// Channels of one pattern, and who hears them.
pub(super) struct Channel<E> {
    listener: Arc<Listener<E>>,
    listening: Once,
    /// Dropped with the store, which ends the listener.
    alive: tokio::sync::watch::Sender<()>,
}

impl<E: Ear> Channel<E> {
    /// Nothing is heard before [`Channel::listen`]. `subject` is what the messages
    /// are about, in the plural, for the log.
    pub(super) fn new(
        client: Client,
        pattern: &'static str,
        subject: &'static str,
        ear: E,
    ) -> Self {
        Self {
            listener: Arc::new(Listener {
                client,
                pattern,
                subject,
                ear,
            }),
            listening: Once::new(),
            alive: tokio::sync::watch::Sender::new(()),
        }
    }

    /// Who hears.
    pub(super) fn ear(&self) -> &E {
        &self.listener.ear
    }

    /// Listens from now on, if it does not already.
    pub(super) fn listen(&self) {
        self.listening.call_once(|| {
            let listener = Arc::clone(&self.listener);
            let mut alive = self.alive.subscribe();
            tokio::spawn(async move {
                tokio::select! {
                    () = listener.listen() => {}
                    // Nothing is ever sent: the sender is gone.
                    _ended = alive.changed() => {}
                }
            });
        });
    }
}

struct Listener<E> {
    client: Client,
    pattern: &'static str,
    subject: &'static str,
    ear: E,
}

impl<E: Ear> Listener<E> {
    /// Listens for as long as it is polled.
    async fn listen(&self) {
        let subject = self.subject;
        let mut deaf = false;
        loop {
            let reason = match self.subscribe().await {
                Ok((sink, stream)) => {
                    if deaf {
                        tracing::info!("{subject} are heard again");
                    }
                    deaf = false;
                    self.ear.begin();
                    self.forward(sink, stream).await;
                    self.ear.end();
                    "the connection is lost".to_owned()
                }
                Err(reason) => reason,
            };
            if !deaf {
                tracing::warn!(reason, "{subject} are not heard");
            }
            deaf = true;
            sleep(PAUSE).await;
        }
    }

    async fn subscribe(&self) -> Result<(PubSubSink, PubSubStream), String> {
        let subscribing = async {
            let mut connection = self.client.get_async_pubsub().await?;
            connection.psubscribe(self.pattern).await?;
            Ok(connection.split())
        };
        let subscribed = timeout(PATIENCE, subscribing).await;
        let subscribed = subscribed.map_err(|elapsed| elapsed.to_string())?;
        subscribed.map_err(|error: RedisError| error.to_string())
    }

    /// Passes each message on until the connection is lost.
    async fn forward(&self, mut sink: PubSubSink, mut stream: PubSubStream) {
        let mut pings = interval_at(Instant::now() + PING, PING);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.ear.hear(&message),
                    None => return,
                },
                _ = pings.tick() => {
                    // The stream must be polled for the answer to come in.
                    let answered = async { sink.ping::<redis::Value>().await.is_ok() };
                    if !self.forward_until(&mut stream, answered).await {
                        return;
                    }
                }
            }
        }
    }

    /// Goes on while the server is asked for a sign of life; whether it gave one
    /// in time.
    async fn forward_until(
        &self,
        stream: &mut PubSubStream,
        answered: impl Future<Output = bool>,
    ) -> bool {
        let answered = timeout(PATIENCE, answered);
        tokio::pin!(answered);
        loop {
            tokio::select! {
                answer = &mut answered => return answer.unwrap_or(false),
                message = stream.next() => match message {
                    Some(message) => self.ear.hear(&message),
                    None => return false,
                },
            }
        }
    }
}
