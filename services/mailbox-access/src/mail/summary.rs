//! What is computed from a content once, and kept with it: its header, answers of
//! IMAP as they are written, where its parts are, and what it is searched and
//! sorted by.
//!
//! Places count from the content's own prefix on: what stands before it differs
//! from entry to entry.

use std::sync::Arc;

use bytes::Bytes;
use content::{ContentStore, Error, Reader};
use imap::response::Output;
use mail_parser::parsers::fields::thread::thread_name;
use mail_parser::{Addr, Address, HeaderName, HeaderValue};
use message::ContentId;
use store::mailbox::MailboxEntry;

use super::decode::Encoding;
use super::envelope::{envelope, first};
use super::header::with_headers;
use super::scan::{Inside, Node, Scanner};
use super::source::together;
use super::structure::structure;

mod form;

/// The longest text of a field that is kept.
const MAX_TEXT: usize = 2_000;

/// The most message ids that a thread is made by.
const MAX_REFERENCES: usize = 100;

/// The longest header that is kept.
const MAX_KEPT_HEADER: usize = 8 * 1024;

/// What is known of a content.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Summary {
    /// The header section with the line that ends it; empty where it is long or
    /// does not end.
    pub(crate) header: Vec<u8>,
    /// ENVELOPE as it is written.
    pub(crate) envelope: Vec<u8>,
    /// BODY
    pub(crate) body: Vec<u8>,
    /// BODYSTRUCTURE
    pub(crate) body_structure: Vec<u8>,
    /// The parts, the message itself first.
    pub(crate) parts: Vec<PartPlace>,
    pub(crate) fields: Fields,
}

/// Where a part is, and how to read it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PartPlace {
    pub(crate) header_start: u64,
    pub(crate) body_start: u64,
    pub(crate) body_end: u64,
    pub(crate) kind: NodeKind,
    pub(crate) encoding: Encoding,
    /// The charset, where it is text.
    pub(crate) charset: Option<String>,
    /// Whether it is HTML.
    pub(crate) html: bool,
    pub(crate) children: Vec<u32>,
}

/// What a part holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Octets.
    #[default]
    Leaf,
    /// Parts.
    Multipart,
    /// A message.
    Message,
}

/// What a message is searched, sorted and threaded by, decoded.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fields {
    pub(crate) subject: String,
    /// Without Re:, Fwd: and their like (RFC 5256 §2.1).
    pub(crate) base_subject: String,
    /// Whether those were there.
    pub(crate) is_reply: bool,
    pub(crate) from: Person,
    pub(crate) to: Person,
    pub(crate) cc: Person,
    /// Date, in seconds since 1970, and its day as it stands there.
    pub(crate) date: Option<(i64, [i16; 3])>,
    pub(crate) message_id: String,
    /// References, else In-Reply-To.
    pub(crate) references: Vec<String>,
}

/// The first address of a field, and the text of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Person {
    pub(crate) all: String,
    pub(crate) mailbox: String,
    pub(crate) display: String,
}

/// The summaries of entries, in their order; those that were not kept are
/// computed, and kept. None of a content that cannot be read.
pub(crate) async fn summaries(
    content: &dyn ContentStore,
    entries: &[MailboxEntry],
) -> Vec<Option<Arc<Summary>>> {
    summaries_where(content, entries, |_| true).await
}

/// The same, but those that were not kept are computed only where that is `worth`
/// it.
pub(crate) async fn summaries_where(
    content: &dyn ContentStore,
    entries: &[MailboxEntry],
    worth: impl Fn(&MailboxEntry) -> bool,
) -> Vec<Option<Arc<Summary>>> {
    let ids: Vec<ContentId> = entries.iter().map(|entry| entry.content.clone()).collect();
    let kept = content.summaries(&ids).await.into_iter();
    let mut found: Vec<Option<Arc<Summary>>> = kept
        .map(|octets| form::decode(&octets?).map(Arc::new))
        .collect();
    let missing = (0..ids.len()).filter(|at| found[*at].is_none() && worth(&entries[*at]));
    let missing: Vec<usize> = missing.collect();
    let mut missing = missing.as_slice();
    let mut to_keep = Vec::new();
    while !missing.is_empty() {
        let count = together(missing.iter().map(|at| &entries[*at]));
        let (some, rest) = missing.split_at(count);
        let wanted: Vec<ContentId> = some.iter().map(|at| ids[*at].clone()).collect();
        // What was computed is kept while the next contents are read.
        let keeping = content.keep_summaries(std::mem::take(&mut to_keep));
        let ((computed, octets), ()) = tokio::join!(compute(content, wanted), keeping);
        for (at, summary) in some.iter().zip(computed) {
            found[*at] = summary;
        }
        to_keep = octets;
        missing = rest;
    }
    content.keep_summaries(to_keep).await;
    found
}

/// Summaries, and those that could be computed as they are kept.
type Computed = (Vec<Option<Arc<Summary>>>, Vec<(ContentId, Bytes)>);

async fn compute(content: &dyn ContentStore, ids: Vec<ContentId>) -> Computed {
    let mut computed = Vec::with_capacity(ids.len());
    let mut to_keep = Vec::with_capacity(ids.len());
    let opened = content.open_all(&ids).await;
    for (id, reader) in ids.into_iter().zip(opened) {
        computed.push(match read(reader).await {
            Ok(summary) => {
                to_keep.push((id, Bytes::from(form::encode(&summary))));
                Some(Arc::new(summary))
            }
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::error!(content = %id, error = cause, "cannot read a message");
                None
            }
        });
    }
    (computed, to_keep)
}

async fn read(reader: Result<Box<dyn Reader>, Error>) -> Result<Summary, Error> {
    Ok(Summary::of(scan(reader?.as_mut()).await?))
}

async fn scan(reader: &mut dyn Reader) -> Result<Vec<Node>, Error> {
    let mut scanner = Scanner::new();
    scanner.feed(&reader.prefix().clone());
    while let Some(octets) = reader.read().await? {
        scanner.feed(&octets);
    }
    Ok(scanner.finish())
}

impl Summary {
    fn of(nodes: Vec<Node>) -> Self {
        let mut out = Output::default();
        envelope(&nodes[0].header).write(&mut out);
        let envelope = out.take();
        let structure = structure(&nodes, 0);
        structure.write(&mut out, false);
        let body = out.take();
        structure.write(&mut out, true);
        let message = &nodes[0];
        let whole = message.header.len() as u64 == message.body_start;
        let short = message.header.len() <= MAX_KEPT_HEADER;
        Self {
            header: match whole && short {
                true => message.header.clone(),
                false => Vec::new(),
            },
            envelope,
            body,
            body_structure: out.take(),
            fields: Fields::read(&nodes[0].header),
            parts: nodes.iter().map(PartPlace::of).collect(),
        }
    }

    /// A part by its numbers (RFC 9051 §6.4.5.1).
    pub(crate) fn part(&self, numbers: &[u32]) -> Option<&PartPlace> {
        let mut place = self.parts.first()?;
        for (depth, number) in numbers.iter().enumerate() {
            // A message within is what it holds.
            if depth > 0 && place.kind == NodeKind::Message {
                place = self.child(place, 0)?;
            }
            place = match place.kind {
                NodeKind::Multipart => self.child(place, number.checked_sub(1)? as usize)?,
                // What has no parts is its own first one.
                NodeKind::Leaf | NodeKind::Message if *number == 1 && self.is_whole(place) => place,
                NodeKind::Leaf | NodeKind::Message => return None,
            };
        }
        Some(place)
    }

    /// The message that a part holds; the message itself for itself.
    pub(crate) fn message(&self, numbers: &[u32]) -> Option<&PartPlace> {
        let place = self.part(numbers)?;
        match (numbers, place.kind) {
            ([], _) => Some(place),
            (_, NodeKind::Message) => self.child(place, 0),
            (_, NodeKind::Leaf | NodeKind::Multipart) => None,
        }
    }

    fn child(&self, place: &PartPlace, at: usize) -> Option<&PartPlace> {
        self.parts.get(*place.children.get(at)? as usize)
    }

    /// Whether a place is that of a message, this one or one within.
    fn is_whole(&self, place: &PartPlace) -> bool {
        let is = |other: Option<&PartPlace>| other.is_some_and(|other| std::ptr::eq(other, place));
        let mut messages = self
            .parts
            .iter()
            .filter(|part| part.kind == NodeKind::Message);
        is(self.parts.first()) || messages.any(|holder| is(self.child(holder, 0)))
    }
}

impl PartPlace {
    fn of(node: &Node) -> Self {
        let children = node.children.iter();
        Self {
            header_start: node.header_start,
            body_start: node.body_start,
            body_end: node.body_end,
            kind: match node.inside {
                Inside::Octets => NodeKind::Leaf,
                Inside::Parts(_) => NodeKind::Multipart,
                Inside::Message => NodeKind::Message,
            },
            encoding: node.mime.encoding,
            charset: node.mime.is_text().then(|| {
                let charset = node.mime.parameter("charset");
                charset.unwrap_or("us-ascii").to_owned()
            }),
            html: node.mime.is("text", "html"),
            children: children.filter_map(|at| u32::try_from(*at).ok()).collect(),
        }
    }
}

impl Fields {
    fn read(header: &[u8]) -> Self {
        with_headers(header, |fields| {
            let text = |name| match first(fields, name).map(|field| &field.value) {
                Some(HeaderValue::Text(text)) => cut(text),
                _ => String::new(),
            };
            let subject = text(HeaderName::Subject);
            let base = thread_name(&subject).trim();
            Self {
                base_subject: base.to_owned(),
                is_reply: base.len() < subject.trim().len(),
                from: Person::read(first(fields, HeaderName::From).map(|field| &field.value)),
                to: Person::read(first(fields, HeaderName::To).map(|field| &field.value)),
                cc: Person::read(first(fields, HeaderName::Cc).map(|field| &field.value)),
                date: match first(fields, HeaderName::Date).map(|field| &field.value) {
                    Some(HeaderValue::DateTime(date)) if date.is_valid() => {
                        let day = [date.year as i16, date.month.into(), date.day.into()];
                        Some((date.to_timestamp(), day))
                    }
                    _ => None,
                },
                message_id: ids(first(fields, HeaderName::MessageId).map(|field| &field.value))
                    .pop()
                    .unwrap_or_default(),
                references: {
                    let references = first(fields, HeaderName::References);
                    let mut found = ids(references.map(|field| &field.value));
                    if found.is_empty() {
                        let reply = first(fields, HeaderName::InReplyTo);
                        found = ids(reply.map(|field| &field.value));
                        found.truncate(1);
                    }
                    found
                },
                subject,
            }
        })
    }
}

impl Fields {
    /// Whether a text may go on where it ends here.
    pub(crate) fn is_cut(text: &str) -> bool {
        text.len() + 4 > MAX_TEXT
    }
}

impl Person {
    fn read(value: Option<&HeaderValue<'_>>) -> Self {
        let Some(HeaderValue::Address(addresses)) = value else {
            return Self::default();
        };
        let first = addresses.first();
        let address = first.and_then(|person| person.address.as_deref());
        let address = address.unwrap_or_default();
        let mailbox = address
            .rsplit_once('@')
            .map_or(address, |(mailbox, _)| mailbox);
        let name = first.and_then(|person| person.name.as_deref());
        Self {
            all: cut(&everybody(addresses)),
            mailbox: cut(mailbox),
            display: cut(name.unwrap_or(address)),
        }
    }
}

fn everybody(addresses: &Address<'_>) -> String {
    let mut text = String::new();
    for Addr { name, address } in addresses.iter() {
        if text.len() > MAX_TEXT {
            break;
        }
        text.push_str(name.as_deref().unwrap_or_default());
        text.push_str(" <");
        text.push_str(address.as_deref().unwrap_or_default());
        text.push_str("> ");
    }
    text
}

fn ids(value: Option<&HeaderValue<'_>>) -> Vec<String> {
    match value {
        Some(HeaderValue::Text(id)) => vec![cut(id)],
        Some(HeaderValue::TextList(ids)) => {
            let skipped = ids.len().saturating_sub(MAX_REFERENCES);
            ids.iter().skip(skipped).map(|id| cut(id)).collect()
        }
        _ => Vec::new(),
    }
}

/// The beginning of a text that may be long.
fn cut(text: &str) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = end.take_while(|end| *end <= MAX_TEXT).last();
    text[..end.unwrap_or(0)].to_owned()
}
