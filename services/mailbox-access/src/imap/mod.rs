//! IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501), with STARTTLS and on its own
//! port under TLS (RFC 8314), and the extensions of [`capability`].
//!
//! A session holds what it must know of the mailbox that it has selected, its
//! UIDs, and reads all else when it is asked for. Octets stream from the content
//! store to the client, and the other way with APPEND. What a command could not
//! do is answered with NO; a store that is away says UNAVAILABLE, and the session
//! goes on. Octets that cannot be read once their literal has begun end the
//! connection: nothing else tells a client that they are not all.

mod answer;
mod append;
mod capability;
mod change;
mod fetch;
mod greeting;
mod idle;
mod listing;
mod login;
mod mailbox;
mod perform;
mod quota;
mod search;
mod select;
mod session;
mod update;
mod view;
mod wire;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::Config;
use content::ContentStore;
use message::{Clock, Randomness};
use perimeter::{Arrival, Doors, Logins, Tls};
use store::ledger::References;
use store::{Directory, MailboxStore};
use tokio::sync::Semaphore;

use crate::entrance::{Entrance, Protocol};
use crate::{Error, Ports};
use session::Session;

/// How many sessions may read many messages at a time; the others wait their turn.
const READERS: usize = 8;

/// What all connections share.
struct Service {
    directory: Arc<dyn Directory>,
    mailboxes: Arc<dyn MailboxStore>,
    references: Arc<dyn References>,
    content: Arc<dyn ContentStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
    logins: Arc<Logins>,
    tls: Option<Tls>,
    plain_login: bool,
    hostname: String,
    /// How large a message may be.
    append_limit: u64,
    login_timeout: Duration,
    idle_timeout: Duration,
    send_timeout: Duration,
    /// Who may read many messages at a time.
    readers: Semaphore,
}

/// Binds the ports of IMAP.
pub(crate) async fn doors(
    config: &Config,
    ports: &Ports,
    logins: &Arc<Logins>,
    tls: &Tls,
) -> Result<Doors, Error> {
    let imap = &config.imap;
    let service = Service {
        directory: Arc::clone(&ports.directory),
        mailboxes: Arc::clone(&ports.mailboxes),
        references: Arc::clone(&ports.references),
        content: Arc::clone(&ports.content),
        clock: Arc::clone(ports.station.clock()),
        random: Arc::clone(&ports.random),
        logins: Arc::clone(logins),
        tls: Some(tls.clone()),
        plain_login: imap.plain_login,
        hostname: config.server.hostname.to_string(),
        append_limit: config.smtp.max_size.octets(),
        login_timeout: imap.login_timeout.duration(),
        idle_timeout: imap.idle_timeout.duration(),
        send_timeout: imap.send_timeout.duration(),
        readers: Semaphore::new(READERS),
    };
    let entrance = Entrance {
        starttls: &imap.starttls,
        tls: &imap.tls,
        max_connections: imap.max_connections,
        max_per_address: imap.max_connections_per_address,
        header_timeout: imap.login_timeout.duration(),
    };
    entrance.open(service, tls, &ports.station).await
}

#[async_trait]
impl Protocol for Service {
    const NAME: &'static str = "IMAP";
    const PORTS: [&'static str; 2] = ["imap", "imaps"];
    const SORRY: &'static str = "* BYE [UNAVAILABLE] Too many connections; try again later\r\n";

    async fn serve(self: Arc<Self>, implicit_tls: bool, arrival: Arrival) -> io::Result<()> {
        let session = Session::open(self, implicit_tls, arrival).await?;
        session.serve().await;
        Ok(())
    }
}
