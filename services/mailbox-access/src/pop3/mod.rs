//! POP3 (RFC 1939) with CAPA (RFC 2449), STLS (RFC 2595) and its own port under
//! TLS (RFC 8314), SASL (RFC 5034), response codes (RFC 3206) and UTF8
//! (RFC 6856).
//!
//! A maildrop is the account's INBOX as it was at login; one session has it at a
//! time ([`lease`]). Messages are removed at QUIT and only then: a session that
//! ends otherwise removes nothing. A message that cannot be read is refused
//! before its first octet; one that breaks off ends the connection.
//!
//! Messages are sent as they are, also those with UTF-8 in their header, whether
//! the client said UTF8 or not: a copy with its header rewritten would be another
//! message.

mod command;
mod connection;
mod delay;
mod lease;
mod maildrop;
mod session;
mod stuffing;
#[cfg(test)]
mod transcripts;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::Config;
use content::ContentStore;
use message::{Clock, Randomness};
use perimeter::{Arrival, Doors, Logins, Tls};
use store::MailboxStore;

use crate::entrance::{Entrance, Protocol};
use crate::{Error, Ports};
use connection::Connection;
use delay::LoginDelay;
use session::SessionConfig;

/// What all connections share.
struct Service {
    mailboxes: Arc<dyn MailboxStore>,
    content: Arc<dyn ContentStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
    logins: Arc<Logins>,
    login_delay: LoginDelay,
    session: Arc<SessionConfig>,
    tls: Tls,
    /// How long a client may be silent.
    timeout: Duration,
}

/// Binds the ports of POP3.
pub(crate) async fn doors(
    config: &Config,
    ports: &Ports,
    logins: &Arc<Logins>,
    tls: &Tls,
) -> Result<Doors, Error> {
    let pop3 = &config.pop3;
    let clock = ports.station.clock();
    let delay = pop3.login_delay.duration();
    let service = Service {
        mailboxes: Arc::clone(&ports.mailboxes),
        content: Arc::clone(&ports.content),
        clock: Arc::clone(clock),
        random: Arc::clone(&ports.random),
        logins: Arc::clone(logins),
        login_delay: LoginDelay::new(delay, Arc::clone(clock)),
        session: Arc::new(SessionConfig {
            hostname: config.server.hostname.clone(),
            login_delay: (!delay.is_zero()).then_some(delay.as_secs()),
        }),
        tls: tls.clone(),
        timeout: pop3.timeout.duration(),
    };
    let entrance = Entrance {
        starttls: &pop3.starttls,
        tls: &pop3.tls,
        max_connections: pop3.max_connections,
        max_per_address: pop3.max_connections_per_address,
        header_timeout: pop3.timeout.duration(),
    };
    entrance.open(service, tls, &ports.station).await
}

#[async_trait]
impl Protocol for Service {
    const NAME: &'static str = "POP3";
    const PORTS: [&'static str; 2] = ["pop3", "pop3s"];
    const SORRY: &'static str = "-ERR [SYS/TEMP] too many connections\r\n";

    async fn serve(self: Arc<Self>, implicit_tls: bool, arrival: Arrival) -> io::Result<()> {
        let connection = Connection::open(self, implicit_tls, arrival).await?;
        connection.serve().await;
        Ok(())
    }
}
