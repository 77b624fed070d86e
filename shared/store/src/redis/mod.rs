//! The adapter on Redis 7: all ports on one server that many processes
//! share.
//!
//! Each operation is one Redis Function in Lua, which the server runs alone and
//! whole; the Lua stands in `functions/`, a library per port. [`init`] loads the
//! libraries with an administrator's credentials; services only verify that
//! they are those of this version. `docs/adr/0004-redis-store.md` has the keys,
//! the rights of each service and what is durable when.
//!
//! Keys of a port begin with a letter of its own (`d:`, `m:`, `l:`, `f:`), for ACLs,
//! and carry a hash tag, for Redis Cluster. A function is given the common
//! beginning of its keys as `KEYS[1]`, such as `m:{4a5f…}`, and appends the rest.
//!
//! While the server is away an operation fails as
//! [`StoreError::Unavailable`] after a few tries within about a second, and
//! succeeds again as soon as the server is back. That an outage begins and ends
//! is logged once.

mod channel;
mod connection;
mod directory;
mod epoch;
mod failure;
mod functions;
mod ledger;
mod logins;
mod mailbox;
mod memory;
mod outage;
mod place;
mod settings;
mod time;

use crate::{StoreError, StoreOptions};
use connection::Link;
use directory::Memory;
use epoch::Epoch;
use mailbox::Changes;
use place::Place;
pub(crate) use place::without_password;
pub use time::Time;

/// The store on Redis.
pub struct RedisStore {
    link: Link,
    options: StoreOptions,
    changes: Changes,
    memory: Memory,
    epoch: Epoch,
}

impl RedisStore {
    /// Connects to the server that `url` names, and verifies its functions.
    ///
    /// ```text
    /// redis://USER:PASSWORD@HOST:PORT/DATABASE?timeout=5000
    /// rediss://USER@HOST:PORT?password_file=/run/secrets/store&ca=/etc/ca.pem
    /// ```
    ///
    /// `timeout` is how many milliseconds one reply may take.
    ///
    /// # Errors
    /// When the URL is wrong, the server cannot be reached, or its functions are
    /// missing or of another version.
    pub async fn connect(url: &str, options: StoreOptions, time: Time) -> Result<Self, StoreError> {
        let place = Place::parse(url)?;
        let link = Link::connect(&place, time).await?;
        functions::verify(&link).await?;
        settings::warn_of_losses(&link).await;
        memory::watch(&link);
        Ok(Self {
            epoch: epoch::watch(&link).await?,
            link,
            options,
            changes: Changes::new(place.client()?),
            memory: Memory::new(place.client()?),
        })
    }
}

/// Loads the functions of this version, again and again if need be. Needs an
/// administrator's credentials.
pub(crate) async fn init(url: &str) -> Result<(), StoreError> {
    let link = Link::connect(&Place::parse(url)?, Time::Server).await?;
    functions::load(&link).await
}
