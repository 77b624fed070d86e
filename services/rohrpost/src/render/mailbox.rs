//! Mailboxes and their messages.

use mail_parser::{Addr, Address, MessageParser};
use message::Diagnostic;
use web_gateway::api::{Mailbox, MessageSummary};

use super::{Moment, Table, size};

/// How wide From and Subject may be in a list.
const COLUMN: usize = 48;

pub(crate) fn mailboxes(mailboxes: &[Mailbox], _: &Moment) -> Table {
    let mut table = Table::new(&["MAILBOX", "MESSAGES", "UNSEEN", "SIZE"]);
    for mailbox in mailboxes {
        table.row([
            mailbox.name.clone(),
            mailbox.messages.to_string(),
            mailbox.unseen.to_string(),
            size(mailbox.octets),
        ]);
    }
    table
}

pub(crate) fn messages(messages: &[MessageSummary], moment: &Moment) -> Table {
    let mut table = Table::new(&["UID", "RECEIVED", "SIZE", "FROM", "SUBJECT", "MESSAGE"]);
    for message in messages {
        let subject = message.unreadable.as_ref().or(message.subject.as_ref());
        table.row([
            message.uid.to_string(),
            moment.date(message.received),
            size(message.size),
            cut(message.from.as_deref().unwrap_or("–")),
            cut(subject.map_or("–", String::as_str)),
            message.message.map_or("–".to_owned(), |id| id.to_string()),
        ]);
    }
    table
}

fn cut(text: &str) -> String {
    if text.chars().count() <= COLUMN {
        return text.to_owned();
    }
    text.chars().take(COLUMN - 1).chain(['…']).collect()
}

/// A message for reading: a few header fields and the text, nothing that could
/// steer a terminal.
pub(crate) fn message(octets: &[u8], cut_off: bool) -> String {
    let Some(message) = MessageParser::default().parse(octets) else {
        return "(this message cannot be read; --raw shows its octets)".to_owned();
    };
    let mut text = String::new();
    let date = message.header_raw("Date").map(|raw| raw.trim().to_owned());
    let fields = [
        ("Date", date),
        ("From", message.from().map(people)),
        ("To", message.to().map(people)),
        ("Cc", message.cc().map(people)),
        ("Subject", message.subject().map(str::to_owned)),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let line = Diagnostic::ours(value);
            text.push_str(&format!("{name}: {}\n", line.text()));
        }
    }
    text.push('\n');
    match message.body_text(0) {
        Some(body) => text.push_str(&harmless(&body)),
        None => text.push_str("(no text)"),
    }
    let attachments = message.attachment_count();
    if attachments > 0 {
        text.push_str(&format!(
            "\n\n(and {})",
            super::count(attachments as u64, "attachment")
        ));
    }
    if cut_off {
        text.push_str("\n\n(cut off here; --raw shows all of it)");
    }
    text
}

/// Everybody named in a header field, decoded.
fn people(address: &Address<'_>) -> String {
    let one = |mailbox: &Addr<'_>| match (mailbox.name(), mailbox.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    };
    address.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Text without control characters but line ends and tabs.
fn harmless(text: &str) -> String {
    let keep = |c: &char| matches!(c, '\n' | '\t') || !c.is_control();
    text.replace("\r\n", "\n").chars().filter(keep).collect()
}
