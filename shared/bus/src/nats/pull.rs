//! Taking jobs from a durable consumer.
//!
//! A task asks the server for as many jobs as there are free slots, and for
//! more when half of them are free again; each job holds its slot until it ends.
//! The server says when a request expires, and sends heartbeats until then. When it is silent, is connected to anew, or
//! refuses, the task starts over with a fresh inbox; whatever still comes to an
//! old one is given back.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, StatusCode, Subject, Subscriber};
use async_trait::async_trait;
use futures_util::StreamExt;
use message::Topic;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time;

use super::delivery::{Out, give_back};
use super::denial::Listener;
use super::{Link, unavailable};
use crate::{BusError, Delivery, Settle, Subscription};

/// The times of asking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long the server holds a request.
    pub(super) expires: Duration,
    /// How often it says that it still holds one.
    pub(super) heartbeat: Duration,
    /// The silence after which it does not.
    pub(super) silence: Duration,
}

impl Pace {
    pub(super) const STEADY: Self = Self {
        expires: Duration::from_secs(30),
        heartbeat: Duration::from_secs(2),
        silence: Duration::from_secs(5),
    };
}

/// The pause after a refusal, before the next request.
const PAUSE: Duration = Duration::from_millis(250);

/// How long to wait for what comes to an old inbox.
const LEAVING: Duration = Duration::from_secs(5);

/// The most that one subscription asks for at a time.
const MOST: usize = 4096;

/// A place at a topic.
pub(super) struct Consumer {
    arrivals: mpsc::Receiver<Result<Out, BusError>>,
}

impl Consumer {
    pub(super) async fn start(
        link: &Link,
        topic: Topic,
        prefetch: usize,
        pace: Pace,
    ) -> Result<Self, BusError> {
        let mut connected = link.connected.clone();
        connected.borrow_and_update();
        link.connected()?;
        let prefetch = prefetch.clamp(1, MOST);
        let slots = Arc::new(Semaphore::new(prefetch));
        // Every job that waits here holds a slot; the rest is for errors.
        let (send, arrivals) = mpsc::channel(prefetch + 4);
        let pump = Pump {
            inbox: Inbox::open(link).await?,
            asked: nothing(&slots),
            request: request_subject(link, topic),
            link: link.clone(),
            connected,
            denials: link.denials.listen(),
            topic,
            prefetch,
            pace,
            slots,
            arrivals: send,
        };
        tokio::spawn(pump.run());
        Ok(Self { arrivals })
    }
}

#[async_trait]
impl Subscription for Consumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        match self.arrivals.recv().await {
            Some(Ok(out)) => Ok(out.hand_out()),
            Some(Err(error)) => Err(error),
            None => Err(BusError::Unavailable(
                "the subscription has ended".to_owned(),
            )),
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.arrivals.close();
        while let Ok(arrival) = self.arrivals.try_recv() {
            if let Ok(mut out) = arrival {
                out.dropped();
            }
        }
    }
}

/// What a consumer's task works with.
struct Pump {
    link: Link,
    connected: watch::Receiver<bool>,
    denials: Listener,
    topic: Topic,
    prefetch: usize,
    pace: Pace,
    /// Where requests go.
    request: Subject,
    inbox: Inbox,
    slots: Arc<Semaphore>,
    /// The slots of jobs that were asked for and have not come.
    asked: OwnedSemaphorePermit,
    arrivals: mpsc::Sender<Result<Out, BusError>>,
}

impl Pump {
    async fn run(mut self) {
        loop {
            // While nothing is asked for, one free slot is reason enough.
            let enough = match self.asked.num_permits() {
                0 => 1,
                _ => self.prefetch.div_ceil(2) as u32,
            };
            let free = Arc::clone(&self.slots).acquire_many_owned(enough);
            tokio::select! {
                biased;
                () = self.arrivals.closed() => break,
                changed = self.connected.changed() => match changed {
                    Ok(()) => self.start_over(self.link.connected()).await,
                    Err(_ended) => break,
                },
                message = self.inbox.subscriber.next() => match message {
                    Some(message) => self.receive(message).await,
                    None => break,
                },
                Ok(free) = free, if self.link.connected().is_ok() => self.ask(free).await,
                denied = self.denials.denied(&self.request) => {
                    self.start_over(Err(denied)).await;
                }
                () = time::sleep(self.pace.silence), if self.asked.num_permits() > 0 => {
                    let problem = format!("NATS is silent about {}", self.topic);
                    self.start_over(Err(BusError::Unavailable(problem))).await;
                }
            }
        }
        self.inbox.leave(&self.link).await;
    }

    /// Asks for jobs to fill all slots that are free.
    async fn ask(&mut self, mut free: OwnedSemaphorePermit) {
        let rest = self.slots.available_permits() as u32;
        if let Ok(rest) = Arc::clone(&self.slots).try_acquire_many_owned(rest) {
            free.merge(rest);
        }
        let request = format!(
            r#"{{"batch":{},"expires":{},"idle_heartbeat":{}}}"#,
            free.num_permits(),
            self.pace.expires.as_nanos(),
            self.pace.heartbeat.as_nanos(),
        );
        self.asked.merge(free);
        let asking = self.link.client.publish_with_reply(
            self.request.clone(),
            self.inbox.subject.clone(),
            request.into(),
        );
        if let Err(error) = asking.await {
            self.start_over(Err(unavailable("ask for jobs")(error)))
                .await;
        }
    }

    async fn receive(&mut self, message: Message) {
        match message.status {
            None | Some(StatusCode::OK) => self.take(message).await,
            Some(StatusCode::IDLE_HEARTBEAT) => {}
            Some(StatusCode::TIMEOUT) => match unfilled(&message) {
                // Dropping their share of the slots makes it free.
                Some(unfilled) => drop(self.asked.split(unfilled.min(self.asked.num_permits()))),
                None => self.start_over(Ok(())).await,
            },
            Some(status) => {
                let reason = message.description.unwrap_or_default();
                let problem = format!("NATS refuses jobs of {}: {status} {reason}", self.topic);
                self.start_over(Err(BusError::Unavailable(problem))).await;
            }
        }
    }

    async fn take(&mut self, message: Message) {
        let Some(slot) = self.asked.split(1) else {
            // It answers a request that counted as lost.
            if let Some(reply) = message.reply {
                give_back(&self.link.client, reply).await;
            }
            return;
        };
        let out = Out::new(self.link.clone(), self.topic, message, slot);
        let sent = self.arrivals.try_send(Ok(out));
        if let Err(refused) = sent
            && let Ok(mut out) = refused.into_inner()
        {
            out.dropped();
        }
    }

    /// Forgets what was asked for, and tells the consumer why.
    async fn start_over(&mut self, why: Result<(), BusError>) {
        self.asked = nothing(&self.slots);
        if let Err(error) = why {
            // A consumer that has errors to read needs no more of them.
            let _ = self.arrivals.try_send(Err(error));
            time::sleep(PAUSE).await;
        }
        match Inbox::open(&self.link).await {
            Ok(fresh) => {
                let old = std::mem::replace(&mut self.inbox, fresh);
                let link = self.link.clone();
                tokio::spawn(async move { old.leave(&link).await });
            }
            Err(error) => {
                let _ = self.arrivals.try_send(Err(error));
            }
        }
    }
}

/// Where the server sends jobs to.
struct Inbox {
    subject: Subject,
    subscriber: Subscriber,
}

impl Inbox {
    async fn open(link: &Link) -> Result<Self, BusError> {
        let subject = Subject::from(link.client.new_inbox());
        let subscribing = link.client.subscribe(subject.clone());
        let subscriber = subscribing.await.map_err(unavailable("open an inbox"))?;
        Ok(Self {
            subject,
            subscriber,
        })
    }

    /// Closes it, and gives back what was on its way.
    async fn leave(mut self, link: &Link) {
        let leaving = async {
            if self.subscriber.drain().await.is_err() {
                return;
            }
            while let Some(message) = self.subscriber.next().await {
                if let (None | Some(StatusCode::OK), Some(reply)) = (message.status, message.reply)
                {
                    give_back(&link.client, reply).await;
                }
            }
        };
        let _ = time::timeout(LEAVING, leaving).await;
    }
}

fn request_subject(link: &Link, topic: Topic) -> Subject {
    let name = link.names(topic).stream;
    format!("$JS.API.CONSUMER.MSG.NEXT.{name}.{name}").into()
}

/// A share of no slots, to be merged with others.
fn nothing(slots: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(slots)
        .try_acquire_many_owned(0)
        .expect("none of the slots are always free")
}

/// How many jobs of an expired request did not come.
fn unfilled(message: &Message) -> Option<usize> {
    let headers = message.headers.as_ref()?;
    headers.get("Nats-Pending-Messages")?.as_str().parse().ok()
}
