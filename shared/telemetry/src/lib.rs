//! What operators see: traces, metrics and logs.
//!
//! *Traces.* A message is one trace, whose id is the message id. Each service
//! has a [`Tracer`] under its own `service.name`; all share one exporter, which
//! sends batches by OTLP (http/protobuf) from a thread of its own. Spans are
//! passed as values, never through thread-locals, and their context travels
//! with jobs and in the ledger. Where nothing is exported, or a message is not
//! sampled, a span is a few words on the stack.
//!
//! *Metrics* are kept in a registry that `/metrics` prints. *Logs* are written
//! by `tracing` to standard error.
//!
//! Failure: a collector that is slow or away costs spans, never mail: the queue
//! before the exporter is bounded and drops.

mod export;
mod labels;
mod logs;
mod metrics;
pub mod names;
mod span;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider};

pub use labels::{JobEnd, Publication, Refusal};
pub use logs::start_logs;
pub use metrics::{Metrics, Running};
pub use span::{Span, Tracer};

use export::{Destination, Exporter};
use span::MessageIds;

/// Why telemetry does not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `OTEL_EXPORTER_OTLP_…` says what cannot be done.
    #[error("cannot export traces: {0}")]
    Exporter(String),
    /// `telemetry.log_filter` is no filter, or logging was started before.
    #[error("cannot start logging: {0}")]
    Logs(String),
}

/// The traces of a process: one exporter for all its services.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// None where nothing is exported.
    provider: Option<SdkTracerProvider>,
    sampling: f64,
}

impl Telemetry {
    /// Starts exporting where `env` (the `OTEL_*` variables) says so: with
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`
    /// set, and neither `OTEL_SDK_DISABLED=true` nor
    /// `OTEL_TRACES_EXPORTER=none`.
    ///
    /// # Errors
    /// When the endpoint or the protocol is none we can export by.
    pub fn start(
        config: &config::Telemetry,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, TelemetryError> {
        let destination = Destination::from_env(env)?;
        let provider = destination.map(|destination| {
            let exporter = Exporter::new(destination)?;
            Ok(SdkTracerProvider::builder()
                .with_sampler(Sampler::AlwaysOn)
                .with_id_generator(MessageIds::default())
                .with_span_processor(BatchSpanProcessor::builder(exporter).build())
                .build())
        });
        Ok(Self {
            provider: provider.transpose()?,
            sampling: config.sampling,
        })
    }

    /// Telemetry that exports nothing, as in tests.
    pub fn off() -> Self {
        Self {
            provider: None,
            sampling: 0.0,
        }
    }

    /// The tracer of a service, which is named as its folder.
    pub fn tracer(&self, service: &'static str) -> Tracer {
        match &self.provider {
            Some(provider) => Tracer::new(provider.tracer(service), self.sampling),
            None => Tracer::off(),
        }
    }

    /// Exports what has ended and stops, for at most `grace`.
    pub async fn shutdown(self, grace: Duration) {
        let Some(provider) = self.provider else {
            return;
        };
        // The exporter blocks, so it must not run on a thread of the runtime.
        let flush = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(grace));
        match tokio::time::timeout(grace, flush).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the last spans were not exported"),
            Ok(Err(error)) => tracing::warn!(%error, "the exporter failed at the end"),
            Err(_elapsed) => tracing::warn!("the last spans were not exported in time"),
        }
    }
}
