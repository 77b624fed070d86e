//! What a list shows of a message, out of the beginning of its octets.

use content::ContentStore;
use mail_parser::{Addr, Address, MessageParser};
use store::mailbox::MailboxEntry;

use crate::api::{HeaderField, Message, MessageSummary, flag_name};

/// How far a line of a list reads into a message.
pub(crate) const GLANCE: usize = 16 * 1024;
/// How far a message's header is shown.
const HEADER: usize = 64 * 1024;
/// The most characters of From, To or Subject in a line.
const LONGEST: usize = 300;

/// A message as a line. One that cannot be read says so instead of failing the
/// list it stands in.
pub(crate) async fn summarize(content: &dyn ContentStore, entry: &MailboxEntry) -> MessageSummary {
    match beginning(content, entry, GLANCE).await {
        Ok(octets) => line(entry, &octets),
        Err(error) => MessageSummary {
            unreadable: Some(error.to_string()),
            ..bare(entry)
        },
    }
}

/// A message with its header.
pub(crate) async fn describe(
    content: &dyn ContentStore,
    entry: &MailboxEntry,
) -> Result<Message, content::Error> {
    let octets = beginning(content, entry, HEADER).await?;
    Ok(Message {
        summary: line(entry, &octets),
        content: entry.content.clone(),
        header: fields(&octets),
    })
}

/// Both prefixes and the first `most` octets.
async fn beginning(
    content: &dyn ContentStore,
    entry: &MailboxEntry,
    most: usize,
) -> Result<Vec<u8>, content::Error> {
    let mut reader = content.open(&entry.content).await?;
    let first = reader.read_range(0, most).await?;
    Ok([entry.prefix.as_bytes(), reader.prefix(), &first].concat())
}

fn bare(entry: &MailboxEntry) -> MessageSummary {
    MessageSummary {
        uid: entry.uid,
        message: entry.delivery,
        received: entry.internal_date,
        size: entry.size,
        flags: entry.flags.iter().map(flag_name).collect(),
        from: None,
        to: None,
        subject: None,
        unreadable: None,
    }
}

fn line(entry: &MailboxEntry, octets: &[u8]) -> MessageSummary {
    let Headline { from, to, subject } = headline(octets);
    MessageSummary {
        from,
        to,
        subject,
        ..bare(entry)
    }
}

/// What people look for in a list; none of it where it cannot be read.
#[derive(Default)]
pub(crate) struct Headline {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) subject: Option<String>,
}

/// The headline of a message that begins so.
pub(crate) fn headline(octets: &[u8]) -> Headline {
    let Some(message) = MessageParser::default().parse_headers(octets) else {
        return Headline::default();
    };
    Headline {
        from: message.from().and_then(people),
        to: message.to().and_then(people),
        subject: message.subject().map(one_line),
    }
}

/// The first of some mailboxes, and how many there are beside.
fn people(address: &Address<'_>) -> Option<String> {
    let first = address.first()?;
    let others = address.iter().count() - 1;
    let beside = if others > 0 {
        format!(" and {others} more")
    } else {
        String::new()
    };
    Some(one_line(&(person(first) + &beside)))
}

fn person(mailbox: &Addr<'_>) -> String {
    let (name, address) = (mailbox.name.as_deref(), mailbox.address.as_deref());
    match (name, address) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    }
}

/// Text of a stranger, fit for a terminal: no control characters, one line, capped.
pub(crate) fn one_line(text: &str) -> String {
    let clean = message::Diagnostic::ours(text);
    clean.text().chars().take(LONGEST).collect()
}

/// The fields of the header, unfolded.
fn fields(octets: &[u8]) -> Vec<HeaderField> {
    let mut fields: Vec<HeaderField> = Vec::new();
    for line in octets.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let text = String::from_utf8_lossy(line);
        if text.starts_with([' ', '\t']) {
            if let Some(field) = fields.last_mut() {
                field.value.push(' ');
                field.value.push_str(text.trim());
            }
        } else if let Some((name, value)) = text.split_once(':') {
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            fields.push(HeaderField { name, value });
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_unfolded_and_ends_at_the_empty_line() {
        let octets =
            b"Subject: a\r\n  folded\tone\r\nX-Raw: \xff\r\n\r\nFrom: body@example.org\r\n";
        let fields: Vec<_> = fields(octets)
            .into_iter()
            .map(|f| (f.name, f.value))
            .collect();
        let expected = [("Subject", "a folded\tone"), ("X-Raw", "\u{fffd}")];
        assert_eq!(fields, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_line_is_decoded_and_safe_on_a_terminal() {
        let octets = b"From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\n\
            To: a@example.org, b@example.org\r\n\
            Subject: =?utf-8?q?red_=1B[31m_alert?=\r\n\r\n";
        let entry = MailboxEntry {
            uid: 7,
            modseq: 1,
            delivery: None,
            content: "c1".parse().unwrap(),
            prefix: String::new(),
            size: 10,
            saved: message::Timestamp::UNIX_EPOCH,
            internal_date: message::Timestamp::UNIX_EPOCH,
            flags: vec![store::mailbox::Flag::Seen],
        };
        let line = line(&entry, octets);
        assert_eq!(line.from.as_deref(), Some("Jörg <j@example.org>"));
        assert_eq!(line.to.as_deref(), Some("a@example.org and 1 more"));
        assert_eq!(line.subject.as_deref(), Some("red [31m alert"));
        assert_eq!(line.flags, [r"\Seen"]);
    }
}
