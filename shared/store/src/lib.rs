//! The ports of state: who has an account ([`Directory`]), what is in a mailbox
//! ([`MailboxStore`]), and what became of every message ([`Ledger`]).
//!
//! Each operation is one atomic, idempotent step of the domain, and no
//! operation spans two ports, so that an engine may keep them apart. A step
//! that somebody outside is told of (an acceptance, an append, an operator's
//! edit) returns after its fsync; a step whose loss merely repeats idempotent
//! work returns earlier and reaches the disk with the next fsync.

pub mod directory;
pub mod ledger;
pub mod mailbox;

pub use directory::Directory;
pub use ledger::Ledger;
pub use mailbox::MailboxStore;

/// Why an operation of a store did not happen. Nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine cannot be reached, or failed. Trying again later may help.
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
}
