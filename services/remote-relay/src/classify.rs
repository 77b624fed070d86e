//! What a reply, or the lack of one, means: the one place that decides between
//! relayed, bounce, defer, next host and once more.
//!
//! | what happened | ruling | status |
//! | --- | --- | --- |
//! | 2yz to the final dot | relayed | the reply's |
//! | 5yz to MAIL, RCPT, DATA, the dot | bounce | the reply's |
//! | 4yz to MAIL, RCPT, DATA, the dot | defer | the reply's |
//! | 452 or 552 to RCPT after others were accepted | at once | the reply's |
//! | any refusal at greeting or EHLO, any 421 | next host | the reply's, as 4 |
//! | no connection | next host | 4.4.1 |
//! | no TLS where it is demanded, TLS failed | next host | 4.7.10, 4.7.5 |
//! | connection lost before the final dot | next host | 4.4.2 |
//! | connection lost after it: the host may have the message | defer | 4.4.2 |
//! | what is no SMTP | next host | 4.5.0 |
//! | NXDOMAIN | bounce | 5.1.2 |
//! | null MX (RFC 7505) | bounce | 5.1.10 |
//! | no address at any MX | bounce | 5.4.4 |
//! | all MX are ourselves | bounce | 5.4.6 |
//! | DNS failed | defer | 4.4.3 |
//! | our own content store is away | defer | 4.3.0 |
//! | too large, 8-bit, or UTF-8 for that host | bounce | 5.3.4, 5.6.3, 5.6.7 |
//!
//! RFC 5321 §4.2.1, §4.5.3.1.10 (452 and 552 to RCPT), RFC 3463 for the codes.

use dns::DnsError;
use message::{Diagnostic, Domain, EnhancedStatus, Verdict};
use smtp::Reply;
use smtp::client::{Answer, End, Stage, Unfit};

use crate::connection::Broken;

/// Why, for the sender and for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) status: EnhancedStatus,
    pub(crate) diagnostic: Diagnostic,
}

/// What is to become of a recipient, or of all that have no answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// The host took responsibility.
    Relayed(Cause),
    /// It fails for good.
    Bounce(Cause),
    /// It is tried again later.
    Defer(Cause),
    /// It is tried at the next host, and later where none is left.
    NextHost(Cause),
    /// It is tried at once, in a new transaction.
    AtOnce(Cause),
}

impl Ruling {
    pub(crate) fn cause(&self) -> &Cause {
        match self {
            Self::Relayed(cause) | Self::Bounce(cause) | Self::Defer(cause) => cause,
            Self::NextHost(cause) | Self::AtOnce(cause) => cause,
        }
    }

    pub(crate) fn into_cause(self) -> Cause {
        match self {
            Self::Relayed(cause) | Self::Bounce(cause) | Self::Defer(cause) => cause,
            Self::NextHost(cause) | Self::AtOnce(cause) => cause,
        }
    }

    /// What the recipient is for now; `dsn` where the host was passed what it
    /// asked about notices.
    pub(crate) fn verdict(&self, dsn: bool) -> Verdict {
        match self {
            Self::Relayed(_) => Verdict::Relayed { dsn },
            Self::Bounce(_) => Verdict::Failed,
            Self::Defer(_) | Self::NextHost(_) | Self::AtOnce(_) => Verdict::Deferred,
        }
    }

    /// The same where there is no next host.
    pub(crate) fn later(self) -> Self {
        match self {
            Self::NextHost(cause) | Self::AtOnce(cause) => Self::Defer(cause),
            Self::Relayed(_) | Self::Bounce(_) | Self::Defer(_) => self,
        }
    }
}

impl Cause {
    fn ours(status: EnhancedStatus, text: impl AsRef<str>) -> Self {
        Self {
            status,
            diagnostic: Diagnostic::ours(text),
        }
    }

    fn remote(host: &Domain, reply: &Reply) -> Self {
        let class = (reply.code() / 100) as u8;
        let status = reply.status().filter(|status| status.class() == class);
        let status = status.unwrap_or(match class {
            2 => EnhancedStatus::new(2, 0, 0),
            4 => EnhancedStatus::new(4, 0, 0),
            _ => EnhancedStatus::new(5, 0, 0),
        });
        Self {
            status,
            diagnostic: Diagnostic::remote(host.clone(), reply.to_string()),
        }
    }

    /// The same cause as one that may pass.
    fn passing(self) -> Self {
        Self {
            status: self.status.with_class(4),
            ..self
        }
    }
}

/// What `answer` means for its recipient; `others_relayed` where the host took
/// the message for others in the same transaction.
pub(crate) fn answer(answer: &Answer, host: &Domain, others_relayed: bool) -> Ruling {
    let reply = &answer.reply;
    let cause = Cause::remote(host, reply);
    match answer.stage {
        Stage::Greeting | Stage::Hello | Stage::StartTls | Stage::Auth | Stage::Quit => {
            Ruling::NextHost(cause.passing())
        }
        Stage::Dot if reply.is_positive() => Ruling::Relayed(cause),
        Stage::Rcpt if others_relayed && matches!(reply.code(), 452 | 552) => Ruling::AtOnce(cause),
        Stage::Reset | Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Dot => {
            match reply.is_permanent() {
                true => Ruling::Bounce(cause),
                false => Ruling::Defer(cause.passing()),
            }
        }
    }
}

/// What the end of a dialogue means for those without an answer.
pub(crate) fn end(end: &End, host: &Domain) -> Ruling {
    let protocol = |text: String| Cause::ours(EnhancedStatus::new(4, 5, 0), text);
    Ruling::NextHost(match end {
        End::Refused(answer) => Cause::remote(host, &answer.reply).passing(),
        End::Unexpected(answer) => protocol(format!(
            "{host} replied {} to {}",
            answer.reply, answer.stage
        )),
        End::Malformed(stage, error) => protocol(format!("{host} at {stage}: {error}")),
        End::Unsolicited(stage) => {
            protocol(format!("{host} sent more than was asked for at {stage}"))
        }
        End::NoEncryption(_) => Cause::ours(
            EnhancedStatus::new(4, 7, 10),
            format!("{host} offers no encryption, which the policy for it demands"),
        ),
        End::NoLogin => Cause::ours(
            EnhancedStatus::new(4, 7, 0),
            format!("{host} offers no login we know"),
        ),
        End::Quit => Cause::ours(
            EnhancedStatus::new(4, 4, 2),
            format!("{host} ended the session"),
        ),
    })
}

/// What a broken connection means for those without an answer.
pub(crate) fn broken(broken: &Broken, host: &Domain) -> Ruling {
    let lost = |stage: Stage, error: &std::io::Error| {
        let text = format!("the connection to {host} broke at {stage}: {error}");
        Cause::ours(EnhancedStatus::new(4, 4, 2), text)
    };
    match broken {
        Broken::Connect(error) => Ruling::NextHost(Cause::ours(
            EnhancedStatus::new(4, 4, 1),
            format!("no connection to {host}: {error}"),
        )),
        Broken::Handshake(error) => Ruling::NextHost(Cause::ours(
            EnhancedStatus::new(4, 7, 5),
            format!("no encryption with {host}: {error}"),
        )),
        Broken::Stream {
            stage: Stage::Dot,
            error,
        } => Ruling::Defer(lost(Stage::Dot, error)),
        Broken::Stream { stage, error } => Ruling::NextHost(lost(*stage, error)),
        Broken::Ended(end) => self::end(end, host),
    }
}

/// What our own content store being away means for those without an answer.
pub(crate) fn content_away() -> Ruling {
    Ruling::Defer(Cause::ours(
        EnhancedStatus::new(4, 3, 0),
        "contents cannot be read for now",
    ))
}

/// What DNS failing to name hosts for `domain` means.
pub(crate) fn dns(error: &DnsError) -> Ruling {
    let cause = |class, subject, detail| {
        Cause::ours(
            EnhancedStatus::new(class, subject, detail),
            error.to_string(),
        )
    };
    match error {
        DnsError::NoSuchName { .. } => Ruling::Bounce(cause(5, 1, 2)),
        DnsError::NoRecords { .. } => Ruling::Bounce(cause(5, 4, 4)),
        DnsError::Temporary { .. } => Ruling::Defer(cause(4, 4, 3)),
    }
}

/// The domain has a null MX.
pub(crate) fn null_mx(domain: &Domain) -> Ruling {
    Ruling::Bounce(Cause::ours(
        EnhancedStatus::new(5, 1, 10),
        format!("{domain} declares that it takes no mail (null MX)"),
    ))
}

/// None of the mail hosts of `domain` has an address.
pub(crate) fn no_addresses(domain: &Domain) -> Ruling {
    Ruling::Bounce(Cause::ours(
        EnhancedStatus::new(5, 4, 4),
        format!("none of the mail hosts of {domain} has an address in DNS"),
    ))
}

/// The mail for `domain` would come back to us.
pub(crate) fn mx_loop(domain: &Domain) -> Ruling {
    Ruling::Bounce(Cause::ours(
        EnhancedStatus::new(5, 4, 6),
        format!("DNS names this server as mail host of {domain}, which is no domain of ours"),
    ))
}

/// The host cannot take this message at all.
pub(crate) fn unfit(unfit: Unfit, host: &Domain) -> Ruling {
    let (subject, detail, text) = match unfit {
        Unfit::Size { limit } => (
            3,
            4,
            format!("{host} takes messages of up to {limit} octets, and this one is larger"),
        ),
        Unfit::EightBit => (
            6,
            3,
            format!("{host} does not take 8-bit content (no 8BITMIME)"),
        ),
        Unfit::Utf8 => (
            6,
            7,
            format!("{host} does not take international addresses (no SMTPUTF8)"),
        ),
    };
    Ruling::Bounce(Cause::ours(EnhancedStatus::new(5, subject, detail), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Domain {
        "mx.example".parse().unwrap()
    }

    fn show(ruling: &Ruling) -> String {
        let (name, cause) = match ruling {
            Ruling::Relayed(cause) => ("relayed", cause),
            Ruling::Bounce(cause) => ("bounce", cause),
            Ruling::Defer(cause) => ("defer", cause),
            Ruling::NextHost(cause) => ("next host", cause),
            Ruling::AtOnce(cause) => ("at once", cause),
        };
        format!("{name} {}", cause.status)
    }

    fn check(stage: Stage, reply: &str, others_relayed: bool, expected: &str) {
        let reply = Reply::parse(format!("{reply}\r\n").as_bytes()).unwrap();
        let ruling = answer(
            &Answer {
                stage,
                reply: reply.clone(),
            },
            &host(),
            others_relayed,
        );
        assert_eq!(show(&ruling), expected, "{reply} at {stage}");
    }

    #[test]
    fn replies_are_ruled_by_stage_and_class() {
        check(Stage::Dot, "250 2.6.0 queued", false, "relayed 2.6.0");
        check(Stage::Dot, "250 ok", false, "relayed 2.0.0");
        check(Stage::Dot, "554 5.7.1 spam", false, "bounce 5.7.1");
        check(Stage::Dot, "451 4.7.1 later", false, "defer 4.7.1");
        check(Stage::Rcpt, "550 no such user", true, "bounce 5.0.0");
        check(
            Stage::Rcpt,
            "550 4.1.1 codes disagree",
            true,
            "bounce 5.0.0",
        );
        check(Stage::Rcpt, "450 4.2.0 greylisted", true, "defer 4.2.0");
        check(Stage::Rcpt, "452 4.5.3 too many", true, "at once 4.5.3");
        check(Stage::Rcpt, "552 5.5.3 too many", true, "at once 5.5.3");
        check(Stage::Rcpt, "452 4.2.2 full", false, "defer 4.2.2");
        check(Stage::Rcpt, "552 5.2.2 full", false, "bounce 5.2.2");
        check(Stage::Mail, "553 5.1.8 bad sender", false, "bounce 5.1.8");
        check(Stage::Data, "503 5.5.1 no", false, "bounce 5.5.1");
        check(
            Stage::Greeting,
            "554 5.3.2 no mail",
            false,
            "next host 4.3.2",
        );
        check(Stage::Hello, "501 no", false, "next host 4.0.0");
    }

    #[test]
    fn a_lost_connection_is_in_doubt_only_after_the_dot() {
        let lost = |stage| {
            let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            show(&broken(&Broken::Stream { stage, error }, &host()))
        };
        assert_eq!(lost(Stage::Dot), "defer 4.4.2");
        for stage in [
            Stage::Greeting,
            Stage::Hello,
            Stage::Mail,
            Stage::Rcpt,
            Stage::Data,
        ] {
            assert_eq!(lost(stage), "next host 4.4.2", "at {stage}");
        }
    }

    #[test]
    fn what_a_host_cannot_carry_bounces() {
        assert_eq!(
            show(&unfit(Unfit::Size { limit: 10 }, &host())),
            "bounce 5.3.4"
        );
        assert_eq!(show(&unfit(Unfit::EightBit, &host())), "bounce 5.6.3");
        assert_eq!(show(&unfit(Unfit::Utf8, &host())), "bounce 5.6.7");
    }
}
