//! The ports of state: who has an account ([`Directory`]), what is in a mailbox
//! ([`MailboxStore`]), what became of every message ([`Ledger`]), and who guesses
//! passwords ([`LoginFailures`]).
//!
//! Each operation is one atomic, idempotent step of the domain, and no
//! operation spans two ports, so that an engine may keep them apart. A step
//! that somebody outside is told of (an acceptance, an append, an operator's
//! edit) returns after its fsync; a step whose loss merely repeats idempotent
//! work returns earlier and reaches the disk with the next fsync.

pub mod conformance;
pub mod directory;
mod embedded;
pub mod ledger;
pub mod logins;
pub mod mailbox;
mod redis;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use directory::Directory;
pub use embedded::{EmbeddedStore, FreeSpace, SyncFailure};
pub use ledger::Ledger;
pub use logins::LoginFailures;
pub use mailbox::MailboxStore;
use message::Clock;

pub use self::redis::{RedisStore, Time};

/// Bounds and times that hold for every engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// The most open entries of the ledger; beyond it acceptance is refused.
    pub backlog: u64,
    /// How long a published job may make no progress before it is published
    /// again; doubled with each publication, up to an hour.
    pub feed_interval: Duration,
    /// How often in a row a job is tried without a result before it is dead.
    pub max_tries: u32,
    /// Octets of memory that the embedded engine keeps of its file.
    pub cache: usize,
    /// Octets that the embedded engine writes ahead between two checkpoints of
    /// its file; twice that is the space its journal takes.
    pub journal: u64,
    /// Octets that stay free on the embedded engine's disk: beneath, acceptance
    /// is refused, and what was accepted goes on.
    pub min_free: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            backlog: 1_000_000,
            feed_interval: Duration::from_secs(10),
            max_tries: 5,
            cache: 16 << 20,
            journal: 16 << 20,
            min_free: 0,
        }
    }
}

/// Why an operation of a store did not happen. Nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine cannot be reached, which it logs itself: once when it begins and
    /// once when it is over. Trying again later helps.
    #[error("the store cannot be reached: {0}")]
    Away(String),
    /// The engine failed, or refused. Trying again later may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A bound is reached (backlog, memory or disk): clients are to be told 4xx.
    #[error("the store takes nothing more for now: {0}")]
    Full(String),
    /// What the engine holds under a key cannot be read.
    #[error("the store holds something unreadable at {key}: {reason}")]
    Corrupt {
        /// Where.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller breaks the port's contract, as with a report that forgets a
    /// recipient. Trying again does not help.
    #[error("the store was asked for what must not be: {0}")]
    Misused(String),
}

impl StoreError {
    /// Whether the engine is away or full, so that nothing can be done for
    /// now; otherwise it is this one operation that cannot be done.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Unavailable(_) | Self::Full(_))
    }

    /// Logs that `what` failed for this reason; an outage not again for each who is
    /// turned away.
    pub fn log(&self, what: &'static str) {
        match self {
            Self::Away(_) => tracing::debug!(error = %self, "{what}"),
            Self::Unavailable(_) | Self::Full(_) | Self::Corrupt { .. } | Self::Misused(_) => {
                tracing::error!(error = %self, "{what}");
            }
        }
    }
}

/// The ports, on one engine.
#[derive(Clone)]
pub struct Stores {
    /// Domains, accounts, aliases.
    pub directory: Arc<dyn Directory>,
    /// Mailboxes.
    pub mailbox: Arc<dyn MailboxStore>,
    /// Messages.
    pub ledger: Arc<dyn Ledger>,
    /// Failed logins.
    pub logins: Arc<dyn LoginFailures>,
}

impl Stores {
    /// All on one store.
    pub fn on<S: Directory + MailboxStore + Ledger + LoginFailures + 'static>(
        store: Arc<S>,
    ) -> Self {
        Self {
            directory: store.clone(),
            mailbox: store.clone(),
            ledger: store.clone(),
            logins: store,
        }
    }
}

/// Opens the stores that `url` names: `embedded`, with its files in `directory`,
/// or a Redis server, as [`RedisStore::connect`] takes it, whose clock then holds.
///
/// # Errors
/// When the URL names no engine, or the engine cannot be opened.
pub async fn connect(
    url: &str,
    directory: &Path,
    options: StoreOptions,
    clock: Arc<dyn Clock>,
    on_sync_failure: SyncFailure,
) -> Result<Stores, StoreError> {
    if url == "embedded" {
        let store = EmbeddedStore::open(directory, options, clock, on_sync_failure)?;
        return Ok(Stores::on(Arc::new(store)));
    }
    if !(url.starts_with("redis://") || url.starts_with("rediss://")) {
        return Err(StoreError::Unavailable(format!(
            "{:?} is no store: this version knows `embedded`, redis:// and rediss://",
            redis::without_password(url)
        )));
    }
    let store = RedisStore::connect(url, options, Time::Server).await?;
    Ok(Stores::on(Arc::new(store)))
}

/// Prepares the server behind `url` for this version of the store: loads the
/// functions on Redis. Needs an administrator's credentials; may be repeated.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn init(url: &str) -> Result<(), StoreError> {
    match url {
        "embedded" => Ok(()),
        url => redis::init(url).await,
    }
}
