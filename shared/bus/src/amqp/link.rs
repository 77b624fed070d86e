//! A connection that is made again whenever it is lost.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, Event, runtime};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time;

use super::{PATIENCE, answered, unavailable};
use crate::BusError;
use crate::url::{Broker, Server};

/// The first pause before connecting again; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A peer that is silent for two of these, in seconds, is gone.
const HEARTBEAT: u16 = 10;

/// A connection for one purpose. Clones are the same.
#[derive(Clone)]
pub(super) struct Link {
    current: watch::Receiver<Option<Arc<Connection>>>,
    _keeper: Arc<Keeper>,
}

/// Ends the task that connects again.
struct Keeper(AbortHandle);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    /// Connects, and stays connected.
    pub(super) async fn open(broker: &Broker, purpose: &'static str) -> Result<Self, BusError> {
        let first = Arc::new(connect(broker, purpose).await?);
        let (tell, current) = watch::channel(Some(first));
        let keeping = tokio::spawn(keep(broker.clone(), purpose, tell));
        Ok(Self {
            current,
            _keeper: Arc::new(Keeper(keeping.abort_handle())),
        })
    }

    /// A new channel on the connection of the moment.
    pub(super) async fn channel(&self) -> Result<Channel, BusError> {
        let connection = self.connection()?;
        answered("open a channel", connection.create_channel()).await
    }

    /// Fails when the broker takes no publications for lack of memory or disk.
    pub(super) fn not_blocked(&self) -> Result<(), BusError> {
        match self.connection()?.status().blocked() {
            false => Ok(()),
            true => Err(BusError::Unavailable(
                "RabbitMQ is short of memory or disk".to_owned(),
            )),
        }
    }

    fn connection(&self) -> Result<Arc<Connection>, BusError> {
        let current = self.current.borrow().clone();
        current
            .filter(|connection| connection.status().connected())
            .ok_or_else(|| BusError::Unavailable("not connected to RabbitMQ".to_owned()))
    }
}

/// Waits for each connection's end, and makes the next.
async fn keep(broker: Broker, purpose: &'static str, tell: watch::Sender<Option<Arc<Connection>>>) {
    loop {
        let current = tell.borrow().clone();
        if let Some(connection) = current {
            ended(&connection).await;
            tell.send_replace(None);
            tracing::warn!(purpose, "the connection to RabbitMQ is lost");
        }
        let fresh = persist(&broker, purpose).await;
        tracing::info!(purpose, "connected to RabbitMQ");
        tell.send_replace(Some(Arc::new(fresh)));
    }
}

/// Waits until a connection is of no more use.
async fn ended(connection: &Connection) {
    let mut events = Box::pin(connection.events_listener());
    while connection.status().connected() {
        // Looks now and then, should the event be missed.
        match time::timeout(PATIENCE, events.next()).await {
            Ok(Some(Event::ConnectionBlocked(reason))) => {
                tracing::warn!(reason, "RabbitMQ takes no publications");
            }
            Ok(Some(Event::ConnectionUnblocked)) => tracing::info!("RabbitMQ takes publications"),
            Ok(Some(Event::Error(error))) => tracing::debug!(%error, "RabbitMQ"),
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => return,
        }
    }
}

/// Connects, however often it takes.
async fn persist(broker: &Broker, purpose: &'static str) -> Connection {
    let mut pause = FIRST_PAUSE;
    loop {
        match connect(broker, purpose).await {
            Ok(connection) => return connection,
            Err(error) => tracing::debug!(%error, "still not connected"),
        }
        time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Connects to the first server that answers.
async fn connect(broker: &Broker, purpose: &str) -> Result<Connection, BusError> {
    let mut last = None;
    for server in &broker.servers {
        let connecting = connect_to(broker, server, purpose);
        match time::timeout(PATIENCE, connecting).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => last = Some(error),
            Err(elapsed) => last = Some(unavailable("connect to RabbitMQ")(elapsed)),
        }
    }
    Err(last.unwrap_or_else(|| BusError::Unavailable("no server is named".to_owned())))
}

async fn connect_to(
    broker: &Broker,
    server: &Server,
    purpose: &str,
) -> Result<Connection, BusError> {
    let problem = unavailable("connect to RabbitMQ");
    let cert_chain = match &broker.ca {
        Some(file) => Some(
            tokio::fs::read_to_string(file)
                .await
                .map_err(unavailable("read `ca`"))?,
        ),
        None => None,
    };
    let tls = OwnedTLSConfig {
        identity: None,
        cert_chain,
    };
    let properties =
        ConnectionProperties::default().with_connection_name(format!("rohrpost {purpose}").into());
    let runtime = runtime::default_runtime().map_err(unavailable("find the runtime"))?;
    let uri = uri(broker, server);
    let connecting = Connection::connect_uri_with_config(uri, properties, tls, runtime);
    connecting.await.map_err(problem)
}

fn uri(broker: &Broker, server: &Server) -> AMQPUri {
    // What RabbitMQ has for clients on its own machine.
    let guest = || ("guest".to_owned(), "guest".to_owned());
    let account = broker.credentials.as_ref();
    let (username, password) = account.map_or_else(guest, |account| {
        (account.user.clone(), account.password.clone())
    });
    AMQPUri {
        scheme: match broker.tls {
            true => AMQPScheme::AMQPS,
            false => AMQPScheme::AMQP,
        },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo { username, password },
            host: server.host.trim_matches(['[', ']']).to_owned(),
            port: server.port,
        },
        vhost: broker.vhost.clone(),
        query: AMQPQueryString {
            heartbeat: Some(HEARTBEAT),
            ..AMQPQueryString::default()
        },
    }
}
