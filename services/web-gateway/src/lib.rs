//! The web-gateway, its admin part: domains, accounts, aliases, mailboxes, the
//! queue and the life of every message as JSON over HTTP, for the operator's
//! command line and for programs.
//!
//! | path | what | who |
//! | --- | --- | --- |
//! | `/api/v1/…` | the resources, see [`api`] | the administrator's token |
//! | `/api/openapi.json` | their description (OpenAPI) | anyone |
//! | `/.well-known/autoconfig/…`, `/autodiscover/…`, `/apple.mobileconfig` | where clients connect | anyone |
//! | `/healthz`, `/readyz` | alive; ready for requests | anyone |
//! | `/metrics` | metrics in the format of OpenMetrics | anyone on loopback, else the token |
//!
//! The listener speaks plain HTTP and is meant for loopback; beyond it belongs a
//! reverse proxy that speaks TLS. Errors are `application/problem+json`
//! (RFC 9457). Failure: while the store is away, requests are answered 503 and
//! `/readyz` says so; nothing is kept here that a restart could lose.

mod access;
pub mod api;
mod autoconfig;
mod check;
mod extract;
mod forward;
mod gateway;
mod health;
mod line_ends;
mod octets;
mod password;
mod recovery;
mod refusal;
mod resources;
mod server;
mod summary;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

use config::Config;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use access::{Token, TokenError, TokenFileError};
pub use gateway::Ports;

use gateway::Gateway;

/// Why the web-gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (web.listen): {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        cause: io::Error,
    },
}

/// Serves at the configured address until `shutdown`.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn run(
    config: &Config,
    ports: Ports,
    token: Token,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let address = config.web.listen;
    let cannot = |cause| Error::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    tracing::info!(%address, "admin API is served");
    serve(listener, config, ports, token, shutdown).await;
    Ok(())
}

/// Serves on a listener that is open already.
pub async fn serve(
    listener: TcpListener,
    config: &Config,
    ports: Ports,
    token: Token,
    shutdown: CancellationToken,
) {
    let loopback = listener
        .local_addr()
        .is_ok_and(|address| address.ip().is_loopback());
    let gateway = Gateway::new(ports, token, config, !loopback);
    server::serve(listener, gateway, shutdown).await;
}
