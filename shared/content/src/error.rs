//! What can go wrong with contents.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use message::ContentId;
use rustix::io::Errno;

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
    /// The object store refused, or did not answer.
    #[error("cannot {operation} {object}: {refusal}")]
    Remote {
        /// The operation, as a verb.
        operation: &'static str,
        /// The object, as a URL without its query.
        object: String,
        /// What an operator can do something about.
        refusal: Refusal,
        /// What the store, or the way to it, said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// As many long contents are being written as there is memory for.
    #[error("too many long contents are being written at once")]
    Busy,
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

/// Why an object store did not do as asked. Whatever it was may pass, or be
/// mended without us: nobody's message fails for good by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such bucket.
    NoBucket,
    /// The credentials are wrong, or do not allow it.
    Denied,
    /// No connection, or no answer in time.
    Unreachable,
    /// It answered with an error.
    Failed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBucket => "the bucket does not exist",
            Self::Denied => "the credentials are not accepted, or do not allow it",
            Self::Unreachable => "the object store does not answer",
            Self::Failed => "the object store answers with an error",
        })
    }
}

impl Error {
    /// Whether the store is away, full or overtaxed, so that waiting may help;
    /// otherwise it is this one content, or this one call, that has failed. A
    /// sector that cannot be read stays so, and is its content's trouble alone.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Remote { .. } | Self::Busy | Self::Stopped => true,
            Self::Io { source, .. } => source.raw_os_error() != Some(Errno::IO.raw_os_error()),
            Self::NotFound(_)
            | Self::ForeignId(_)
            | Self::Corrupt { .. }
            | Self::TrailerTooLong { .. }
            | Self::Envelope(_)
            | Self::GivenUp
            | Self::ReadOnly => false,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_sector_is_no_outage_and_a_full_disk_is_one() {
        let io = |errno: Errno| Error::io("read", "segment")(errno.into());
        assert!(!io(Errno::IO).is_outage());
        assert!(io(Errno::NOSPC).is_outage());
        assert!(io(Errno::ACCESS).is_outage());
        assert!(Error::Busy.is_outage());
        let id: ContentId = "f.1".parse().unwrap();
        assert!(!Error::NotFound(id).is_outage());
    }
}
