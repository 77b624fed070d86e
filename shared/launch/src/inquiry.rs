//! `--health`: asks the running service whether it is ready, for health checks
//! in containers that hold nothing but the service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Error;

/// How long the answer may take; readiness itself asks the store.
const PATIENCE: Duration = Duration::from_secs(4);
/// An answer is a few lines.
const ANSWER: u64 = 4096;

const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Succeeds where the service at `address` says that it is ready.
pub(crate) async fn ask(address: Option<SocketAddr>) -> Result<(), Error> {
    let Some(address) = address else {
        let reason = "server.health names no address; set it to one, such as \"127.0.0.1:9080\"";
        return Err(Error::Unready(reason.to_owned()));
    };
    let address = reachable(address);
    let unready = |reason: &str| Error::Unready(format!("{address}: {reason}"));
    match tokio::time::timeout(PATIENCE, answer(address)).await {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200 ") => Ok(()),
        Ok(Ok(answer)) => Err(unready(answer.lines().last().unwrap_or("no answer"))),
        Ok(Err(error)) => Err(unready(&error.to_string())),
        Err(_elapsed) => Err(unready("no answer in time")),
    }
}

/// Where one calls a service that listens on all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn answer(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
