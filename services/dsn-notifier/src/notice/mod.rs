//! Composing a notice: a multipart/report (RFC 6522) of a text for people, the
//! delivery status for programs (RFC 3464, RFC 6533), and what is returned of
//! the message.
//!
//! A notice follows from its claim and from the entry it tells about alone: its
//! date, Message-ID and boundary come from the claim, so that it is the same to
//! the octet however often it is composed. The boundary holds the notice's own
//! id, which was drawn after everything that the notice quotes.
//!
//! All text from elsewhere is escaped, folded and capped before it gets here or
//! by [`field::Fields`] and [`words`]; nothing of it can add a field or a part.

mod field;
mod original;
mod quoted_printable;
mod reason;
mod report;
mod words;

use message::{Address, Body, Domain, NoticeKind, Ret, ReversePath, Verdict};
use store::ledger::{Entry, NoticeClaim};

use field::{Fields, date, phrase, unstructured};
pub use original::Headers;
use report::Report;

/// Who sends notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// The host that reports, as in `Received:`.
    pub hostname: Domain,
    /// The display name in From.
    pub name: String,
    /// The address in From.
    pub from: Address,
}

/// How much of the message is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its header section.
    Headers,
    /// Nothing: it cannot be read any more.
    Nothing,
}

impl Extent {
    /// What a notice of that kind returns: the whole message on failure only,
    /// where RET=FULL asked for it and it has at most `limit` octets.
    pub fn of(kind: NoticeKind, entry: &Entry, limit: u64) -> Self {
        let asked = entry.acceptance.envelope.ret == Some(Ret::Full);
        let whole = kind == NoticeKind::Failure && asked && entry.acceptance.size <= limit;
        if whole { Self::Whole } else { Self::Headers }
    }
}

/// A composed notice. Where the whole message is returned, its octets (prefix
/// first) belong between `head` and `tail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Everything up to the message that is returned.
    pub head: Vec<u8>,
    /// Everything behind it.
    pub tail: Vec<u8>,
    /// What the notice needs of a transport.
    pub body: Body,
    /// Whether it needs SMTPUTF8.
    pub smtputf8: bool,
}

impl Notice {
    /// Composes the notice of `claim` about the message of `entry`.
    pub fn compose(
        claim: &NoticeClaim,
        entry: &Entry,
        headers: &Headers,
        extent: Extent,
        reporter: &Reporter,
    ) -> Self {
        let text = words::text(claim, entry, headers, extent, reporter);
        let report = Report::new(claim, entry, reporter);
        let returned = Returned::new(entry, headers, extent);
        let eight_bit = report.global || returned.as_ref().is_some_and(|part| part.eight_bit);
        let return_path = &entry.acceptance.envelope.return_path;

        let boundary = format!("=_{}", claim.id);
        let mut header = header(claim, return_path, headers, reporter);
        header.add(
            "Content-Type",
            format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\""),
        );
        header.add("Content-Transfer-Encoding", encoding(eight_bit));
        let mut head = header.as_str().as_bytes().to_vec();
        add_part(
            &mut head,
            &boundary,
            &text_part(&text),
            encoded(&text).as_bytes(),
        );
        add_part(
            &mut head,
            &boundary,
            &report_part(&report),
            report.text.as_bytes(),
        );
        if let Some(returned) = &returned {
            add_part(&mut head, &boundary, &returned.fields(), returned.octets);
        }
        Self {
            head,
            tail: format!("\r\n--{boundary}--\r\n").into_bytes(),
            body: if eight_bit {
                Body::EightBit
            } else {
                Body::SevenBit
            },
            smtputf8: needs_smtputf8(return_path)
                || report.global
                || returned.is_some_and(|part| part.global),
        }
    }
}

/// The header section, but for what tells of the parts.
fn header(claim: &NoticeClaim, to: &ReversePath, headers: &Headers, reporter: &Reporter) -> Fields {
    let original = headers.message_id().map(|id| format!("<{id}>"));
    let mut fields = Fields::default();
    fields.add("Date", date(claim.at));
    fields.add(
        "From",
        format!("{} <{}>", phrase(&reporter.name), reporter.from),
    );
    fields.add_some("To", to.address().map(|to| format!("<{to}>")));
    fields.add("Subject", subject(claim, headers));
    fields.add(
        "Message-ID",
        format!("<{}@{}>", claim.id, reporter.hostname),
    );
    fields.add_some("In-Reply-To", original.as_ref());
    fields.add_some("References", original.as_ref());
    fields.add("Auto-Submitted", "auto-replied");
    fields.add("MIME-Version", "1.0");
    fields
}

fn encoding(eight_bit: bool) -> &'static str {
    if eight_bit { "8bit" } else { "7bit" }
}

fn needs_smtputf8(path: &ReversePath) -> bool {
    path.address().is_some_and(Address::needs_smtputf8)
}

/// What happened, and to which message.
fn subject(claim: &NoticeClaim, headers: &Headers) -> String {
    let verdicts = || {
        claim
            .recipients
            .iter()
            .map(|recipient| recipient.outcome.verdict)
    };
    let all_delivered = verdicts().all(|verdict| verdict == Verdict::Delivered);
    let what = match claim.kind {
        NoticeKind::Failure => "Undelivered",
        NoticeKind::Delay => "Delayed",
        NoticeKind::Success if all_delivered => "Delivered",
        NoticeKind::Success => "Delivery report",
    };
    match headers.subject() {
        Some(subject) => format!("{what}: {}", unstructured(subject)),
        None => format!("{what}: your message"),
    }
}

/// Adds a body part, or the beginning of one. The line break in front belongs
/// to the delimiter.
fn add_part(notice: &mut Vec<u8>, boundary: &str, fields: &Fields, octets: &[u8]) {
    let opening = format!("\r\n--{boundary}\r\n{}\r\n", fields.as_str());
    notice.extend_from_slice(opening.as_bytes());
    notice.extend_from_slice(octets);
}

fn text_part(text: &str) -> Fields {
    let (charset, encoding) = if text.is_ascii() {
        ("us-ascii", "7bit")
    } else {
        ("utf-8", "quoted-printable")
    };
    let mut fields = Fields::default();
    fields.add("Content-Type", format!("text/plain; charset={charset}"));
    fields.add("Content-Transfer-Encoding", encoding);
    fields.add("Content-Description", "Notification");
    fields
}

fn encoded(text: &str) -> String {
    if text.is_ascii() {
        text.replace('\n', "\r\n")
    } else {
        quoted_printable::encode(text)
    }
}

fn report_part(report: &Report) -> Fields {
    let mut fields = Fields::default();
    fields.add("Content-Type", report.media_type());
    fields.add("Content-Transfer-Encoding", encoding(report.global));
    fields.add("Content-Description", "Delivery report");
    fields
}

/// The third part: the message, or its header section.
struct Returned<'a> {
    media_type: &'static str,
    description: &'static str,
    eight_bit: bool,
    /// Whether it has UTF-8 in its header section, as RFC 6532 allows.
    global: bool,
    /// What of it is held in memory; a whole message is streamed.
    octets: &'a [u8],
}

impl<'a> Returned<'a> {
    fn new(entry: &Entry, headers: &'a Headers, extent: Extent) -> Option<Self> {
        let envelope = &entry.acceptance.envelope;
        let global = envelope.smtputf8 && !headers.is_ascii();
        match extent {
            Extent::Nothing => None,
            Extent::Headers => Some(Self {
                media_type: if global {
                    "message/global-headers"
                } else {
                    "text/rfc822-headers"
                },
                description: "Header lines of your message",
                eight_bit: !headers.is_ascii(),
                global,
                octets: headers.octets(),
            }),
            Extent::Whole => Some(Self {
                media_type: if global {
                    "message/global"
                } else {
                    "message/rfc822"
                },
                description: "Your message",
                eight_bit: envelope.body == Body::EightBit || !headers.is_ascii(),
                global,
                octets: b"",
            }),
        }
    }

    fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields.add("Content-Type", self.media_type);
        fields.add("Content-Transfer-Encoding", encoding(self.eight_bit));
        fields.add("Content-Description", self.description);
        fields
    }
}
