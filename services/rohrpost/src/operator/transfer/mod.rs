//! `rohrpost mailbox import` and `export`: a mailbox out of, and into, a Maildir
//! or an mbox file. Both go on where they were cut short, and repeating one that
//! was not changes nothing.

mod export;
mod import;
mod journal;
mod maildir;
mod mbox;

use std::io;
use std::path::Path;

use message::{Address, Timestamp};
use store::mailbox::MailboxName;

use crate::Failure;
pub(super) use export::export;
pub(super) use import::import;

/// Which mailbox, and of whom.
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) mailbox: MailboxName,
}

/// A message as a file keeps it.
struct Letter {
    /// By what it is known in its file.
    key: String,
    octets: Vec<u8>,
    received: Option<Timestamp>,
    /// Flags as IMAP writes them.
    flags: Vec<String>,
}

/// A failure with a file.
fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |cause| Failure::File {
        operation,
        path,
        cause,
    }
}
