//! The second part: what programs read (RFC 3464; RFC 6533 where addresses have
//! UTF-8 and the sender is known to understand it).

use message::{Address, NoticeKind, OriginalRecipient, Verdict};
use store::ledger::{Entry, NoticeClaim, NoticeRecipient};

use super::Reporter;
use super::field::{Fields, address_in_ascii, ascii, date};

/// The media type in which UTF-8 may stand, and the one of RFC 3464.
const GLOBAL: &str = "message/global-delivery-status";
const PLAIN: &str = "message/delivery-status";

/// The delivery status, as a body part.
pub(super) struct Report {
    /// Whether it holds UTF-8 and thus needs SMTPUTF8 on its way.
    pub(super) global: bool,
    /// The groups of fields, each ended by an empty line but the last.
    pub(super) text: String,
}

impl Report {
    /// The report of `claim`, which tells about the message of `entry`.
    pub(super) fn new(claim: &NoticeClaim, entry: &Entry, reporter: &Reporter) -> Self {
        let envelope = &entry.acceptance.envelope;
        let global = envelope.smtputf8 && claim.recipients.iter().any(needs_utf8);
        let mut text = message_fields(entry, reporter).as_str().to_owned();
        for recipient in &claim.recipients {
            text.push_str("\r\n");
            text.push_str(recipient_fields(claim.kind, recipient, global).as_str());
        }
        Self { global, text }
    }

    /// Its media type.
    pub(super) fn media_type(&self) -> &'static str {
        if self.global { GLOBAL } else { PLAIN }
    }
}

fn needs_utf8(recipient: &NoticeRecipient) -> bool {
    let orcpt = recipient.orcpt.as_ref();
    recipient.original.needs_smtputf8()
        || recipient.last.needs_smtputf8()
        || orcpt.is_some_and(|orcpt| !orcpt.address().is_ascii())
}

/// RFC 3464 §2.2.
fn message_fields(entry: &Entry, reporter: &Reporter) -> Fields {
    let acceptance = &entry.acceptance;
    let envelope_id = acceptance.envelope.envelope_id.as_ref();
    let mut fields = Fields::default();
    fields.add_some("Original-Envelope-Id", envelope_id.map(|id| id.as_str()));
    fields.add("Reporting-MTA", format!("dns; {}", reporter.hostname));
    fields.add("Arrival-Date", date(entry.accepted_at));
    fields.add("X-Rohrpost-Message", acceptance.message.to_string());
    fields
}

/// RFC 3464 §2.3.
fn recipient_fields(kind: NoticeKind, recipient: &NoticeRecipient, global: bool) -> Fields {
    let outcome = &recipient.outcome;
    let remote = outcome.diagnostic.host();
    let reporter = if remote.is_some() {
        "smtp"
    } else {
        "x-rohrpost"
    };
    let retry_until = recipient
        .retry_until
        .filter(|_| kind == NoticeKind::Delay)
        .map(date);
    let mut fields = Fields::default();
    fields.add_some("Original-Recipient", original_recipient(recipient, global));
    fields.add("Final-Recipient", typed(&recipient.last, global));
    fields.add("Action", action(kind, outcome.verdict));
    fields.add("Status", outcome.status.to_string());
    fields.add_some("Remote-MTA", remote.map(|host| format!("dns; {host}")));
    if !outcome.diagnostic.text().is_empty() {
        let words = ascii(outcome.diagnostic.text());
        fields.add("Diagnostic-Code", format!("{reporter}; {words}"));
    }
    fields.add("Last-Attempt-Date", date(outcome.at));
    fields.add_some("Will-Retry-Until", retry_until);
    fields.add("X-Rohrpost-Attempts", recipient.attempts.to_string());
    fields
}

/// ORCPT; without it, the address in the envelope where it was another one.
fn original_recipient(recipient: &NoticeRecipient, global: bool) -> Option<String> {
    let rewritten = recipient.original != recipient.last;
    match &recipient.orcpt {
        Some(orcpt) => Some(typed_orcpt(orcpt, global)),
        None => rewritten.then(|| typed(&recipient.original, global)),
    }
}

fn typed_orcpt(orcpt: &OriginalRecipient, global: bool) -> String {
    let address_type = orcpt.address_type();
    if global || orcpt.address().is_ascii() {
        format!("{address_type}; {}", orcpt.address())
    } else {
        format!("{address_type}; {}", address_in_ascii(orcpt.address()))
    }
}

/// An address with its type (RFC 3464 §2.1.2, RFC 6533 §3).
fn typed(address: &Address, global: bool) -> String {
    match (address.needs_smtputf8(), global) {
        (false, _) => format!("rfc822; {address}"),
        (true, true) => format!("utf-8; {address}"),
        (true, false) => format!("utf-8; {}", address_in_ascii(&address.to_string())),
    }
}

/// RFC 3464 §2.3.3.
fn action(kind: NoticeKind, verdict: Verdict) -> &'static str {
    match (kind, verdict) {
        (NoticeKind::Failure, _) => "failed",
        (NoticeKind::Delay, _) => "delayed",
        (NoticeKind::Success, Verdict::Relayed { .. }) => "relayed",
        (NoticeKind::Success, Verdict::Expanded) => "expanded",
        (
            NoticeKind::Success,
            Verdict::Delivered | Verdict::Deferred | Verdict::Failed | Verdict::Deleted,
        ) => "delivered",
    }
}
