//! An OTLP collector in the test's own process: HTTP/1.1 on loopback, protobuf.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use message::MessageId;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use prost::Message as _;

/// A span as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The `service.name` of its resource.
    pub(crate) service: String,
    /// The `service.namespace` of its resource.
    pub(crate) namespace: String,
    pub(crate) trace: MessageId,
    pub(crate) id: u64,
    /// 0 for a root.
    pub(crate) parent: u64,
    pub(crate) name: String,
    /// The number of the kind in OTLP.
    pub(crate) kind: i32,
    pub(crate) attributes: HashMap<String, String>,
    /// The text of an error status.
    pub(crate) error: Option<String>,
    /// The traces it links to.
    pub(crate) links: Vec<MessageId>,
}

/// Keeps all spans it is sent.
pub(crate) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Received>>>,
}

impl Collector {
    /// Listens until the test ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let spans = Arc::<Mutex<Vec<_>>>::default();
        let kept = Arc::clone(&spans);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || while serve(&stream, &kept).is_some() {});
            }
        });
        Self { address, spans }
    }

    /// What the environment says where this collector is used.
    pub(crate) fn env(&self, name: &str) -> Option<String> {
        (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| format!("http://{}", self.address))
    }

    /// What was received.
    pub(crate) fn spans(&self) -> Vec<Received> {
        self.spans.lock().expect("no panic").clone()
    }
}

/// Answers one request; none at the end of the connection.
fn serve(stream: &TcpStream, kept: &Mutex<Vec<Received>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    assert!(head[0].starts_with("post /v1/traces "), "{head:?}");
    assert!(
        head.contains(&"content-type: application/x-protobuf".to_owned()),
        "{head:?}"
    );
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("OTLP");
    kept.lock().expect("no panic").extend(flatten(request));
    let mut stream = stream;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .ok()
}

fn flatten(request: ExportTraceServiceRequest) -> Vec<Received> {
    let mut spans = Vec::new();
    for of_service in request.resource_spans {
        let resource = texts(of_service.resource.expect("a resource").attributes);
        let said = |key: &str| resource.get(key).cloned().unwrap_or_default();
        for span in of_service
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            spans.push(Received {
                service: said("service.name"),
                namespace: said("service.namespace"),
                trace: trace_id(&span.trace_id),
                id: number(&span.span_id) as u64,
                parent: number(&span.parent_span_id) as u64,
                name: span.name,
                kind: span.kind,
                attributes: texts(span.attributes),
                error: span
                    .status
                    .filter(|status| status.code == 2)
                    .map(|status| status.message),
                links: span
                    .links
                    .iter()
                    .map(|link| trace_id(&link.trace_id))
                    .collect(),
            });
        }
    }
    spans
}

fn trace_id(octets: &[u8]) -> MessageId {
    MessageId::from_bits(number(octets))
}

fn number(octets: &[u8]) -> u128 {
    octets
        .iter()
        .fold(0, |number, octet| number << 8 | u128::from(*octet))
}

fn texts(attributes: Vec<KeyValue>) -> HashMap<String, String> {
    let pairs = attributes.into_iter().filter_map(|attribute| {
        let text = match attribute.value?.value? {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Some((attribute.key, text))
    });
    pairs.collect()
}
