//! Why delivery fails, in words for people who run no mail server: one sentence
//! for the reason and one for what the sender can do, by enhanced status code
//! (RFC 3463 and IANA's registry of them).

use message::EnhancedStatus;

/// What a code means to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason {
    /// What is the matter; true of a delay and of a failure alike.
    pub(super) what: &'static str,
    /// What to do about it once delivery has failed.
    pub(super) advice: &'static str,
}

const SPELLING: &str =
    "Please check the spelling of the address, and send your message again to the right one.";
const ANOTHER_WAY: &str =
    "Please send your message again later, or reach the recipient in another way.";
const THEIR_POSTMASTER: &str = "Please reach the recipient in another way and tell them what their server said, so that \
     their mail administrator can help.";
const OUR_POSTMASTER: &str = "Please forward this notice to your own mail administrator, who has to change something \
     before it can work.";
const SMALLER: &str =
    "Please send a smaller message, for example by sharing large files through a link.";

/// The meaning of `status`, as said by a remote server or by ourselves.
pub(super) fn reason(status: EnhancedStatus, remote: bool) -> Reason {
    let (what, advice) = match status.subject() {
        1 => address(status.detail()),
        2 => mailbox(status.detail()),
        3 => system(status.detail()),
        4 => network(status.detail()),
        5 => protocol(status.detail()),
        6 => content(status.detail()),
        7 => policy(status.detail()),
        _ if remote => (
            "The recipient's mail server did not accept the message.",
            THEIR_POSTMASTER,
        ),
        _ => ("The message could not be delivered.", ANOTHER_WAY),
    };
    Reason { what, advice }
}

fn address(detail: u16) -> (&'static str, &'static str) {
    match detail {
        1 => ("There is no mailbox with this address.", SPELLING),
        2 => (
            "The part of the address after the @ was not found: there is no such mail domain.",
            SPELLING,
        ),
        3 => ("This is not a valid mail address.", SPELLING),
        4 => ("The address fits more than one recipient.", SPELLING),
        6 => (
            "The recipient has moved, and mail is not sent on to the new address.",
            "Please ask the recipient for the new address.",
        ),
        7 | 8 => (
            "The recipient's mail server does not accept your own address as a sender.",
            OUR_POSTMASTER,
        ),
        10 => (
            "The part of the address after the @ belongs to a domain that accepts no mail at all.",
            SPELLING,
        ),
        _ => (
            "The recipient's mail server does not accept this address.",
            SPELLING,
        ),
    }
}

fn mailbox(detail: u16) -> (&'static str, &'static str) {
    match detail {
        1 => (
            "The recipient's mailbox is switched off.",
            "Please reach the recipient in another way.",
        ),
        2 => (
            "The recipient's mailbox is full.",
            "Please tell the recipient in another way, and send your message again later.",
        ),
        3 => (
            "The message is larger than the recipient's mailbox takes.",
            SMALLER,
        ),
        4 => (
            "The address is a mailing list that could not be read.",
            THEIR_POSTMASTER,
        ),
        _ => (
            "The recipient's mailbox does not take the message.",
            ANOTHER_WAY,
        ),
    }
}

fn system(detail: u16) -> (&'static str, &'static str) {
    match detail {
        1 => (
            "The recipient's mail server has no space left.",
            ANOTHER_WAY,
        ),
        2 => (
            "The recipient's mail server takes no mail at the moment.",
            ANOTHER_WAY,
        ),
        4 => (
            "The message is larger than the recipient's mail server takes.",
            SMALLER,
        ),
        _ => (
            "The recipient's mail server has a problem of its own.",
            ANOTHER_WAY,
        ),
    }
}

fn network(detail: u16) -> (&'static str, &'static str) {
    match detail {
        1 => ("The recipient's mail server does not answer.", ANOTHER_WAY),
        2 => (
            "The connection to the recipient's mail server broke.",
            ANOTHER_WAY,
        ),
        3 => (
            "The recipient's mail server could not be looked up, because a directory on the way \
             did not answer.",
            ANOTHER_WAY,
        ),
        4 => (
            "No mail server was found for the part of the address after the @.",
            SPELLING,
        ),
        5 => ("The recipient's mail server is too busy.", ANOTHER_WAY),
        6 => (
            "The message went round in a circle between mail servers.",
            THEIR_POSTMASTER,
        ),
        7 => (
            "The message could not be handed over within the time that messages are tried.",
            ANOTHER_WAY,
        ),
        _ => (
            "The recipient's mail server could not be reached.",
            ANOTHER_WAY,
        ),
    }
}

fn protocol(detail: u16) -> (&'static str, &'static str) {
    match detail {
        3 => (
            "The message has more recipients than the server takes at once.",
            "Please send your message again to fewer recipients at a time.",
        ),
        _ => (
            "The two mail servers did not understand each other.",
            OUR_POSTMASTER,
        ),
    }
}

fn content(detail: u16) -> (&'static str, &'static str) {
    match detail {
        3 => (
            "The recipient's mail server is too old to take this message without changing it.",
            "Please send your message again as plain text, without special characters or with its \
             text in an attachment.",
        ),
        7..=10 => (
            "The recipient's mail server does not know addresses or headers with letters outside \
             plain English.",
            "Please use addresses that have only plain letters, if you and the recipient have such.",
        ),
        _ => (
            "The recipient's mail server does not accept what the message contains.",
            "Please change your message, for example by leaving out attachments, and send it again.",
        ),
    }
}

fn policy(detail: u16) -> (&'static str, &'static str) {
    match detail {
        2 => (
            "You are not allowed to send to this mailing list.",
            "Please ask whoever runs the list to let you send to it.",
        ),
        4 | 5 | 10 | 11 => (
            "The message could not be handed over under the encryption that is asked for.",
            OUR_POSTMASTER,
        ),
        8 | 9 | 14 => (
            "The next mail server did not accept our login.",
            OUR_POSTMASTER,
        ),
        20..=26 | 29 => (
            "The recipient's mail server could not make sure that the message really comes from \
             you.",
            OUR_POSTMASTER,
        ),
        27 => (
            "Your own address belongs to a domain that accepts no mail, so the recipient's server \
             does not accept mail from it.",
            OUR_POSTMASTER,
        ),
        _ => (
            "The message was refused by the rules of a mail server, for example because it looked \
             unwanted or because you may not write to this address.",
            THEIR_POSTMASTER,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: &str, begin: &str) {
        let reason = reason(status.parse().unwrap(), true);
        assert!(reason.what.starts_with(begin), "{status}: {}", reason.what);
    }

    #[test]
    fn codes_have_reasons_in_plain_words() {
        check("5.1.1", "There is no mailbox");
        check("5.1.2", "The part of the address after the @ was not found");
        check("5.2.2", "The recipient's mailbox is full");
        check("4.2.2", "The recipient's mailbox is full");
        check("5.3.4", "The message is larger");
        check("4.4.1", "The recipient's mail server does not answer");
        check("5.4.4", "No mail server was found");
        check("5.4.7", "The message could not be handed over");
        check("5.7.1", "The message was refused by the rules");
        check("5.7.509", "The message was refused by the rules");
        check("5.0.0", "The recipient's mail server did not accept");
    }

    #[test]
    fn every_text_is_plain_ascii_and_whole_sentences() {
        for subject in 0..9 {
            for detail in 0..40 {
                let reason = reason(EnhancedStatus::new(5, subject, detail), false);
                for text in [reason.what, reason.advice] {
                    assert!(text.is_ascii() && text.ends_with('.') && !text.contains("  "));
                }
            }
        }
    }
}
