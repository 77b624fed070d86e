//! A message is one trace, as a collector sees it.

mod collector;

use std::time::Duration;

use collector::{Collector, Received};
use message::{MessageId, Topic, TraceContext};
use telemetry::{Span, Telemetry, names};

const GRACE: Duration = Duration::from_secs(20);

// The numbers of kinds in OTLP.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

fn telemetry(collector: &Collector, sampling: f64) -> Telemetry {
    let config = config::Telemetry {
        sampling,
        ..config::Telemetry::default()
    };
    Telemetry::start(&config, |name| collector.env(name)).expect("the collector's URL is right")
}

fn message(number: u128) -> MessageId {
    MessageId::from_bits(0x0193_5a7b_1234_7abc_8def_0000_0000_0000 ^ number)
}

/// The context as a broker's header or the ledger hands it on.
fn carried(context: TraceContext) -> TraceContext {
    context
        .to_string()
        .parse()
        .expect("what was printed is read")
}

fn named<'a>(spans: &'a [Received], name: &str) -> &'a Received {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// One message through three services, one after the other.
fn post(telemetry: &Telemetry, message: MessageId) -> TraceContext {
    let ingress = telemetry.tracer("smtp-ingress");
    let session = ingress.root(message, "smtp transaction");
    session.describe(names::PEER_ADDRESS, "192.0.2.1");
    let publication = ingress.publish(Topic::Accepted, session.context());
    let on_topic = carried(publication.context());
    drop((publication, session));

    let router = telemetry.tracer("router");
    let processing = router.process(Topic::Accepted, on_topic);
    processing.child("route").set(names::RECIPIENTS, 2);
    let publication = router.publish(Topic::Remote, processing.context());
    let on_topic = carried(publication.context());
    drop((publication, processing));

    let relay = telemetry.tracer("remote-relay");
    let processing = relay.process(Topic::Remote, on_topic);
    let sending = processing.client("smtp send");
    sending.describe(names::OUTCOME, "550 5.1.1\r\nno such user");
    sending.fail("550");
    processing.context()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_one_tree_whose_trace_is_its_id() {
    let collector = Collector::start();
    let telemetry = telemetry(&collector, 1.0);
    post(&telemetry, message(1));
    telemetry.shutdown(GRACE).await;

    let spans = collector.spans();
    assert_eq!(spans.len(), 7, "{spans:#?}");
    assert!(
        spans
            .iter()
            .all(|span| span.trace == message(1) && span.namespace == "rohrpost")
    );
    let tree = [
        ("smtp transaction", "smtp-ingress", SERVER, None),
        (
            "publish mail.accepted",
            "smtp-ingress",
            PRODUCER,
            Some("smtp transaction"),
        ),
        (
            "process mail.accepted",
            "router",
            CONSUMER,
            Some("publish mail.accepted"),
        ),
        ("route", "router", INTERNAL, Some("process mail.accepted")),
        (
            "publish mail.remote",
            "router",
            PRODUCER,
            Some("process mail.accepted"),
        ),
        (
            "process mail.remote",
            "remote-relay",
            CONSUMER,
            Some("publish mail.remote"),
        ),
        (
            "smtp send",
            "remote-relay",
            CLIENT,
            Some("process mail.remote"),
        ),
    ];
    for (name, service, kind, parent) in tree {
        let span = named(&spans, name);
        let above = parent.map_or(0, |parent| named(&spans, parent).id);
        assert_eq!(
            (span.service.as_str(), span.kind, span.parent),
            (service, kind, above),
            "{name}"
        );
    }
    let root = named(&spans, "smtp transaction");
    assert_eq!(root.attributes[names::MESSAGE_ID], message(1).to_string());
    let send = named(&spans, "smtp send");
    assert_eq!(send.error.as_deref(), Some("550"));
    assert_eq!(send.attributes[names::OUTCOME], "550 5.1.1  no such user");
    let process = named(&spans, "process mail.remote");
    assert_eq!(
        process.attributes[names::MESSAGING_DESTINATION],
        "mail.remote"
    );
    assert_eq!(
        process.attributes[names::MESSAGING_OPERATION_TYPE],
        "process"
    );
    assert_eq!(named(&spans, "route").attributes[names::RECIPIENTS], "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_has_its_own_trace_and_points_to_the_message() {
    let collector = Collector::start();
    let telemetry = telemetry(&collector, 1.0);
    let tracer = telemetry.tracer("dsn-notifier");
    let about = TraceContext {
        trace: message(1),
        span: 5,
        sampled: true,
    };
    let notice = tracer.internal_root(message(2), "notice");
    notice.link(about);
    drop(notice);
    telemetry.shutdown(GRACE).await;
    let spans = collector.spans();
    assert_eq!(named(&spans, "notice").trace, message(2));
    assert_eq!(named(&spans, "notice").links, [message(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_message_decides_and_everyone_follows() {
    let collector = Collector::start();
    let telemetry = telemetry(&collector, 0.5);
    let (mut kept, left): (Vec<_>, Vec<_>) = (0..64_u128)
        .map(|number| message(number << 50))
        .partition(|message| message.sampled(0.5));
    assert!(!kept.is_empty() && !left.is_empty());
    for message in kept.iter().chain(&left) {
        let last = post(&telemetry, *message);
        assert_eq!(last.sampled, kept.contains(message));
    }
    telemetry.shutdown(GRACE).await;
    let mut traces: Vec<_> = collector.spans().iter().map(|span| span.trace).collect();
    traces.sort();
    kept.sort();
    assert!(
        traces
            .chunk_by(|one, other| one == other)
            .all(|trace| trace.len() == 7)
    );
    traces.dedup();
    assert_eq!(traces, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_disturbs_nobody() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let env = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| url.clone());
    let telemetry = Telemetry::start(&config::Telemetry::default(), env).unwrap();
    // More than the queue before the exporter holds.
    for number in 0..3_000 {
        assert!(post(&telemetry, message(number)).sampled);
    }
    telemetry.shutdown(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn after_the_end_spans_are_silent() {
    let collector = Collector::start();
    let telemetry = telemetry(&collector, 1.0);
    let tracer = telemetry.tracer("router");
    telemetry.shutdown(GRACE).await;
    let late: Span = tracer.process(
        Topic::Local,
        TraceContext {
            trace: message(1),
            span: 1,
            sampled: true,
        },
    );
    assert!(!late.is_recording());
    assert_eq!(late.context().span, 1);
}

#[test]
fn wrong_variables_are_refused_at_start() {
    for url in ["collector:4318", "http://"] {
        let env = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| url.to_owned());
        let started = Telemetry::start(&config::Telemetry::default(), env);
        assert!(started.is_err(), "{url}");
    }
}
