//! Response codes (RFC 9051 §7.1, RFC 5530 and extensions).

use super::output::Output;
use crate::flag::Flag;

/// What a client understands of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code<'a> {
    /// ALERT: people must see the text.
    Alert,
    /// ALREADYEXISTS
    AlreadyExists,
    /// APPENDUID: what the new messages are called; UIDs rise.
    AppendUid {
        /// The mailbox's UIDVALIDITY.
        uid_validity: u32,
        /// The new UIDs.
        uids: &'a [u32],
    },
    /// AUTHENTICATIONFAILED
    AuthenticationFailed,
    /// AUTHORIZATIONFAILED
    AuthorizationFailed,
    /// BADCHARSET: those we know are US-ASCII and UTF-8.
    BadCharset,
    /// CANNOT: it would break the server's rules.
    Cannot,
    /// CAPABILITY
    Capability(&'a [&'a str]),
    /// CLIENTBUG
    ClientBug,
    /// CLOSED: the mailbox that was open is no longer.
    Closed,
    /// COMPRESSIONACTIVE
    CompressionActive,
    /// COPYUID: which UID became which.
    CopyUid {
        /// The target's UIDVALIDITY.
        uid_validity: u32,
        /// The UIDs of the sources, rising.
        from: &'a [u32],
        /// The UIDs of the copies, in the same order.
        to: &'a [u32],
    },
    /// EXPUNGEISSUED: messages are gone that were asked for.
    ExpungeIssued,
    /// HASCHILDREN: it cannot be deleted before them.
    HasChildren,
    /// HIGHESTMODSEQ
    HighestModseq(u64),
    /// INUSE: somebody else works on it.
    InUse,
    /// LIMIT
    Limit,
    /// MAILBOXID (RFC 8474)
    MailboxId(&'a str),
    /// MODIFIED: these were changed by others (RFC 7162 §3.1.3).
    Modified(&'a [u32]),
    /// NONEXISTENT: there is no such mailbox.
    NonExistent,
    /// NOPERM
    NoPerm,
    /// NOTSAVED: there is no result to refer to as `$`.
    NotSaved,
    /// OVERQUOTA
    OverQuota,
    /// PERMANENTFLAGS, with `\*` where others can be made up
    PermanentFlags {
        /// Flags that stay.
        flags: &'a [Flag],
        /// Whether keywords can be made up.
        others: bool,
    },
    /// PRIVACYREQUIRED: only under TLS.
    PrivacyRequired,
    /// READ-ONLY
    ReadOnly,
    /// READ-WRITE
    ReadWrite,
    /// SERVERBUG
    ServerBug,
    /// TOOBIG: the message is.
    TooBig,
    /// TRYCREATE: the mailbox could be created.
    TryCreate,
    /// UIDNEXT
    UidNext(u32),
    /// UIDVALIDITY
    UidValidity(u32),
    /// UNAVAILABLE: something behind us does not answer.
    Unavailable,
    /// UNKNOWN-CTE: the transfer encoding of a part cannot be undone.
    UnknownCte,
    /// UNSEEN: the first unseen message, for clients of IMAP4rev1
    Unseen(u32),
    /// USEATTR: the mailbox cannot be made for that (RFC 6154).
    UseAttr,
}

impl Code<'_> {
    pub(super) fn write(&self, out: &mut Output) {
        match *self {
            Self::Alert => out.word("ALERT"),
            Self::AlreadyExists => out.word("ALREADYEXISTS"),
            Self::AuthenticationFailed => out.word("AUTHENTICATIONFAILED"),
            Self::AuthorizationFailed => out.word("AUTHORIZATIONFAILED"),
            Self::BadCharset => out.word("BADCHARSET (US-ASCII UTF-8)"),
            Self::Cannot => out.word("CANNOT"),
            Self::ClientBug => out.word("CLIENTBUG"),
            Self::Closed => out.word("CLOSED"),
            Self::CompressionActive => out.word("COMPRESSIONACTIVE"),
            Self::ExpungeIssued => out.word("EXPUNGEISSUED"),
            Self::HasChildren => out.word("HASCHILDREN"),
            Self::InUse => out.word("INUSE"),
            Self::Limit => out.word("LIMIT"),
            Self::NonExistent => out.word("NONEXISTENT"),
            Self::NoPerm => out.word("NOPERM"),
            Self::NotSaved => out.word("NOTSAVED"),
            Self::OverQuota => out.word("OVERQUOTA"),
            Self::PrivacyRequired => out.word("PRIVACYREQUIRED"),
            Self::ReadOnly => out.word("READ-ONLY"),
            Self::ReadWrite => out.word("READ-WRITE"),
            Self::ServerBug => out.word("SERVERBUG"),
            Self::TooBig => out.word("TOOBIG"),
            Self::TryCreate => out.word("TRYCREATE"),
            Self::Unavailable => out.word("UNAVAILABLE"),
            Self::UnknownCte => out.word("UNKNOWN-CTE"),
            Self::UseAttr => out.word("USEATTR"),
            Self::AppendUid { uid_validity, uids } => {
                numbered(out, "APPENDUID", uid_validity);
                set(out, uids);
            }
            Self::Capability(names) => {
                out.word("CAPABILITY");
                out.spaced(names, |out, name| out.word(name));
            }
            Self::CopyUid {
                uid_validity,
                from,
                to,
            } => {
                numbered(out, "COPYUID", uid_validity);
                set(out, from);
                set(out, to);
            }
            Self::HighestModseq(modseq) => numbered(out, "HIGHESTMODSEQ", modseq),
            Self::MailboxId(id) => {
                out.word("MAILBOXID (");
                out.text(id);
                out.word(")");
            }
            Self::Modified(numbers) => {
                out.word("MODIFIED");
                set(out, numbers);
            }
            Self::PermanentFlags { flags, others } => {
                out.word("PERMANENTFLAGS ");
                let flags = flags.iter().map(Flag::to_string);
                let any = others.then(|| r"\*".to_owned());
                out.list(flags.chain(any), |out, flag| out.word(&flag));
            }
            Self::UidNext(uid) => numbered(out, "UIDNEXT", uid),
            Self::UidValidity(number) => numbered(out, "UIDVALIDITY", number),
            Self::Unseen(number) => numbered(out, "UNSEEN", number),
        }
    }
}

fn set(out: &mut Output, numbers: &[u32]) {
    out.word(" ");
    out.numbers(numbers);
}

fn numbered(out: &mut Output, word: &str, number: impl Into<u64>) {
    out.word(word);
    out.word(" ");
    out.number(number);
}
