//! The perimeter: what stands between clients and every service that they talk
//! to. Listeners within limits, PROXY headers, TLS whose certificate is renewed,
//! and passwords that nobody guesses.
//!
//! It knows no protocol: a service says how it serves a connection
//! ([`Reception`]), and what it says to those it has no place for.

mod admission;
mod doors;
mod failures;
mod inquiry;
mod login;
mod proof;
mod proxy;
mod stream;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use doors::{Arrival, Door, Doors, Reception};
pub use login::{Denied, LoginPorts, Logins};
pub use stream::Stream;
pub use tls::{Tls, handshake};

/// Why a service does not stand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {cause}")]
    Listen {
        /// What for.
        purpose: &'static str,
        /// The configured address.
        address: SocketAddr,
        /// The system's reason.
        cause: io::Error,
    },
    /// Certificate or key cannot be read.
    #[error("cannot read the TLS {what} from {}: {cause}", path.display())]
    Pem {
        /// Which of the two.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// Certificate and key do not fit together, or are of a kind unknown.
    #[error("cannot use the TLS certificate: {0}")]
    Tls(#[from] rustls::Error),
}
