//! Every reply that the session gives by itself. What the driver decides it
//! also words.

use message::{Domain, EnhancedStatus, MessageId};
use sasl::SaslError;

use super::{Role, SessionConfig};
use crate::data::Fault;
use crate::reply::Reply;

const fn status(class: u8, subject: u16, detail: u16) -> EnhancedStatus {
    EnhancedStatus::new(class, subject, detail)
}

pub(super) fn greeting(hostname: &Domain) -> Reply {
    Reply::plain(220, format!("{hostname} ESMTP Rohrpost"))
}

pub(super) fn hello(hostname: &Domain) -> Reply {
    Reply::plain(250, hostname.as_str())
}

/// The extensions offered, as things stand.
pub(super) fn extensions(config: &SessionConfig, under_tls: bool) -> Reply {
    let mut text = format!(
        "{}\nPIPELINING\nSIZE {}\n8BITMIME\nCHUNKING\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nLIMITS RCPTMAX={}",
        config.hostname, config.size_limit, config.max_recipients
    );
    if config.starttls && !under_tls {
        text.push_str("\nSTARTTLS");
    }
    if config.role == Role::Submission && under_tls {
        text.push_str("\nAUTH PLAIN LOGIN");
    }
    Reply::plain(250, text + "\nHELP")
}

pub(super) fn ok() -> Reply {
    Reply::new(250, status(2, 0, 0), "Ok")
}

pub(super) fn sender_ok() -> Reply {
    Reply::new(250, status(2, 1, 0), "Ok")
}

pub(super) fn recipient_ok() -> Reply {
    Reply::new(250, status(2, 1, 5), "Ok")
}

pub(super) fn queued(id: MessageId) -> Reply {
    Reply::new(250, status(2, 0, 0), format!("Ok: queued as {id}"))
}

pub(super) fn go_on_with_data() -> Reply {
    Reply::plain(354, "Send the message, then a line with a single dot")
}

pub(super) fn chunk_taken(size: u64) -> Reply {
    Reply::new(250, status(2, 0, 0), format!("{size} octets taken"))
}

pub(super) fn challenge(base64: &str) -> Reply {
    Reply::plain(334, base64)
}

pub(super) fn logged_in() -> Reply {
    Reply::new(235, status(2, 7, 0), "Authentication successful")
}

pub(super) fn start_tls() -> Reply {
    Reply::new(220, status(2, 0, 0), "Go ahead with TLS")
}

pub(super) fn bye() -> Reply {
    Reply::new(221, status(2, 0, 0), "Bye")
}

pub(super) fn help() -> Reply {
    Reply::new(
        214,
        status(2, 0, 0),
        "Commands: AUTH BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY\nSee RFC 5321",
    )
}

/// RFC 5321 §3.5.3: neither yes nor no.
pub(super) fn cannot_verify() -> Reply {
    Reply::new(252, status(2, 0, 0), "Send mail, and it will be seen")
}

pub(super) fn not_offered() -> Reply {
    Reply::new(502, status(5, 5, 1), "Not offered here")
}

pub(super) fn wrong_order(instead: &str) -> Reply {
    Reply::new(503, status(5, 5, 1), instead)
}

pub(super) fn line_too_long() -> Reply {
    Reply::new(500, status(5, 5, 2), "Line too long")
}

pub(super) fn bare_line_feed() -> Reply {
    Reply::new(
        554,
        status(5, 5, 2),
        "Lines end with CR LF, not with LF alone",
    )
}

pub(super) fn pipelined() -> Reply {
    Reply::new(
        554,
        status(5, 5, 1),
        "Wait for the reply to this command before you send more",
    )
}

pub(super) fn too_many_errors() -> Reply {
    Reply::new(421, status(4, 7, 0), "Too many errors")
}

pub(super) fn too_many_recipients() -> Reply {
    Reply::new(
        452,
        status(4, 5, 3),
        "Too many recipients; send the rest in another transaction",
    )
}

pub(super) fn too_big(limit: u64) -> Reply {
    Reply::new(
        552,
        status(5, 3, 4),
        format!("The message is larger than {limit} octets"),
    )
}

pub(super) fn no_recipients() -> Reply {
    Reply::new(554, status(5, 5, 1), "No valid recipients")
}

pub(super) fn login_required(under_tls: bool) -> Reply {
    let first = if under_tls {
        "Log in by AUTH first"
    } else {
        "Begin with STARTTLS, then AUTH"
    };
    Reply::new(530, status(5, 7, 0), first)
}

pub(super) fn encryption_required() -> Reply {
    Reply::new(538, status(5, 7, 11), "AUTH is offered only under TLS")
}

pub(super) fn unknown_mechanism() -> Reply {
    Reply::new(504, status(5, 5, 4), "Mechanism not offered")
}

pub(super) fn login_error(error: SaslError) -> Reply {
    match error {
        SaslError::Cancelled => Reply::new(501, status(5, 7, 0), "Authentication cancelled"),
        SaslError::Syntax => Reply::new(501, status(5, 5, 2), "Cannot read the response"),
        SaslError::OtherIdentity => {
            Reply::new(535, status(5, 7, 8), "Nobody may act as somebody else")
        }
    }
}

pub(super) fn fault(fault: Fault, config: &SessionConfig) -> Reply {
    match fault {
        Fault::TooBig => too_big(config.size_limit),
        Fault::Loop => Reply::new(554, status(5, 4, 6), "Too many hops: probably a loop"),
        Fault::BareCr | Fault::BareLf | Fault::Nul => Reply::new(
            554,
            status(5, 6, 0),
            format!("Message refused: it holds {fault}"),
        ),
    }
}
