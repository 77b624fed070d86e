//! What is wrong with a command, in words for the client.

use crate::tag::Tag;

/// Why a command is not understood. No text of the client's is in it, so that
/// an answer can hold it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The line does not start with a tag and a space.
    #[error("a command starts with a tag and a space")]
    NoTag,
    /// There is no such command.
    #[error("unknown command")]
    Unknown,
    /// Something else should stand there.
    #[error("expected {0}")]
    Expected(&'static str),
    /// Parentheses, NOT, OR or part numbers are nested too deep.
    #[error("nested too deep")]
    TooDeep,
    /// SEARCH, SORT or THREAD names a charset other than US-ASCII and UTF-8: NO
    /// with BADCHARSET, not BAD.
    #[error("the charsets known are US-ASCII and UTF-8")]
    Charset,
    /// The command is longer than allowed.
    #[error("the command is too long")]
    TooLong,
    /// A literal would make the command longer than allowed.
    #[error("the literal is too long")]
    LiteralTooLong,
    /// More literals than allowed.
    #[error("too many literals")]
    TooManyLiterals,
    /// A literal that did not wait for us may be so long only (RFC 7888 §5).
    #[error("a literal of this size must be synchronising")]
    MustSynchronise,
}

/// A command that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Malformed {
    /// Its tag, where it has one; else the answer is untagged.
    pub tag: Option<Tag>,
    /// What is wrong.
    pub error: CommandError,
}

impl Malformed {
    /// What is wrong with `command`, of which only the start need be there.
    pub(crate) fn new(command: &[u8], error: CommandError) -> Self {
        Self {
            tag: Tag::of(command),
            error,
        }
    }
}
