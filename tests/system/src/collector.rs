//! A collector of traces: OTLP over HTTP, in protobuf.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use message::MessageId;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A span as it was exported.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    /// The service that made it.
    pub service: String,
    /// What it was named.
    pub name: String,
    /// Its trace.
    pub trace: MessageId,
    /// Its own id.
    pub id: u64,
    /// Its parent; 0 at the root.
    pub parent: u64,
    /// When it began, in nanoseconds.
    pub start: u64,
    /// The traces it is linked to.
    pub links: Vec<MessageId>,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

type Spans = Arc<Mutex<Vec<SpanRecord>>>;

/// Receives spans on a port of its own.
pub struct Collector {
    address: SocketAddr,
    spans: Spans,
    serving: JoinHandle<()>,
}

impl Collector {
    /// Starts to listen.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let spans = Spans::default();
        let router = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(Arc::clone(&spans));
        let serving = tokio::spawn(async move {
            // Serving a bound listener has no end but this task's.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            spans,
            serving,
        })
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` has to say.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans of a trace so far, by their beginning.
    pub fn trace(&self, trace: MessageId) -> Vec<SpanRecord> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spans: Vec<_> = spans
            .iter()
            .filter(|span| span.trace == trace)
            .cloned()
            .collect();
        spans.sort_by_key(|span| (span.start, span.id));
        spans
    }

    /// The trace as a tree: a line for each span, its service and its name,
    /// indented below its parent. Repeated siblings stand there once, with
    /// their number; orphans stand at the end, and are called so.
    pub fn tree(&self, trace: MessageId) -> String {
        let spans = self.trace(trace);
        let mut lines = branch(&spans, 0, 0);
        let known = |id| id == 0 || spans.iter().any(|span| span.id == id);
        for orphan in spans.iter().filter(|span| !known(span.parent)) {
            lines.push(format!("orphan {} {}\n", orphan.service, orphan.name));
        }
        lines.concat()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The subtrees below `parent`, sorted, so that what happens at the same time
/// has an order.
fn branch(spans: &[SpanRecord], parent: u64, depth: usize) -> Vec<String> {
    let mut subtrees: BTreeMap<String, usize> = BTreeMap::new();
    for span in spans.iter().filter(|span| span.parent == parent) {
        let below = branch(spans, span.id, depth + 1).concat();
        let indent = "  ".repeat(depth);
        let subtree = format!("{indent}{}: {}\n{below}", span.service, span.name);
        *subtrees.entry(subtree).or_default() += 1;
    }
    subtrees
        .into_iter()
        .map(|(subtree, times)| match (times, subtree.split_once('\n')) {
            (2.., Some((first, rest))) => format!("{first} ({times} times)\n{rest}"),
            (_, _) => subtree,
        })
        .collect()
}

async fn receive(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes);
        let attributes = texts(attributes.unwrap_or_default());
        let service = attributes.get("service.name").cloned().unwrap_or_default();
        let found = resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans);
        spans.extend(found.map(|span| record(&service, span)));
    }
    StatusCode::OK
}

fn record(service: &str, span: Span) -> SpanRecord {
    SpanRecord {
        service: service.to_owned(),
        name: span.name,
        trace: trace_id(&span.trace_id),
        id: number(&span.span_id) as u64,
        parent: number(&span.parent_span_id) as u64,
        start: span.start_time_unix_nano,
        links: span
            .links
            .iter()
            .map(|link| trace_id(&link.trace_id))
            .collect(),
        attributes: texts(span.attributes),
    }
}

fn trace_id(octets: &[u8]) -> MessageId {
    MessageId::from_bits(number(octets))
}

fn number(octets: &[u8]) -> u128 {
    octets
        .iter()
        .fold(0, |bits, &octet| bits << 8 | u128::from(octet))
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let texts = attributes
        .into_iter()
        .map(|attribute| (attribute.key, text(attribute.value)));
    texts.collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
