//! What commands come to: the one place where errors of the engines become IMAP.

use std::io;

use imap::response::{Code, Condition, Output, Response, Status};
use imap::{CommandError, Tag};
use store::StoreError;

/// The tagged answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    condition: Condition,
    code: AnswerCode,
    text: &'static str,
}

/// A response code that owns what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AnswerCode {
    /// None.
    Nothing,
    /// One that needs nothing.
    Plain(Code<'static>),
    /// APPENDUID
    AppendUid { uid_validity: u32, uids: Vec<u32> },
    /// COPYUID
    CopyUid {
        uid_validity: u32,
        from: Vec<u32>,
        to: Vec<u32>,
    },
    /// MODIFIED
    Modified(Vec<u32>),
    /// MAILBOXID
    MailboxId(String),
}

/// Why a command was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client hears why, and the session goes on.
    Refused(Answer),
    /// The session is over.
    Broken(Broken),
}

/// Why a session ended otherwise than by LOGOUT.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the client hung up")]
    HungUp,
    #[error("the client was silent for too long")]
    Silent,
    #[error("the client did not take our answers in time")]
    Stuck,
    #[error("the client sent more than can be thrown away")]
    Flood,
    #[error("the client made too many mistakes")]
    Mistakes,
    #[error("the server stops")]
    Stopping,
    #[error("the UIDs of the selected mailbox changed")]
    Renumbered,
    #[error("a message broke off: {0}")]
    Content(#[from] content::Error),
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

impl Broken {
    /// What the client hears, where it still can.
    pub(super) fn farewell(&self) -> Option<&'static str> {
        match self {
            Self::HungUp | Self::Stuck | Self::Content(_) | Self::Io(_) => None,
            Self::Silent => Some("Nothing came for too long"),
            Self::Flood => Some("That was too much at once"),
            Self::Mistakes => Some("Too many mistakes"),
            Self::Stopping => Some("The server is shutting down; try again later"),
            Self::Renumbered => Some("The mailbox was renumbered; connect again"),
        }
    }
}

impl Answer {
    pub(super) const fn ok(text: &'static str) -> Self {
        Self {
            condition: Condition::Ok,
            code: AnswerCode::Nothing,
            text,
        }
    }

    pub(super) const fn no(code: Code<'static>, text: &'static str) -> Self {
        Self {
            condition: Condition::No,
            code: AnswerCode::Plain(code),
            text,
        }
    }

    pub(super) const fn bad(text: &'static str) -> Self {
        Self {
            condition: Condition::Bad,
            code: AnswerCode::Nothing,
            text,
        }
    }

    pub(super) fn with(self, code: AnswerCode) -> Self {
        Self { code, ..self }
    }

    pub(super) fn is_bad(&self) -> bool {
        self.condition == Condition::Bad
    }

    pub(super) fn write(&self, tag: &Tag, out: &mut Output) {
        let mut status = Status::tagged(tag, self.condition, self.text);
        status.code = match &self.code {
            AnswerCode::Nothing => None,
            AnswerCode::Plain(code) => Some(*code),
            AnswerCode::AppendUid { uid_validity, uids } => Some(Code::AppendUid {
                uid_validity: *uid_validity,
                uids,
            }),
            AnswerCode::CopyUid {
                uid_validity,
                from,
                to,
            } => Some(Code::CopyUid {
                uid_validity: *uid_validity,
                from,
                to,
            }),
            AnswerCode::Modified(numbers) => Some(Code::Modified(numbers)),
            AnswerCode::MailboxId(id) => Some(Code::MailboxId(id)),
        };
        Response::Status(status).write(out);
    }
}

impl From<Answer> for Failure {
    fn from(answer: Answer) -> Self {
        Self::Refused(answer)
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        error.log("a mailbox command failed");
        Self::Refused(match error {
            StoreError::Full(_) => {
                Answer::no(Code::Unavailable, "There is no room now; try again later")
            }
            StoreError::Away(_)
            | StoreError::Unavailable(_)
            | StoreError::Corrupt { .. }
            | StoreError::Misused(_) => not_now(),
        })
    }
}

impl From<content::Error> for Failure {
    fn from(error: content::Error) -> Self {
        let cause = &error as &dyn std::error::Error;
        tracing::error!(error = cause, "content failed");
        Self::Refused(not_now())
    }
}

/// Answers to a command that was not understood.
pub(super) fn malformed(tag: Option<&Tag>, error: &CommandError, out: &mut Output) {
    let text = error.to_string();
    let (condition, code) = match error {
        CommandError::Charset => (Condition::No, Some(Code::BadCharset)),
        CommandError::NoTag
        | CommandError::Unknown
        | CommandError::Expected(_)
        | CommandError::TooDeep
        | CommandError::TooLong
        | CommandError::LiteralTooLong
        | CommandError::TooManyLiterals
        | CommandError::MustSynchronise => (Condition::Bad, None),
    };
    let status = Status {
        tag,
        condition,
        code,
        text: &text,
    };
    Response::Status(status).write(out);
}

/// A failure of ours without anything more to say about it.
pub(super) fn not_now() -> Answer {
    Answer::no(Code::Unavailable, "A local error; try again later")
}

pub(super) fn no_such_mailbox() -> Answer {
    Answer::no(Code::NonExistent, "There is no such mailbox")
}

pub(super) fn try_create() -> Answer {
    Answer::no(Code::TryCreate, "There is no such mailbox; create it first")
}

pub(super) fn no_name() -> Answer {
    Answer::no(
        Code::Cannot,
        "No mailbox can be called so: 1 to 1000 octets, without control characters or empty levels",
    )
}

pub(super) fn over_quota() -> Answer {
    Answer::no(Code::OverQuota, "There is no room for that in the account")
}

pub(super) fn too_many_mailboxes() -> Answer {
    Answer::no(Code::Limit, "The account has as many mailboxes as it may")
}

pub(super) fn read_only() -> Answer {
    Answer::no(Code::Cannot, "The mailbox is open for reading only")
}
