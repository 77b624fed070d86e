//! A router at work in a house, and waiting for what it does.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Outgoing};
use config::Config;
use message::{Job, JobKey, MessageId, Topic, TraceContext};
use router::Ports;
use station::Station;
use telemetry::{Metrics, Tracer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::House;

/// A router at work in a house.
pub(crate) struct Running {
    pub(crate) metrics: Metrics,
    bus: Arc<dyn Bus>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(house: &House, bus: &Arc<dyn Bus>) -> Self {
        let metrics = Metrics::new();
        let station = Station::new(
            "router",
            Arc::clone(bus),
            Tracer::off(),
            metrics.clone(),
            Arc::new(house.clock.clone()),
        );
        let ports = Ports {
            station,
            directory: house.store.clone(),
            mailbox: house.store.clone(),
            ledger: house.store.clone(),
            content: house.content.clone(),
            random: house.random.clone(),
        };
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let task = tokio::spawn(async move {
            let config = Config::default();
            router::run(&config, ports, token).await.unwrap();
        });
        Self {
            metrics,
            bus: Arc::clone(bus),
            shutdown,
            task,
        }
    }

    pub(crate) async fn publish(&self, message: MessageId) {
        let job = Job {
            key: JobKey::route(message),
            generation: 0,
        };
        let trace = TraceContext {
            trace: message,
            span: 0,
            sampled: false,
        };
        let outgoing = Outgoing {
            job,
            publication: 0,
            trace,
        };
        self.bus.publish(Topic::Accepted, outgoing).await.unwrap();
    }

    /// Ends it once what it took is done.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let come_true = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), come_true).await;
    waited.unwrap_or_else(|_| panic!("waiting for {what}"));
}
