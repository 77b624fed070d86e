//! Taking jobs from a queue.
//!
//! Each subscription has a channel, whose prefetch the broker keeps to. The
//! channel lives as long as the subscription or one of its deliveries; when it
//! ends, by us or with the connection, the broker gives what was out to others.

use async_trait::async_trait;
use futures_util::StreamExt;
use lapin::Acker;
use lapin::Channel;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::FieldTable;
use message::{Topic, TraceContext};
use tokio::runtime::Handle;

use super::link::Link;
use super::publish::Publisher;
use super::{answered, dead, header, insert, unavailable};
use crate::{BusError, Delivery, Published, Settle, Subscription, wire};

/// A place at a topic.
pub(super) struct Consumer {
    stream: lapin::Consumer,
    channel: Channel,
    topic: Topic,
    dead: Publisher,
}

impl Consumer {
    pub(super) async fn start(
        link: &Link,
        dead: Publisher,
        topic: Topic,
        queue: String,
        prefetch: usize,
    ) -> Result<Self, BusError> {
        let channel = link.channel().await?;
        let prefetch = prefetch.clamp(1, u16::MAX.into()) as u16;
        let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
        answered("bound what is out", qos).await?;
        let consume = channel.basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let stream = answered("consume", consume).await?;
        Ok(Self {
            stream,
            channel,
            topic,
            dead,
        })
    }

    fn hand_out(&self, delivery: lapin::message::Delivery) -> Delivery {
        let headers = delivery.properties.headers().as_ref();
        let trace = headers.and_then(|headers| header(headers, wire::TRACE)?.parse().ok());
        let out = Out {
            acker: delivery.acker,
            channel: self.channel.clone(),
            topic: self.topic,
            payload: delivery.data.clone().into(),
            trace,
            dead: self.dead.clone(),
        };
        Delivery::new(
            delivery.data.into(),
            trace,
            delivery.redelivered,
            Box::new(out),
        )
    }
}

#[async_trait]
impl Subscription for Consumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        match self.stream.next().await {
            Some(Ok(delivery)) => Ok(self.hand_out(delivery)),
            Some(Err(error)) => Err(BusError::Unavailable(format!(
                "jobs of {} stop: {error}",
                self.topic
            ))),
            None => Err(BusError::Unavailable(format!(
                "RabbitMQ sends no more jobs of {}",
                self.topic
            ))),
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (channel, stream) = (self.channel.clone(), self.stream.clone());
        runtime.spawn(leave(channel, stream));
    }
}

/// Stops consuming, and gives back what was on its way.
async fn leave(channel: Channel, mut stream: lapin::Consumer) {
    let cancel = channel.basic_cancel(stream.tag(), BasicCancelOptions::default());
    if answered("stop consuming", cancel).await.is_err() {
        return;
    }
    while let Some(Ok(delivery)) = stream.next().await {
        give_back(&delivery.acker).await;
    }
}

async fn give_back(acker: &Acker) {
    // If this fails the channel has ended, and the broker has the job back.
    let _ = acker.nack(requeue()).await;
}

fn requeue() -> BasicNackOptions {
    BasicNackOptions {
        requeue: true,
        ..BasicNackOptions::default()
    }
}

/// A delivery that is out.
struct Out {
    acker: Acker,
    /// Open for as long as the delivery is to be answered.
    channel: Channel,
    topic: Topic,
    payload: bytes::Bytes,
    trace: Option<TraceContext>,
    dead: Publisher,
}

impl Out {
    fn answer(&self, answered: lapin::Result<bool>) -> Result<(), BusError> {
        match answered {
            Ok(true) => Ok(()),
            Ok(false) => Err(BusError::Unavailable(format!(
                "a delivery of {} has outlived its connection",
                self.topic
            ))),
            Err(error) => Err(unavailable("end a delivery")(error)),
        }
    }
}

#[async_trait]
impl Settle for Out {
    async fn complete(&mut self) -> Result<(), BusError> {
        self.answer(self.acker.ack(BasicAckOptions::default()).await)
    }

    async fn give_back(&mut self) -> Result<(), BusError> {
        self.answer(self.acker.nack(requeue()).await)
    }

    async fn bury(&mut self, reason: &str) -> Result<(), BusError> {
        let payload = self.payload.escape_ascii();
        tracing::error!(topic = %self.topic, reason, %payload, "buried");
        let mut headers = FieldTable::default();
        insert(&mut headers, wire::FOUND_ON, self.topic.name());
        insert(&mut headers, wire::REASON, &wire::reason_line(reason));
        if let Some(trace) = self.trace {
            insert(&mut headers, wire::TRACE, &trace.to_string());
        }
        let id = dead::name(self.topic, &self.payload).to_string();
        match self
            .dead
            .publish(Topic::Dead, &self.payload, id, headers)
            .await?
        {
            Published::Taken => self.complete().await,
            Published::Refused => Err(BusError::Unavailable("mail.dead takes no more".to_owned())),
        }
    }

    fn dropped(&mut self) {
        // Without a runtime the broker has it back when the channel ends.
        if let Ok(runtime) = Handle::try_current() {
            let (acker, channel) = (self.acker.clone(), self.channel.clone());
            runtime.spawn(async move {
                give_back(&acker).await;
                drop(channel);
            });
        }
    }
}
