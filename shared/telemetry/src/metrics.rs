//! What is counted and measured, as Prometheus reads it.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use message::{NoticeKind, Topic, Verdict};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use crate::labels::{
    Ended, Handled, InState, JobEnd, OfKind, OnTopic, Publication, Published, Refusal, Refused, Way,
};

/// The metrics of a process; clones count into the same registry.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Families>);

#[derive(Debug)]
struct Families {
    registry: Registry,
    accepted: Family<Way, Counter>,
    refused: Family<Refused, Counter>,
    octets: Counter,
    connections: Family<OfKind, Gauge>,
    recipients: Family<Ended, Counter>,
    delivery: Family<Ended, Histogram>,
    attempts: Family<Ended, Counter>,
    notices: Family<OfKind, Counter>,
    jobs: Family<Handled, Counter>,
    job_time: Family<OnTopic, Histogram>,
    running: Family<OnTopic, Gauge>,
    publications: Family<Published, Counter>,
    depth: Family<OnTopic, Gauge>,
    in_flight: Gauge,
    queue: Family<InState, Gauge>,
    reclaimed: Counter,
    unsettled: Gauge,
}

/// Registers metrics and hands out what counts into them.
struct Book(Registry);

impl Book {
    fn enter<M: Metric + Clone + Default>(&mut self, name: &'static str, help: &'static str) -> M {
        self.register(name, help, M::default())
    }

    fn spans<L>(
        &mut self,
        name: &'static str,
        help: &'static str,
        buckets: fn() -> Histogram,
    ) -> Family<L, Histogram>
    where
        L: EncodeLabelSet + Clone + Debug + Hash + Eq + Send + Sync + 'static,
    {
        self.register(name, help, Family::new_with_constructor(buckets))
    }

    fn register<M: Metric + Clone>(
        &mut self,
        name: &'static str,
        help: &'static str,
        metric: M,
    ) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

/// From a millisecond to about 6 days: deliveries may take that long.
fn long_spans() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 15))
}

/// From 0.1 ms to about 2 minutes.
fn short_spans() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 11))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Self {
        let mut book = Book(Registry::with_prefix("rohrpost"));
        let families = Families {
            accepted: book.enter("messages_accepted", "Messages taken into responsibility"),
            refused: book.enter("messages_refused", "Messages that were not accepted"),
            octets: book.enter("content_accepted_octets", "Octets of accepted content"),
            connections: book.enter("connections", "Open connections from clients"),
            recipients: book.enter("recipients", "What became of recipients"),
            delivery: book.spans(
                "delivery_seconds",
                "Time from acceptance to the end of a recipient",
                long_spans,
            ),
            attempts: book.enter("attempts", "Tries against remote hosts"),
            notices: book.enter("notices", "Notices sent"),
            jobs: book.enter("jobs", "Jobs taken from topics"),
            job_time: book.spans(
                "job_seconds",
                "Time for which a job was handled",
                short_spans,
            ),
            running: book.enter("jobs_running", "Jobs being handled"),
            publications: book.enter("publications", "Publications of jobs"),
            depth: book.enter("topic_depth", "Jobs waiting on topics"),
            in_flight: book.enter("messages_in_flight", "Messages accepted and not settled"),
            queue: book.enter("queue_jobs", "Jobs in the ledger by state"),
            reclaimed: book.enter("content_reclaimed_octets", "Octets of content given back"),
            unsettled: book.enter(
                "store_unsettled",
                "Whether the store may have lost mail and waits for an operator: 1 or 0",
            ),
            registry: book.0,
        };
        Self(Arc::new(families))
    }

    /// A message was accepted, by `protocol` in the words of RFC 3848.
    pub fn accepted(&self, protocol: &'static str, octets: u64) {
        self.0.accepted.get_or_create(&Way { protocol }).inc();
        self.0.octets.inc_by(octets);
    }

    /// A message was refused.
    pub fn refused(&self, kind: Refusal) {
        self.0
            .refused
            .get_or_create(&Refused { kind: kind.name() })
            .inc();
    }

    /// A client connected to a listener; when the guard is dropped it has left.
    pub fn connected(&self, listener: &'static str) -> Running {
        Running::count(
            self.0
                .connections
                .get_or_create_owned(&OfKind { kind: listener }),
        )
    }

    /// The outcome of one recipient, `since` its message's acceptance.
    pub fn recipient(&self, verdict: Verdict, since: Duration) {
        let label = Ended {
            verdict: verdict.name(),
        };
        self.0.recipients.get_or_create(&label).inc();
        if verdict.is_final() {
            self.0
                .delivery
                .get_or_create(&label)
                .observe(since.as_secs_f64());
        }
    }

    /// One try against a remote host, and what it came to for its recipients.
    pub fn attempt(&self, verdict: Verdict) {
        let verdict = verdict.name();
        self.0.attempts.get_or_create(&Ended { verdict }).inc();
    }

    /// A notice was accepted.
    pub fn notice(&self, kind: NoticeKind) {
        self.0
            .notices
            .get_or_create(&OfKind { kind: kind.name() })
            .inc();
    }

    /// A job is being handled; when the guard is dropped it no longer is.
    pub fn job_running(&self, topic: Topic) -> Running {
        let topic = topic.name();
        Running::count(self.0.running.get_or_create_owned(&OnTopic { topic }))
    }

    /// A job was handled, and for how long.
    pub fn job(&self, topic: Topic, end: JobEnd, time: Duration) {
        let topic = topic.name();
        self.0
            .jobs
            .get_or_create(&Handled {
                topic,
                end: end.name(),
            })
            .inc();
        let histogram = self.0.job_time.get_or_create(&OnTopic { topic });
        histogram.observe(time.as_secs_f64());
    }

    /// A job was published, or was not.
    pub fn published(&self, topic: Topic, result: Publication) {
        let topic = topic.name();
        self.0
            .publications
            .get_or_create(&Published {
                topic,
                result: result.name(),
            })
            .inc();
    }

    /// Content was reclaimed.
    pub fn reclaimed(&self, octets: u64) {
        self.0.reclaimed.inc_by(octets);
    }

    /// How many jobs wait on a topic, as read before the metrics are printed.
    pub fn set_depth(&self, topic: Topic, depth: u64) {
        let topic = topic.name();
        let gauge = self.0.depth.get_or_create(&OnTopic { topic });
        gauge.set(i64::try_from(depth).unwrap_or(i64::MAX));
    }

    /// How many messages are in flight, as read before the metrics are printed.
    pub fn set_in_flight(&self, messages: u64) {
        self.0
            .in_flight
            .set(i64::try_from(messages).unwrap_or(i64::MAX));
    }

    /// How many jobs the ledger has in a state.
    pub fn set_queue(&self, state: &'static str, jobs: u64) {
        let gauge = self.0.queue.get_or_create(&InState { state });
        gauge.set(i64::try_from(jobs).unwrap_or(i64::MAX));
    }

    /// Whether the store may have lost mail and waits for an operator.
    pub fn set_unsettled(&self, unsettled: bool) {
        self.0.unsettled.set(unsettled.into());
    }

    /// All metrics in the text format of OpenMetrics.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = text::encode(&mut text, &self.0.registry);
        text
    }
}

/// Counts as running as long as it lives.
#[derive(Debug)]
pub struct Running(Gauge);

impl Running {
    fn count(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_printed() {
        let metrics = Metrics::new();
        metrics.accepted("ESMTP", 120);
        metrics.recipient(Verdict::Relayed { dsn: true }, Duration::from_secs(2));
        let running = metrics.job_running(Topic::Local);
        metrics.job(Topic::Local, JobEnd::Completed, Duration::from_millis(3));
        let text = metrics.encode();
        for line in [
            "rohrpost_messages_accepted_total{protocol=\"ESMTP\"} 1",
            "rohrpost_content_accepted_octets_total 120",
            "rohrpost_recipients_total{verdict=\"relayed\"} 1",
            "rohrpost_jobs_running{topic=\"mail.local\"} 1",
            "rohrpost_jobs_total{topic=\"mail.local\",end=\"completed\"} 1",
        ] {
            assert!(text.contains(line), "{line} in:\n{text}");
        }
        drop(running);
        assert!(
            metrics
                .encode()
                .contains("rohrpost_jobs_running{topic=\"mail.local\"} 0")
        );
    }
}
