//! Numbered messages from several clients at once, and which of them got 250.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::wait::until;

/// One message in so many is larger than the content store packs.
const LARGE: u64 = 40;

/// What a client waits before it looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// Where clients send from and to.
#[derive(Debug, Clone)]
pub struct Entrance {
    /// The port of the server.
    pub server: SocketAddr,
    /// Address and password, where the port wants them.
    pub login: Option<(String, String)>,
    /// The return path.
    pub from: String,
    /// The recipients of successive messages, in turn.
    pub to: Vec<Vec<String>>,
}

/// What became of numbered messages.
#[derive(Debug)]
pub struct Tally {
    next: AtomicU64,
    most: AtomicUsize,
    accepted: Mutex<BTreeMap<u64, Vec<String>>>,
    refused: AtomicU64,
    broken: AtomicU64,
    stopped: AtomicBool,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            next: AtomicU64::new(0),
            most: AtomicUsize::new(usize::MAX),
            accepted: Mutex::default(),
            refused: AtomicU64::new(0),
            broken: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }
}

impl Tally {
    /// The numbers that got 250, with their recipients.
    pub fn accepted(&self) -> BTreeMap<u64, Vec<String>> {
        self.lock().clone()
    }

    /// How many got 250.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// How many were answered by something else.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many were on their way when the connection broke.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// Waits while enough is accepted for now.
    async fn turn(&self) {
        let stopped = || self.stopped.load(Ordering::Relaxed);
        while self.count() >= self.most.load(Ordering::Relaxed) && !stopped() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<String>>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, number: u64, to: &[String]) {
        self.lock().insert(number, to.to_vec());
    }
}

/// Clients at work. Each number is sent once: one whose reply did not come is
/// counted, and never sent again.
pub struct Load {
    tally: Arc<Tally>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts a client for each entrance.
    pub fn start(entrances: impl IntoIterator<Item = Entrance>) -> Self {
        let tally = Arc::new(Tally::default());
        let mut clients = JoinSet::new();
        for entrance in entrances {
            clients.spawn(send(entrance, Arc::clone(&tally)));
        }
        Self { tally, clients }
    }

    /// What became of the messages so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Lets the clients pause once about so many have got 250, until more are
    /// let through.
    pub fn let_through(&self, most: usize) {
        self.tally.most.store(most, Ordering::Relaxed);
    }

    /// Waits until so many have got 250.
    ///
    /// # Errors
    /// When they do not get it.
    pub async fn reach(&self, count: usize) -> Result<()> {
        until(&format!("{count} messages are accepted"), async || {
            Ok((self.tally.count() >= count).then_some(()))
        })
        .await
    }

    /// Lets each client finish its message.
    pub async fn stop(mut self) -> Arc<Tally> {
        self.tally.stopped.store(true, Ordering::Relaxed);
        while self.clients.join_next().await.is_some() {}
        self.tally
    }
}

/// Connects and sends until told to stop, through every break.
async fn send(entrance: Entrance, tally: Arc<Tally>) {
    while !tally.stopped.load(Ordering::Relaxed) {
        let conversed = match connect(&entrance).await {
            Ok(client) => converse(client, &entrance, &tally).await,
            Err(error) => Err(error),
        };
        if conversed.is_err() {
            // The server is down or refuses: the next look is a moment later.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn connect(entrance: &Entrance) -> Result<Client> {
    match &entrance.login {
        Some((user, password)) => Client::submission(entrance.server, user, password).await,
        None => Client::connect(entrance.server).await,
    }
}

async fn converse(mut client: Client, entrance: &Entrance, tally: &Tally) -> Result<()> {
    while !tally.stopped.load(Ordering::Relaxed) {
        tally.turn().await;
        let number = tally.next.fetch_add(1, Ordering::Relaxed);
        let to = &entrance.to[number as usize % entrance.to.len()];
        let recipients: Vec<_> = to.iter().map(String::as_str).collect();
        let content = Load::content(number, &entrance.from, &to.join(", "));
        let reply = client.transact(&entrance.from, &recipients, &content).await;
        match &reply {
            Ok(reply) if reply.code == 250 => tally.accept(number, to),
            Ok(_) => drop(tally.refused.fetch_add(1, Ordering::Relaxed)),
            Err(_) => drop(tally.broken.fetch_add(1, Ordering::Relaxed)),
        }
        reply?;
    }
    client.command("QUIT").await.map(drop)
}

impl Load {
    /// The octets of a numbered message.
    pub fn content(number: u64, from: &str, to: &str) -> Vec<u8> {
        let lines = if number.is_multiple_of(LARGE) {
            4000
        } else {
            12
        };
        let mut text = format!(
            "Date: Mon, 23 Nov 2026 15:05:00 +0000\r\nMessage-ID: <{number}@load.test>\r\n\
             From: {from}\r\nTo: {to}\r\nSubject: number {number}\r\n\r\n"
        );
        for line in 0..lines {
            text.push_str(&format!(
                ".. line {line} of message {number}, some words\r\n"
            ));
        }
        text.into_bytes()
    }

    /// The number that [`Load::content`] put into a subject.
    pub fn number(subject: &str) -> Option<u64> {
        subject.strip_prefix("number ")?.parse().ok()
    }
}
