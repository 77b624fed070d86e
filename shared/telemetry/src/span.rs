//! Spans as values, and the tracers that start them.

use std::cell::Cell;
use std::fmt::{Display, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use message::{MessageId, Topic, TraceContext};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags,
    TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer};

use crate::names::{self, Name};

/// Starts the spans of one service.
#[derive(Debug, Clone)]
pub struct Tracer {
    /// None where nothing is exported.
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    sdk: SdkTracer,
    sampling: f64,
}

impl Tracer {
    pub(crate) fn new(sdk: SdkTracer, sampling: f64) -> Self {
        Self {
            inner: Some(Arc::new(Inner { sdk, sampling })),
        }
    }

    /// A tracer whose spans are seen by nobody, as in tests.
    pub const fn off() -> Self {
        Self { inner: None }
    }

    /// The root of a message's trace, at the request of a client (SERVER). The
    /// message decides whether the trace is kept.
    pub fn root(&self, message: MessageId, name: &'static str) -> Span {
        self.root_of_kind(message, name, SpanKind::Server)
    }

    /// The root of the trace of a message that we made ourselves, a notice
    /// (INTERNAL).
    pub fn internal_root(&self, message: MessageId, name: &'static str) -> Span {
        self.root_of_kind(message, name, SpanKind::Internal)
    }

    /// Publishing on a topic (PRODUCER); the job carries its context.
    pub fn publish(&self, topic: Topic, parent: TraceContext) -> Span {
        let name = match topic {
            Topic::Accepted => "publish mail.accepted",
            Topic::Local => "publish mail.local",
            Topic::Remote => "publish mail.remote",
            Topic::Outcome => "publish mail.outcome",
            Topic::Dead => "publish mail.dead",
        };
        let span = self.span(name, SpanKind::Producer, parent);
        span.about_topic(topic, "send", "publish");
        span
    }

    /// Handling a job from a topic (CONSUMER), below the span that published it.
    pub fn process(&self, topic: Topic, parent: TraceContext) -> Span {
        let name = match topic {
            Topic::Accepted => "process mail.accepted",
            Topic::Local => "process mail.local",
            Topic::Remote => "process mail.remote",
            Topic::Outcome => "process mail.outcome",
            Topic::Dead => "process mail.dead",
        };
        let span = self.span(name, SpanKind::Consumer, parent);
        span.about_topic(topic, "process", "process");
        span
    }

    /// A request to somebody else (CLIENT), below `parent`.
    pub fn client(&self, name: &'static str, parent: TraceContext) -> Span {
        self.span(name, SpanKind::Client, parent)
    }

    /// Work of our own (INTERNAL), below a context out of the ledger.
    pub fn work(&self, name: &'static str, parent: TraceContext) -> Span {
        self.span(name, SpanKind::Internal, parent)
    }

    fn root_of_kind(&self, message: MessageId, name: &'static str, kind: SpanKind) -> Span {
        let inner = self.inner.as_deref();
        let context = TraceContext {
            trace: message,
            span: 0,
            sampled: inner.is_some_and(|inner| message.sampled(inner.sampling)),
        };
        let span = self.span(name, kind, context);
        span.describe(names::MESSAGE_ID, message);
        span
    }

    /// A span below `parent`, or the root of its trace where it names no span.
    fn span(&self, name: &'static str, kind: SpanKind, parent: TraceContext) -> Span {
        let silent = Span {
            tracer: self.clone(),
            context: parent,
            recording: None,
        };
        let Some(inner) = self.inner.as_deref().filter(|_| parent.sampled) else {
            return silent;
        };
        let trace = TraceId::from(parent.trace.bits());
        let remote = match parent.span {
            0 => SpanContext::NONE,
            id => outside(trace, id),
        };
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        let sdk_context = Context::new().with_remote_span_context(remote);
        let recording = FORCED_TRACE.with(|forced| {
            forced.set(Some(trace));
            let recording = inner.sdk.build_with_context(builder, &sdk_context);
            forced.set(None);
            recording
        });
        if !recording.is_recording() {
            return silent;
        }
        let id = recording.span_context().span_id();
        Span {
            context: TraceContext {
                span: u64::from_be_bytes(id.to_bytes()),
                ..parent
            },
            recording: Some(Mutex::new(recording)),
            ..silent
        }
    }
}

/// The context of a span that may be another process's.
fn outside(trace: TraceId, span: u64) -> SpanContext {
    let span = SpanId::from(span);
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}

/// A span. It ends when it is dropped.
///
/// Where nothing is exported it only hands on its parent's context.
#[derive(Debug)]
pub struct Span {
    tracer: Tracer,
    context: TraceContext,
    recording: Option<Mutex<opentelemetry_sdk::trace::Span>>,
}

impl Span {
    /// The longest text of an attribute, in octets.
    pub const MAX_TEXT: usize = 1000;

    /// A span that nobody sees, below `context`.
    pub const fn silent(context: TraceContext) -> Self {
        Self {
            tracer: Tracer::off(),
            context,
            recording: None,
        }
    }

    /// Where work below this span continues: what a job carries and the ledger
    /// keeps.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Whether anybody will see this span.
    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// A span of our own work (INTERNAL) below this one.
    pub fn child(&self, name: &'static str) -> Self {
        self.tracer.work(name, self.context)
    }

    /// A span of a request to somebody else (CLIENT) below this one.
    pub fn client(&self, name: &'static str) -> Self {
        self.tracer.client(name, self.context)
    }

    /// Sets an attribute to a number, a truth or a constant text.
    pub fn set(&self, name: Name, value: impl Into<Value>) {
        if let Some(mut span) = self.recording() {
            span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// Sets an attribute to text, which is written only where it is seen; text
    /// from outside is made printable and capped.
    pub fn describe(&self, name: Name, value: impl Display) {
        if let Some(mut span) = self.recording() {
            span.set_attribute(KeyValue::new(name, printable(value)));
        }
    }

    /// Marks the span as failed, with the reason.
    pub fn fail(&self, reason: impl Display) {
        if let Some(mut span) = self.recording() {
            span.set_status(Status::error(printable(reason)));
        }
    }

    /// Points to a related trace: the one a notice is about, or one from
    /// outside.
    pub fn link(&self, to: TraceContext) {
        if let Some(mut span) = self.recording() {
            let trace = TraceId::from(to.trace.bits());
            span.add_link(outside(trace, to.span), Vec::new());
        }
    }

    fn about_topic(&self, topic: Topic, kind: &'static str, name: &'static str) {
        self.set(names::MESSAGING_SYSTEM, "rohrpost");
        self.set(names::MESSAGING_DESTINATION, topic.name());
        self.set(names::MESSAGING_OPERATION_TYPE, kind);
        self.set(names::MESSAGING_OPERATION, name);
    }

    fn recording(&self) -> Option<MutexGuard<'_, opentelemetry_sdk::trace::Span>> {
        let recording = self.recording.as_ref()?;
        Some(recording.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `value` on one line, without control characters, capped.
fn printable(value: impl Display) -> String {
    let mut text = Capped(String::new());
    // An error says that the cap is reached.
    let _ = write!(text, "{value}");
    text.0
}

struct Capped(String);

impl Write for Capped {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            if self.0.len() + c.len_utf8() > Span::MAX_TEXT {
                return Err(std::fmt::Error);
            }
            self.0.push(if c.is_control() { ' ' } else { c });
        }
        Ok(())
    }
}

thread_local! {
    /// The trace id of the root that this thread is building: the SDK asks its
    /// generator for it and takes no argument.
    static FORCED_TRACE: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Makes the message id the trace id.
#[derive(Debug, Default)]
pub(crate) struct MessageIds(RandomIdGenerator);

impl IdGenerator for MessageIds {
    fn new_trace_id(&self) -> TraceId {
        FORCED_TRACE.get().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(sampled: bool) -> TraceContext {
        TraceContext {
            trace: MessageId::from_bits(7),
            span: 42,
            sampled,
        }
    }

    #[test]
    fn without_an_exporter_the_context_passes_through() {
        let tracer = Tracer::off();
        let span = tracer.process(Topic::Local, context(true)).child("work");
        assert_eq!(span.context(), context(true));
        assert!(!span.is_recording());
        let root = tracer.root(MessageId::from_bits(9), "smtp");
        assert!(!root.context().sampled);
    }

    #[test]
    fn text_is_printable_and_capped() {
        assert_eq!(printable("550 no\r\n\u{1b}[31m"), "550 no   [31m");
        let long = printable("ä".repeat(5000));
        assert_eq!(long.len(), Span::MAX_TEXT);
    }
}
