//! The one exporter of a process, which knows each service's resource.
//!
//! A provider has one resource, and each with an exporter would have a queue, a
//! thread and a connection of its own. So the services share a provider; their
//! tracers' scopes are named after them, and here each scope's spans go out
//! under the resource of its service.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::TelemetryError;

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The whole URL, path included.
    url: String,
}

impl Destination {
    /// What the `OTEL_*` variables say; none where nothing is to be exported.
    pub(crate) fn from_env(
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TelemetryError> {
        let read = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        let is = |name: &str, value: &str| {
            read(name).is_some_and(|set| set.trim().eq_ignore_ascii_case(value))
        };
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let protocol = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            .or_else(|| read("OTEL_EXPORTER_OTLP_PROTOCOL"));
        let traces = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let all = read("OTEL_EXPORTER_OTLP_ENDPOINT")
            .map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
        let Some(url) = traces.or(all) else {
            return Ok(None);
        };
        match protocol.as_deref() {
            None | Some("http/protobuf") => Self::at(url).map(Some),
            Some(other) => Err(TelemetryError::Exporter(format!(
                "the OTLP protocol is http/protobuf, not {other}"
            ))),
        }
    }

    fn at(url: String) -> Result<Self, TelemetryError> {
        let http = url.starts_with("http://") || url.starts_with("https://");
        http.then_some(Self { url: url.clone() })
            .ok_or_else(|| TelemetryError::Exporter(format!("{url:?} is no http or https URL")))
    }
}

/// Sends spans by OTLP, those of each service under its own resource.
pub(crate) struct Exporter {
    destination: Destination,
    /// By service name; made when its first span comes.
    services: Mutex<HashMap<String, Arc<OtlpExporter>>>,
    failing: AtomicBool,
}

impl Exporter {
    pub(crate) fn new(destination: Destination) -> Result<Self, TelemetryError> {
        // The HTTP client panics without one; an earlier one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Made once here so that what cannot work is refused at start.
        connect(&destination, "rohrpost")
            .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
        Ok(Self {
            destination,
            services: Mutex::default(),
            failing: AtomicBool::new(false),
        })
    }

    fn service(&self, name: &str) -> Result<Arc<OtlpExporter>, OTelSdkError> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exporter) = services.get(name) {
            return Ok(Arc::clone(exporter));
        }
        let exporter = Arc::new(connect(&self.destination, name)?);
        services.insert(name.to_owned(), Arc::clone(&exporter));
        Ok(exporter)
    }

    async fn send(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut by_service: HashMap<String, Vec<SpanData>> = HashMap::new();
        for span in batch {
            let service = span.instrumentation_scope.name().to_owned();
            by_service.entry(service).or_default().push(span);
        }
        for (service, spans) in by_service {
            self.service(&service)?.export(spans).await?;
        }
        Ok(())
    }

    /// Tells the log when exporting begins to fail and when it works again.
    fn note(&self, result: &OTelSdkResult) {
        let was_failing = self.failing.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Err(error) if !was_failing => {
                tracing::warn!(%error, url = self.destination.url, "spans cannot be exported");
            }
            Ok(()) if was_failing => tracing::info!("spans are exported again"),
            Ok(()) | Err(_) => {}
        }
    }
}

/// An exporter for one service; the SDK adds `OTEL_RESOURCE_ATTRIBUTES`.
fn connect(destination: &Destination, service: &str) -> Result<OtlpExporter, OTelSdkError> {
    let exporter = OtlpExporter::builder()
        .with_http()
        .with_endpoint(destination.url.as_str())
        .build();
    let mut exporter =
        exporter.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name(service.to_owned())
        .with_attribute(KeyValue::new("service.namespace", "rohrpost"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.send(batch).await;
        self.note(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services
            .values()
            .try_for_each(|exporter| exporter.shutdown_with_timeout(timeout))
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(env: &[(&str, &str)], expected: Result<Option<&str>, &str>) {
        let read = |name: &str| {
            let found = env.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let destination = Destination::from_env(read);
        match (destination, expected) {
            (Ok(destination), Ok(url)) => {
                assert_eq!(
                    destination.map(|d| d.url),
                    url.map(str::to_owned),
                    "{env:?}"
                );
            }
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{env:?}: {error}");
            }
            (got, wanted) => panic!("{env:?}: {got:?} instead of {wanted:?}"),
        }
    }

    #[test]
    fn the_standard_variables_say_where_spans_go() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
        let own = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://traces:4318/in",
        );
        check(&[], Ok(None));
        check(&[base], Ok(Some("http://collector:4318/v1/traces")));
        check(&[base, own], Ok(Some("http://traces:4318/in")));
        check(&[base, ("OTEL_SDK_DISABLED", "true")], Ok(None));
        check(&[base, ("OTEL_TRACES_EXPORTER", "none")], Ok(None));
        check(
            &[base, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            Err("not grpc"),
        );
        check(
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")],
            Err("no http"),
        );
    }
}
