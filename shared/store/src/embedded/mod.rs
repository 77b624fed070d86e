//! The embedded adapter: all ports in one file of this machine, for one
//! process at a time.
//!
//! [`engine`] gives atomic steps over ordered keys; the other modules say what
//! the keys mean. The ports share the engine and nothing else: a step touches
//! the keys of one port only.

mod directory;
mod engine;
mod key;
mod ledger;
mod logins;
mod mailbox;
mod page;
mod room;

use std::path::Path;
use std::sync::Arc;

use message::Clock;

use crate::logins::Counts;
use crate::mailbox::Watchers;
use crate::{StoreError, StoreOptions};
use engine::Engine;
pub use engine::SyncFailure;
pub use room::FreeSpace;
use room::Room;

/// The embedded store.
pub struct EmbeddedStore {
    engine: Engine,
    clock: Arc<dyn Clock>,
    room: Room,
    options: StoreOptions,
    watchers: Watchers,
    locks: mailbox::Locks,
    watch: mailbox::Watch,
    ledger: ledger::Memory,
    logins: Counts,
}

impl EmbeddedStore {
    /// Opens the store in `directory`, which is created where missing.
    ///
    /// `on_sync_failure` is called when the disk refuses an fsync, and is not
    /// expected to return: what was written may be lost, and trying again would
    /// hide it.
    ///
    /// # Errors
    /// When the files cannot be opened, belong to another process, or are
    /// damaged.
    pub fn open(
        directory: &Path,
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        on_sync_failure: SyncFailure,
    ) -> Result<Self, StoreError> {
        let engine = Engine::open(directory, options.cache, options.journal, on_sync_failure)?;
        Ok(Self {
            engine,
            clock,
            room: Room::new(directory, options.min_free),
            options,
            watchers: Watchers::default(),
            locks: mailbox::Locks::default(),
            watch: mailbox::Watch::default(),
            ledger: ledger::Memory::default(),
            logins: Counts::default(),
        })
    }

    /// The same store, asking `free` how much room there is; for tests.
    #[must_use]
    pub fn with_free_space(self, free: FreeSpace) -> Self {
        Self {
            room: self.room.measured_by(free),
            ..self
        }
    }
}
