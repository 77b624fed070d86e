//! What can go wrong with contents.

use std::io;
use std::path::PathBuf;

use message::ContentId;

/// A content that could not be written, read, removed or listed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The content was removed, or never existed.
    #[error("content {0} does not exist")]
    NotFound(ContentId),
    /// The id was made by another kind of store.
    #[error("{0} is not the id of a content in this store")]
    ForeignId(ContentId),
    /// Octets are not those that were written.
    #[error("{} is damaged at octet {offset}: {what}", file.display())]
    Corrupt {
        /// The file, or the object, that holds them.
        file: PathBuf,
        /// Where in it the damaged part begins.
        offset: u64,
        /// What does not hold.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {operation} {}", file.display())]
    Io {
        /// The operation, as a verb.
        operation: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// Prefix and envelope together are too long.
    #[error("prefix and envelope take {octets} octets, more than {limit}")]
    TrailerTooLong {
        /// Their size when encoded.
        octets: usize,
        /// The most a store takes.
        limit: usize,
    },
    /// The envelope has no encoding.
    #[error("cannot encode the envelope")]
    Envelope(#[source] serde_json::Error),
    /// An earlier call on this writer failed or was cancelled.
    #[error("this content was given up when an earlier write failed")]
    GivenUp,
    /// This process was connected without a writer's name.
    #[error("this process only reads contents")]
    ReadOnly,
    /// Nothing more can be written since an fsync failed.
    #[error("writing ended after a failed fsync")]
    Stopped,
}

impl Error {
    /// An [`Error::Io`], for `map_err`.
    pub(crate) fn io(
        operation: &'static str,
        file: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io {
            operation,
            file,
            source,
        }
    }
}
