//! Where a process tells how it is, to orchestrators and to Prometheus:
//! `/healthz` (it lives), `/readyz` (its parts and the store work), `/metrics`.
//!
//! The metrics are the process's own; what the house has in flight and on its topics
//! the web-gateway tells.
//!
//! It asks for no token and tells how much mail there is: it belongs on loopback
//! or on a network of the operator's own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::Server;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use station::{Check, Health, State};
use store::Ledger;
use telemetry::Metrics;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::life::Parts;
use crate::{Engines, Error};

/// The most connections at a time; more wait.
const CONNECTIONS: usize = 32;
/// How long a connection may take altogether.
const CONNECTION: Duration = Duration::from_secs(10);
/// How long a client may take for the head of a request, and its size.
const HEAD: Duration = Duration::from_secs(5);
const HEAD_OCTETS: usize = 8 * 1024;
/// How long the store may take to prove that it is there.
const PROOF: Duration = Duration::from_secs(2);
/// How long to wait after the system refused to accept.
const PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The endpoint as a part of the process; none where no address is configured.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn part(
    config: &Server,
    engines: &Engines,
    shutdown: &CancellationToken,
) -> Result<Parts, Error> {
    let Some(address) = config.health else {
        return Ok(Vec::new());
    };
    let listener = listen(address).await?;
    let told = Told {
        health: engines.health.clone(),
        ledger: engines.stores.ledger.clone(),
        metrics: engines.metrics.clone(),
    };
    let serving = serve(listener, told, shutdown.clone());
    let serving = Box::pin(async move {
        serving.await;
        Ok(())
    });
    Ok(vec![("health endpoint", serving)])
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let listening = TcpListener::bind(address).await;
    listening.map_err(|cause| Error::Endpoint { address, cause })
}

/// What is told, and who is asked for it.
#[derive(Clone)]
struct Told {
    health: Health,
    ledger: Arc<dyn Ledger>,
    metrics: Metrics,
}

async fn serve(listener: TcpListener, told: Told, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let accepting = async {
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _peer)) => {
                    let told = told.clone();
                    tokio::spawn(async move {
                        converse(stream, told).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to server.health");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    // Whoever asks while the process drains hears nothing, and that is the answer.
    shutdown.run_until_cancelled(accepting).await;
}

async fn converse(stream: TcpStream, told: Told) {
    let service = service_fn(move |request: Request<Incoming>| {
        let told = told.clone();
        async move { Ok::<_, Infallible>(told.answer(request.uri().path()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_OCTETS)
        .serve_connection(TokioIo::new(stream), service);
    // Broken off or too slow: who asked will ask again.
    let _ = tokio::time::timeout(CONNECTION, connection).await;
}

impl Told {
    async fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/healthz" => response(StatusCode::OK, TEXT, "alive\n".to_owned()),
            "/readyz" => match self.complaint().await {
                None => response(StatusCode::OK, TEXT, "ready\n".to_owned()),
                Some(complaint) => response(
                    StatusCode::SERVICE_UNAVAILABLE,
                    TEXT,
                    format!("{complaint}\n"),
                ),
            },
            "/metrics" => response(StatusCode::OK, METRICS, self.metrics.encode()),
            _ => response(
                StatusCode::NOT_FOUND,
                TEXT,
                "there are /healthz, /readyz and /metrics\n".to_owned(),
            ),
        }
    }

    /// What keeps the process from being ready.
    async fn complaint(&self) -> Option<String> {
        let parts = self.health.checks();
        let unready: Vec<_> = parts.into_iter().filter_map(said).collect();
        if !unready.is_empty() {
            return Some(unready.join("; "));
        }
        match tokio::time::timeout(PROOF, self.ledger.counts()).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_elapsed) => Some("the store does not answer".to_owned()),
        }
    }
}

fn said(part: Check) -> Option<String> {
    let Check { name, state } = part;
    match state {
        State::Ready => None,
        State::Starting => Some(format!("{name} is starting")),
        State::Waiting(reason) => Some(format!("{name} waits: {reason}")),
        State::Stopping => Some(format!("{name} is stopping")),
    }
}

fn response(status: StatusCode, media_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let media_type = header::HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests {
    use store::StoreOptions;

    use super::*;
    use crate::inquiry;

    #[tokio::test]
    async fn who_asks_hears_whether_the_process_is_ready() {
        let data = tempfile::tempdir().unwrap();
        let clock: Arc<dyn message::Clock> = Arc::new(station::SystemClock::new());
        let options = StoreOptions::default();
        let fails = Arc::new(|_: &std::io::Error| {});
        let stores = store::connect("embedded", data.path(), options, clock, fails);
        let told = Told {
            health: Health::new(),
            ledger: stores.await.unwrap().ledger,
            metrics: Metrics::new(),
        };
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, told.clone(), shutdown.clone()));

        inquiry::ask(Some(address)).await.unwrap();
        let part = told.health.register("router");
        let asked = inquiry::ask(Some(address)).await.unwrap_err();
        assert_eq!(
            asked.to_string(),
            format!("not ready: {address}: router is starting")
        );
        part.set(State::Ready);
        inquiry::ask(Some(address)).await.unwrap();
        assert_eq!(
            told.answer("/nowhere").await.status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(told.answer("/metrics").await.status(), StatusCode::OK);

        shutdown.cancel();
        serving.await.unwrap();
        assert!(inquiry::ask(Some(address)).await.is_err());
    }
}
