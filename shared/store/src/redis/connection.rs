//! The one connection of a process, shared by everything it does.
//!
//! Commands of many tasks are written behind one another and answered in that
//! order (one fsync of the server serves all that came in one turn of its event
//! loop). A lost connection fails what was under way. Operations of the ports
//! can be repeated, so a [`Call`] is tried again a few times, unless it says
//! otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, FromRedisValue, RedisError, ToRedisArgs};
use tokio::time::sleep;

use super::failure::{is_passing, translated};
use super::outage::Outage;
use super::place::Place;
use super::time::Time;
use crate::StoreError;

/// How long to wait before each further try of what a lost connection failed.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
];

/// How many commands wait for being written before their callers wait.
const PIPELINE: usize = 1024;

/// A handle of the connection; clones share it.
#[derive(Clone)]
pub(super) struct Link {
    connection: ConnectionManager,
    time: Time,
    outage: Arc<Outage>,
    short_of_memory: Arc<AtomicBool>,
}

/// A function, and what it is called with.
pub(super) struct Call {
    command: Cmd,
    repeatable: bool,
}

impl Call {
    /// Calls a function that changes keys that begin with `key`, which holds the
    /// hash tag.
    pub(super) fn write(function: &str, key: &str) -> Self {
        Self::on("FCALL", function, key)
    }

    /// Calls a function that only reads such keys.
    pub(super) fn read(function: &str, key: &str) -> Self {
        Self::on("FCALL_RO", function, key)
    }

    fn on(command: &str, function: &str, key: &str) -> Self {
        let mut command = redis::cmd(command);
        command.arg(function).arg(1).arg(key);
        Self {
            command,
            repeatable: true,
        }
    }

    /// Calls a function that touches no key.
    pub(super) fn without_key(function: &str) -> Self {
        let mut command = redis::cmd("FCALL_RO");
        command.arg(function).arg(0);
        Self {
            command,
            repeatable: true,
        }
    }

    /// One argument more, or several.
    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// At most how many of something; the server counts in 64 bits with a sign.
    pub(super) fn limit(self, limit: usize) -> Self {
        self.arg(u32::try_from(limit).unwrap_or(u32::MAX))
    }

    /// Not to be tried again when the answer is lost.
    pub(super) fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }
}

impl Link {
    /// Connects; a server that is away now is an error, later it is waited for.
    pub(super) async fn connect(place: &Place, time: Time) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new()
            // We try again ourselves, and tell callers meanwhile.
            .set_number_of_retries(0)
            .set_connection_timeout(Some(place.timeout))
            .set_response_timeout(Some(place.timeout))
            .set_pipeline_buffer_size(PIPELINE);
        let connecting = ConnectionManager::new_with_config(place.client()?, config);
        Ok(Self {
            connection: connecting.await.map_err(|error| translated(&error))?,
            time,
            outage: Arc::default(),
            short_of_memory: Arc::default(),
        })
    }

    /// What a function is told about the time, by [`Call::arg`].
    pub(super) fn now(&self) -> String {
        self.time.argument()
    }

    /// Calls a function, and reads its reply as a `T`.
    pub(super) async fn call<T: FromRedisValue>(&self, call: Call) -> Result<T, StoreError> {
        let called = self.try_call(&call).await;
        called.map_err(|error| translated(&error))
    }

    /// The same, for who knows more of the errors.
    pub(super) async fn try_call<T: FromRedisValue>(&self, call: &Call) -> Result<T, RedisError> {
        let called = self.persist(call).await;
        match &called {
            Ok(_) => self.outage.answered(),
            Err(error) => self.outage.failed(error),
        }
        called
    }

    async fn persist<T: FromRedisValue>(&self, call: &Call) -> Result<T, RedisError> {
        let pauses = if call.repeatable { &PAUSES[..] } else { &[] };
        let mut pauses = pauses.iter();
        loop {
            let error = match self.query(&call.command).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if is_passing(&error) => sleep(*pause).await,
                Some(_) | None => return Err(error),
            }
        }
    }

    /// Runs a command, once.
    pub(super) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.query(command)
            .await
            .map_err(|error| translated(&error))
    }

    /// Runs a command, once, for who knows more of the errors.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        command.query_async(&mut self.connection.clone()).await
    }

    /// Whether the server's memory is above the watermark, where acceptance is
    /// to stop while everything else goes on.
    pub(super) fn is_short_of_memory(&self) -> bool {
        self.short_of_memory.load(Ordering::Relaxed)
    }

    /// A handle of the same connection that does not keep the flag alive.
    pub(super) fn observer(&self) -> Self {
        Self {
            short_of_memory: Arc::default(),
            ..self.clone()
        }
    }

    /// Where [`Link::is_short_of_memory`] is written.
    pub(super) fn memory_flag(&self) -> &Arc<AtomicBool> {
        &self.short_of_memory
    }
}
