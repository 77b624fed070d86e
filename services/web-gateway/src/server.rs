//! HTTP: which path leads where, what a connection may take, and how it ends.
//!
//! Bounded: connections, the size of a request's head and body, the time for
//! reading a head and for beginning a response. Answers stream.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use station::State;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::access::require_token;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::{autoconfig, health, resources};

/// The most connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// The most octets of a head.
const HEAD_OCTETS: usize = 16 * 1024;
/// The most octets of a body.
const BODY_OCTETS: usize = 1024 * 1024;
/// How long a request may take until its response begins.
const RESPONSE: Duration = Duration::from_secs(30);
/// How long open requests may go on after the shutdown began.
const GRACE: Duration = Duration::from_secs(3);
/// How long to wait after the system refused to accept (as when files run out).
const PAUSE: Duration = Duration::from_millis(100);

/// The whole service.
pub(crate) fn router(gateway: Gateway) -> Router {
    let (resources, description) = resources::resources();
    let described = move || {
        let description = description.clone();
        async move { Json(description) }
    };
    let guarded = resources.route_layer(from_fn_with_state(gateway.clone(), require_token));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/openapi.json", get(described))
        .merge(autoconfig::routes())
        .merge(guarded)
        .fallback(nowhere)
        .method_not_allowed_fallback(async || Refusal::no_method())
        .layer(DefaultBodyLimit::max(BODY_OCTETS))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            RESPONSE,
        ))
        .layer(CatchPanicLayer::custom(|_panic| {
            Refusal::internal("the request made a handler panic; the log says where")
                .into_response()
        }))
        .layer(map_response(harden))
        .with_state(gateway)
}

async fn nowhere(request: Request) -> Refusal {
    Refusal::missing(request.uri().path())
}

/// What no browser is to make of our answers.
async fn harden(mut response: Response) -> Response {
    use axum::http::{HeaderValue, header};
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Serves until `shutdown`; then open requests have a grace.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway, shutdown: CancellationToken) {
    let router = router(gateway.clone());
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = TaskTracker::new();
    let readiness = gateway.ports.health.register("web-gateway");
    readiness.set(State::Ready);
    while let Some((stream, slot)) = accept(&listener, &slots, &shutdown).await {
        let connection = converse(stream, router.clone(), shutdown.clone());
        connections.spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    readiness.set(State::Stopping);
    drop(listener);
    connections.close();
    if tokio::time::timeout(GRACE, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "closing connections that still had requests"
        );
    }
}

/// The next connection and its slot; none once the shutdown began.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let next = async {
        let slot = slots.clone().acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _peer)) => return Some((stream, slot)),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(next).await.flatten()
}

fn converse(
    stream: TcpStream,
    router: Router,
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + Send {
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(answer(router, request.map(axum::body::Body::new)).await) }
    });
    async move {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_OCTETS)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection to the admin API broke off");
        }
    }
}

async fn answer(router: Router, request: Request) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
