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
use perimeter::{Arrival, Door, Doors, Logins, Reception, Tls};
use store::MailboxStore;

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

/// How clients are received at one kind of port.
struct Port {
    service: Arc<Service>,
    implicit_tls: bool,
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
    let service = Arc::new(Service {
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
    });
    let clock = Arc::clone(clock);
    let mut doors = Vec::new();
    for (listeners, implicit_tls) in [(&pop3.starttls, false), (&pop3.tls, true)] {
        let reception: Arc<dyn Reception> = Arc::new(Port {
            service: Arc::clone(&service),
            implicit_tls,
        });
        doors.extend(Door::open("POP3", listeners, &reception).await?);
    }
    Ok(Doors {
        doors,
        max_connections: pop3.max_connections,
        max_per_address: pop3.max_connections_per_address,
        header_timeout: pop3.timeout.duration(),
        tls: Some(tls.clone()),
        metrics: ports.station.metrics().clone(),
        clock,
    })
}

#[async_trait]
impl Reception for Port {
    fn name(&self) -> &'static str {
        match self.implicit_tls {
            true => "pop3s",
            false => "pop3",
        }
    }

    fn sorry(&self) -> Vec<u8> {
        match self.implicit_tls {
            true => Vec::new(),
            false => b"-ERR [SYS/TEMP] too many connections\r\n".to_vec(),
        }
    }

    async fn serve(self: Arc<Self>, arrival: Arrival) -> io::Result<()> {
        let service = Arc::clone(&self.service);
        let connection = Connection::open(service, self.implicit_tls, arrival).await?;
        connection.serve().await;
        Ok(())
    }
}
