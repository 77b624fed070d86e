//! What concerns the host: names, certificates, the web and telemetry.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use message::Domain;
use serde::{Deserialize, Serialize};

use crate::Config;
use crate::value::Size;

/// `[server]`: what every service needs to know of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The name in greetings, `Received:` and notices. The system's by default.
    pub hostname: Domain,
    /// Where the embedded engines and what `serve` generates are kept.
    pub data: PathBuf,
    /// So much space stays free where contents are kept, and where the embedded
    /// store is: beneath, new messages are refused for now (452), while those that
    /// were accepted go on.
    pub min_free: Size,
    /// Where a process tells on HTTP that it lives (`/healthz`), is ready
    /// (`/readyz`) and what it counts (`/metrics`), to whoever asks; nowhere by
    /// default. `--health` of a service asks there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<SocketAddr>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            hostname: system_hostname(),
            data: PathBuf::from("./rohrpost-data"),
            min_free: Size::mib(64),
            health: None,
        }
    }
}

/// The name the system has, or `localhost` where it is no host name.
fn system_hostname() -> Domain {
    let system = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    system
        .and_then(|name| name.trim().parse().ok())
        .unwrap_or_else(|| "localhost".parse().expect("a domain"))
}

/// `[tls]`: certificate and key. `serve` makes a self-signed pair in the data
/// directory where none is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, in PEM, the server's own first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// `[web]`: the web-gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The file with the administrator's bearer token; `admin-token` in the
    /// data directory by default (see [`Config::token_file`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token_file: None,
        }
    }
}

impl Config {
    /// The file with the administrator's bearer token.
    pub fn token_file(&self) -> PathBuf {
        let configured = self.web.token_file.clone();
        configured.unwrap_or_else(|| self.server.data.join("admin-token"))
    }
}

/// `[telemetry]`: logs and traces. Where traces go is said by the standard
/// `OTEL_*` environment variables; without them nothing is traced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The form of log lines.
    pub log_format: LogFormat,
    /// What is logged, in the syntax of tracing-subscriber's `EnvFilter`.
    pub log_filter: String,
    /// The part of all messages whose traces are kept, 0 to 1.
    pub sampling: f64,
    /// Whether spans tell mail addresses.
    pub addresses: bool,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
            sampling: 1.0,
            addresses: false,
        }
    }
}
