//! The bus of a single process: bounded queues in memory.
//!
//! It forgets everything when the process ends, as a hint may: the feeder
//! publishes again from the ledger. A full topic refuses; of `mail.dead`, which
//! is only read by people, the oldest makes room.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use message::{Topic, TraceContext};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::{Buried, BuriedId, Bus, BusError, Delivery, Outgoing, Published, Settle, Subscription};

/// How many jobs wait on one topic of a process.
pub(crate) const DEPTH: usize = 10_000;

/// How many buried octets are kept.
const DEAD: usize = 1_000;

/// Topics in the memory of this process. Clones are the same bus.
#[derive(Clone)]
pub struct EmbeddedBus {
    topics: Arc<[Queue; Topic::ALL.len()]>,
    dead: Arc<Mutex<Graveyard>>,
}

/// What was buried, the oldest first, each with where its trace continues.
#[derive(Default)]
struct Graveyard {
    graves: VecDeque<(Buried, Option<TraceContext>)>,
    /// How many there have ever been.
    dug: u64,
}

struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    depth: usize,
    arrived: Notify,
}

struct Waiting {
    payload: Bytes,
    trace: Option<TraceContext>,
    redelivered: bool,
}

impl EmbeddedBus {
    /// A bus whose topics hold `depth` jobs each.
    pub fn new(depth: usize) -> Self {
        let queue = |_| Queue {
            waiting: Mutex::default(),
            depth,
            arrived: Notify::new(),
        };
        Self {
            topics: Arc::new(Topic::ALL.map(queue)),
            dead: Arc::default(),
        }
    }

    fn queue(&self, topic: Topic) -> &Queue {
        &self.topics[topic as usize]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn publish(&self, topic: Topic, outgoing: Outgoing) -> Result<Published, BusError> {
        let waiting = Waiting {
            payload: outgoing.job.encode().into(),
            trace: Some(outgoing.trace),
            redelivered: false,
        };
        Ok(self.queue(topic).push(waiting))
    }

    async fn subscribe(
        &self,
        topic: Topic,
        prefetch: usize,
    ) -> Result<Box<dyn Subscription>, BusError> {
        Ok(Box::new(Consumer {
            bus: self.clone(),
            topic,
            slots: Arc::new(Semaphore::new(prefetch.clamp(1, Semaphore::MAX_PERMITS))),
        }))
    }

    async fn depth(&self, topic: Topic) -> Result<Option<u64>, BusError> {
        let waiting = match topic {
            Topic::Dead => lock(&self.dead).graves.len(),
            Topic::Accepted | Topic::Local | Topic::Remote | Topic::Outcome => {
                lock(&self.queue(topic).waiting).len()
            }
        };
        Ok(Some(waiting as u64))
    }

    async fn dead(&self, limit: usize) -> Result<Vec<Buried>, BusError> {
        let dead = lock(&self.dead);
        let buried = dead.graves.iter().map(|(buried, _)| buried.clone());
        Ok(buried.take(limit).collect())
    }

    async fn revive(&self, id: BuriedId) -> Result<bool, BusError> {
        let mut dead = lock(&self.dead);
        let Some((buried, trace)) = dead.graves.iter().find(|(buried, _)| buried.id == id) else {
            return Ok(false);
        };
        let waiting = Waiting {
            payload: buried.payload.clone(),
            trace: *trace,
            redelivered: true,
        };
        match self.queue(buried.topic).push(waiting) {
            Published::Taken => Ok(dead.close(id)),
            Published::Refused => Err(BusError::Unavailable(format!("{} is full", buried.topic))),
        }
    }

    async fn forget(&self, id: BuriedId) -> Result<bool, BusError> {
        Ok(lock(&self.dead).close(id))
    }
}

impl Graveyard {
    fn dig(&mut self, topic: Topic, payload: Bytes, reason: String, trace: Option<TraceContext>) {
        if self.graves.len() == DEAD {
            self.graves.pop_front();
        }
        self.dug += 1;
        let id = BuriedId(self.dug);
        let buried = Buried {
            id,
            topic,
            payload,
            reason,
        };
        self.graves.push_back((buried, trace));
    }

    /// Takes a grave away; whether there was one.
    fn close(&mut self, id: BuriedId) -> bool {
        let before = self.graves.len();
        self.graves.retain(|(buried, _)| buried.id != id);
        self.graves.len() < before
    }
}

impl Queue {
    fn push(&self, job: Waiting) -> Published {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= self.depth {
            return Published::Refused;
        }
        waiting.push_back(job);
        drop(waiting);
        self.arrived.notify_one();
        Published::Taken
    }

    /// Puts a job back where it came from: it was let in before, so it has its
    /// place however full the topic is.
    fn put_back(&self, job: Waiting) {
        lock(&self.waiting).push_front(job);
        self.arrived.notify_one();
    }

    async fn pop(&self) -> Waiting {
        loop {
            let mut arrived = pin!(self.arrived.notified());
            // Waiting from before the look, so that of two jobs that come right
            // after it neither is overlooked.
            arrived.as_mut().enable();
            if let Some(job) = lock(&self.waiting).pop_front() {
                return job;
            }
            arrived.await;
        }
    }
}

struct Consumer {
    bus: EmbeddedBus,
    topic: Topic,
    /// One for each delivery that may be out.
    slots: Arc<Semaphore>,
}

#[async_trait]
impl Subscription for Consumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|closed| BusError::Unavailable(closed.to_string()))?;
        // Nothing awaits after the pop, so a cancelled `next` loses no job.
        let job = self.bus.queue(self.topic).pop().await;
        let payload = job.payload.clone();
        let settle = Out {
            bus: self.bus.clone(),
            topic: self.topic,
            payload: payload.clone(),
            trace: job.trace,
            _slot: slot,
        };
        Ok(Delivery::new(
            payload,
            job.trace,
            job.redelivered,
            Box::new(settle),
        ))
    }
}

/// A delivery that is out.
struct Out {
    bus: EmbeddedBus,
    topic: Topic,
    payload: Bytes,
    trace: Option<TraceContext>,
    _slot: OwnedSemaphorePermit,
}

#[async_trait]
impl Settle for Out {
    async fn complete(&mut self) -> Result<(), BusError> {
        Ok(())
    }

    async fn give_back(&mut self) -> Result<(), BusError> {
        self.dropped();
        Ok(())
    }

    async fn bury(&mut self, reason: &str) -> Result<(), BusError> {
        tracing::error!(topic = %self.topic, reason, payload = %self.payload.escape_ascii(), "buried");
        let (payload, reason) = (self.payload.clone(), reason.to_owned());
        lock(&self.bus.dead).dig(self.topic, payload, reason, self.trace);
        Ok(())
    }

    fn dropped(&mut self) {
        self.bus.queue(self.topic).put_back(Waiting {
            payload: self.payload.clone(),
            trace: self.trace,
            redelivered: true,
        });
    }
}
