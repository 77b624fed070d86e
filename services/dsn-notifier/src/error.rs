//! What keeps a notice from being sent.

use message::MessageId;
use station::HandleError;
use store::StoreError;

/// A step towards a notice that failed. All of them may be repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The ledger refused.
    #[error("cannot {step} in the ledger")]
    Ledger {
        /// The step, as a verb.
        step: &'static str,
        /// Its reason.
        source: StoreError,
    },
    /// The sender of notices could not be looked up.
    #[error("cannot look up the primary domain")]
    Directory(#[source] StoreError),
    /// The message that the notice is about could not be read.
    #[error("cannot read the message")]
    Original(#[source] content::Error),
    /// The notice could not be written.
    #[error("cannot write the notice")]
    Notice(#[source] content::Error),
    /// The notice's content was condemned each time before it was accepted.
    #[error("the content of notice {0} was condemned again and again")]
    Condemned(MessageId),
}

impl Error {
    /// An [`Error::Ledger`], for `map_err`.
    pub(crate) fn ledger(step: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |source| Self::Ledger { step, source }
    }

    /// Whether the message itself is at fault: gone, or damaged.
    pub(crate) fn lost_the_message(&self) -> bool {
        matches!(
            self,
            Self::Original(content::Error::NotFound(_) | content::Error::Corrupt { .. })
        )
    }

    /// Whether an engine is away or full, so that no notice can be sent.
    fn is_outage(&self) -> bool {
        match self {
            Self::Ledger { source, .. } | Self::Directory(source) => source.is_outage(),
            Self::Original(source) | Self::Notice(source) => source.is_outage(),
            Self::Condemned(_) => false,
        }
    }
}

impl From<Error> for HandleError {
    fn from(error: Error) -> Self {
        let reason = std::error::Error::source(&error);
        let text = match reason {
            Some(reason) => format!("{error}: {reason}"),
            None => error.to_string(),
        };
        Self::of(error.is_outage(), text)
    }
}
