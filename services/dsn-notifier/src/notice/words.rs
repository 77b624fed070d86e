//! The first part: what people read. Whoever wrote the message may know nothing
//! of mail servers: it says what happened, to whom, what happens next and what
//! to do, and only then in the words of servers.

use jiff::Timestamp;
use message::{NoticeKind, Verdict};
use store::ledger::{Entry, NoticeClaim, NoticeRecipient};

use super::field::{pieces, words};
use super::reason::reason;
use super::{Extent, Headers, Reporter};

/// The length at which lines are broken, as on paper.
const WIDTH: usize = 72;
/// How many recipients are told about in words; the report has them all.
const TOLD: usize = 100;

/// The text, its lines ended by LF.
pub(super) fn text(
    claim: &NoticeClaim,
    entry: &Entry,
    headers: &Headers,
    extent: Extent,
    reporter: &Reporter,
) -> String {
    let mut page = Page::default();
    page.paragraph(&format!(
        "This is the mail system at {}.",
        reporter.hostname
    ));
    let alone = entry.acceptance.envelope.recipients.len() == 1;
    page.paragraph(what_happened(claim.kind, alone));
    page.line(
        2,
        &format!("Subject: {}", headers.subject().unwrap_or("(none)")),
    );
    page.line(2, &format!("Sent:    {}", moment(entry.accepted_at)));
    page.gap();
    page.paragraph(heading(claim.kind));
    for recipient in claim.recipients.iter().take(TOLD) {
        describe(&mut page, claim.kind, recipient);
    }
    if let Some(more @ 1..) = claim.recipients.len().checked_sub(TOLD) {
        page.paragraph(&format!(
            "The same is true, for one reason or another, of {more} more recipients; the \
             attached report names them."
        ));
    }
    if claim.recipients.len() < entry.acceptance.envelope.recipients.len() {
        page.paragraph("This notice is not about the other recipients of your message.");
    }
    page.paragraph(attached(extent));
    let postmaster = format!("postmaster@{}", reporter.from.domain());
    page.paragraph(&format!(
        "If you need help, write to {postmaster} and give this number of your message:"
    ));
    page.line(2, &entry.acceptance.message.to_string());
    page.0
}

fn what_happened(kind: NoticeKind, alone: bool) -> &'static str {
    match kind {
        NoticeKind::Failure if alone => {
            "Your message could not be delivered, and it is not tried any more."
        }
        NoticeKind::Failure => {
            "Your message could not be delivered to everyone you sent it to, and it is not tried \
             any more for those named below."
        }
        NoticeKind::Delay => {
            "Your message has not been delivered yet. You need not send it again: it is kept here \
             and tried again by itself."
        }
        NoticeKind::Success => {
            "You asked to be told when your message gets through. It did. You need not do anything."
        }
    }
}

fn heading(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Failure => "Who did not get it, why, and what you can do:",
        NoticeKind::Delay => "Who does not have it yet, and why:",
        NoticeKind::Success => "Who it went to:",
    }
}

fn attached(extent: Extent) -> &'static str {
    match extent {
        Extent::Whole => {
            "Attached are a report for mail administrators and programs, and your message."
        }
        Extent::Headers => {
            "Attached are a report for mail administrators and programs, and the header lines of \
             your message, by which you can recognise it."
        }
        Extent::Nothing => {
            "Attached is a report for mail administrators and programs. The message itself could \
             not be read any more."
        }
    }
}

fn describe(page: &mut Page, kind: NoticeKind, recipient: &NoticeRecipient) {
    page.line(0, &name(recipient));
    match kind {
        NoticeKind::Failure => describe_failure(page, recipient),
        NoticeKind::Delay => describe_delay(page, recipient),
        NoticeKind::Success => page.line(2, &arrival(recipient)),
    }
    page.gap();
}

/// The recipient as the sender knows it, and what became of the address.
fn name(recipient: &NoticeRecipient) -> String {
    if recipient.original == recipient.last {
        return recipient.original.to_string();
    }
    format!("{} (sent on to {})", recipient.original, recipient.last)
}

fn describe_failure(page: &mut Page, recipient: &NoticeRecipient) {
    let outcome = &recipient.outcome;
    let reason = reason(outcome.status, outcome.diagnostic.host().is_some());
    page.line(2, reason.what);
    page.line(2, reason.advice);
    if recipient.attempts > 1 {
        page.line(2, &format!("It was tried {} times.", recipient.attempts));
    }
    quote(page, recipient);
}

fn describe_delay(page: &mut Page, recipient: &NoticeRecipient) {
    let outcome = &recipient.outcome;
    let remote = outcome.diagnostic.host().is_some();
    page.line(2, reason(outcome.status, remote).what);
    quote(page, recipient);
    let tried = match recipient.attempts {
        1 => "It was tried once".to_owned(),
        n => format!("It was tried {n} times"),
    };
    match recipient.next_attempt {
        Some(next) => page.line(
            2,
            &format!("{tried}, and will be again on {}.", moment(next)),
        ),
        None => page.line(2, &format!("{tried}, and will be again.")),
    }
    if let Some(until) = recipient.retry_until {
        let told = if recipient.notify.wants_failure() {
            " You will be told if it fails."
        } else {
            ""
        };
        page.line(2, &format!("This goes on until {}.{told}", moment(until)));
    }
}

/// What the server said, in its own words.
fn quote(page: &mut Page, recipient: &NoticeRecipient) {
    let diagnostic = &recipient.outcome.diagnostic;
    if diagnostic.text().is_empty() {
        return;
    }
    match diagnostic.host() {
        Some(host) => page.line(2, &format!("The mail server {host} said:")),
        None => page.line(2, "In technical words:"),
    }
    page.line(4, diagnostic.text());
}

fn arrival(recipient: &NoticeRecipient) -> String {
    match (
        recipient.outcome.verdict,
        recipient.outcome.diagnostic.host(),
    ) {
        (Verdict::Relayed { .. }, Some(host)) => format!(
            "It was handed over to the mail server {host}, which accepted it. That server does \
             not report when it delivers, so this is the last you hear unless it fails there."
        ),
        (Verdict::Relayed { .. }, None) => {
            "It was handed over to the next mail server, which accepted it. That server does not \
             report when it delivers, so this is the last you hear unless it fails there."
                .to_owned()
        }
        (Verdict::Expanded, _) => {
            "This address stands for several people. It was sent on to each of them; you are not \
             told about each one."
                .to_owned()
        }
        (Verdict::Delivered | Verdict::Deferred | Verdict::Failed | Verdict::Deleted, _) => {
            format!("It was delivered on {}.", moment(recipient.outcome.at))
        }
    }
}

/// A time as people read it.
fn moment(at: Timestamp) -> String {
    at.strftime("%A %-d %B %Y, %H:%M UTC").to_string()
}

/// A text that is broken into lines as it is written.
#[derive(Default)]
struct Page(String);

impl Page {
    /// A paragraph at the margin, and the gap behind it.
    fn paragraph(&mut self, text: &str) {
        self.line(0, text);
        self.gap();
    }

    /// An empty line.
    fn gap(&mut self) {
        self.0.push('\n');
    }

    /// `text` in lines that are indented by `indent`. Nothing in it breaks a
    /// line but its length, so that it cannot pose as other text than it is.
    fn line(&mut self, indent: usize, text: &str) {
        let mut column = 0;
        for word in words(text).flat_map(pieces) {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > WIDTH {
                self.0.push('\n');
                column = 0;
            }
            let space = if column == 0 { indent } else { 1 };
            self.0.extend(std::iter::repeat_n(' ', space));
            self.0.push_str(word);
            column += space + width;
        }
        self.0.push('\n');
    }
}
