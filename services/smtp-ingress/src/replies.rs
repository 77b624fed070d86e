//! Every reply of this service beyond what the session says by itself: the one
//! place where errors of the engines become SMTP.

use message::EnhancedStatus;
use message::srs::SrsError;
use perimeter::Denied;
use smtp::Reply;
use smtp::header::AuthorError;
use store::StoreError;

fn reply(code: u16, (class, subject, detail): (u8, u16, u16), text: &str) -> Reply {
    Reply::new(code, EnhancedStatus::new(class, subject, detail), text)
}

/// The directory, the mailboxes or the ledger did not do as asked.
pub(crate) fn store(error: &StoreError) -> Reply {
    match error {
        StoreError::Full(_) => reply(452, (4, 3, 1), "Too much mail is waiting; try again later"),
        StoreError::Away(_)
        | StoreError::Unavailable(_)
        | StoreError::Corrupt { .. }
        | StoreError::Misused(_) => not_now(),
    }
}

/// The content store did not do as asked.
pub(crate) fn content(error: &content::Error) -> Reply {
    match error {
        content::Error::Io { source, .. }
            if matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ) =>
        {
            reply(
                452,
                (4, 3, 1),
                "There is no room for the message now; try again later",
            )
        }
        content::Error::NotFound(_)
        | content::Error::ForeignId(_)
        | content::Error::Corrupt { .. }
        | content::Error::Io { .. }
        | content::Error::Remote { .. }
        | content::Error::Busy
        | content::Error::TrailerTooLong { .. }
        | content::Error::Envelope(_)
        | content::Error::GivenUp
        | content::Error::ReadOnly
        | content::Error::Stopped => not_now(),
    }
}

/// A failure of ours without anything more to say about it.
pub(crate) fn not_now() -> Reply {
    reply(451, (4, 3, 0), "A local error; try again later")
}

pub(crate) fn too_many_connections() -> Reply {
    reply(421, (4, 7, 0), "Too many connections; try again later")
}

pub(crate) fn shutting_down() -> Reply {
    reply(
        421,
        (4, 3, 2),
        "The server is shutting down; try again later",
    )
}

pub(crate) fn too_slow() -> Reply {
    reply(421, (4, 4, 2), "Nothing came for too long")
}

/// A login did not succeed.
pub(crate) fn denied(denied: Denied) -> Reply {
    let (code, status, text) = match denied {
        Denied::Wrong => (535, (5, 7, 8), "User name or password is wrong"),
        Denied::TooManyFromClient => (421, (4, 7, 0), "Too many failed logins; try again later"),
        Denied::TooManyForAccount => (454, (4, 7, 0), "Too many failed logins; try again later"),
        Denied::NotNow => (
            454,
            (4, 7, 0),
            "Cannot check passwords now; try again later",
        ),
    };
    reply(code, status, text)
}

pub(crate) fn no_relaying() -> Reply {
    reply(550, (5, 7, 1), "We do not relay; that domain is not ours")
}

pub(crate) fn unknown_recipient() -> Reply {
    reply(550, (5, 1, 1), "No such recipient here")
}

pub(crate) fn no_return_path(error: SrsError) -> Reply {
    Reply::new(550, error.status(), format!("Refused: {error}"))
}

/// MAIL knows no 450 (RFC 5321 §4.3.2).
pub(crate) fn too_many_messages() -> Reply {
    reply(
        452,
        (4, 7, 1),
        "Your account has sent too many messages; try again later",
    )
}

/// Not 452, upon which a client sends to the others at once (RFC 5321
/// §4.5.3.1.10).
pub(crate) fn too_many_recipients() -> Reply {
    reply(
        450,
        (4, 7, 1),
        "Your account has sent to too many recipients; try again later",
    )
}

pub(crate) fn mailbox_full() -> Reply {
    reply(452, (4, 2, 2), "The recipient's mailbox is full")
}

pub(crate) fn foreign_sender() -> Reply {
    reply(
        553,
        (5, 7, 1),
        "The sender address does not belong to your account",
    )
}

pub(crate) fn foreign_author() -> Reply {
    reply(
        550,
        (5, 7, 1),
        "The From address does not belong to your account",
    )
}

pub(crate) fn no_author(error: AuthorError) -> Reply {
    reply(550, (5, 6, 0), &format!("Message refused: {error}"))
}

pub(crate) fn header_too_big() -> Reply {
    reply(552, (5, 3, 4), "The header section is too large")
}
