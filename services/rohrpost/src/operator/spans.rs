//! `rohrpost trace --tree`: the spans of a message, read from Jaeger's API.

use std::collections::HashMap;
use std::time::Duration;

use launch::causes;
use message::MessageId;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::terminal::Terminal;
use crate::Failure;
use crate::render::{Span, tree};

/// How long the answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Shows the trace of a message as a tree.
pub(super) async fn show(
    message: MessageId,
    jaeger: &str,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let spans = read(message, jaeger).await?;
    if terminal.json {
        return spans.iter().try_for_each(|span| terminal.json_line(span));
    }
    terminal.words(&tree(message, &spans, &terminal.moment))
}

async fn read(message: MessageId, jaeger: &str) -> Result<Vec<Span>, Failure> {
    let failed = |reason: String| Failure::Traces {
        url: jaeger.to_owned(),
        reason,
    };
    let url = Url::parse(jaeger).and_then(|url| url.join(&format!("api/traces/{message}")));
    let url = url.map_err(|error| failed(error.to_string()))?;
    let request = reqwest::Client::new().get(url).timeout(ANSWER);
    let response = request.send().await;
    let response = response.map_err(|error| failed(causes(&error)))?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            return Err(failed(format!(
                "no trace of {message}; was it sampled, and are its spans exported by now?"
            )));
        }
        status => return Err(failed(status.to_string())),
    }
    let answer: Answer = response
        .json()
        .await
        .map_err(|error| failed(causes(&error)))?;
    Ok(answer.data.into_iter().flat_map(Trace::spans).collect())
}

/// What Jaeger answers, as far as it is of use here.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Trace>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    spans: Vec<TraceSpan>,
    processes: HashMap<String, Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TraceSpan {
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    id: String,
    operation_name: String,
    #[serde(default)]
    references: Vec<Reference>,
    /// In microseconds since 1970.
    start_time: u64,
    /// In microseconds.
    duration: u64,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(rename = "processID")]
    process: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    value: serde_json::Value,
}

impl Trace {
    fn spans(self) -> impl Iterator<Item = Span> {
        let Self { spans, processes } = self;
        spans.into_iter().map(move |span| {
            let process = processes.get(&span.process);
            let service = process.map_or("", |process| process.service_name.as_str());
            span.of(service)
        })
    }
}

impl TraceSpan {
    fn of(self, service: &str) -> Span {
        let (within, links): (Vec<_>, Vec<_>) = self
            .references
            .into_iter()
            .partition(|each| each.ref_type == "CHILD_OF" && each.trace == self.trace);
        Span {
            id: self.id,
            parent: within.into_iter().next().map(|parent| parent.span),
            service: service.to_owned(),
            name: self.operation_name,
            start: self.start_time,
            duration: self.duration,
            links: links.into_iter().map(|link| link.trace).collect(),
            attributes: self.tags.into_iter().map(Tag::text).collect(),
        }
    }
}

impl Tag {
    fn text(self) -> (String, String) {
        let text = match self.value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        (self.key, text)
    }
}
