//! ENVELOPE out of a header section. Text beyond ASCII comes as encoded words,
//! whatever the message has, so that every client can read it.

use imap::response::{Address, Envelope};
use mail_parser::{Addr, Address as Addresses, Header, HeaderName, HeaderValue};

use super::header::{encode_words, raw_value, unfold, with_headers};

/// The most addresses of a field that are told.
const MAX_ADDRESSES: usize = 1_000;

pub(super) fn envelope(header: &[u8]) -> Envelope {
    with_headers(header, |fields| {
        let raw =
            |name: HeaderName<'static>| first(fields, name).map(|f| unfold(raw_value(header, f)));
        let from = addresses(fields, HeaderName::From);
        let or_from = |list: Vec<Address>| if list.is_empty() { from.clone() } else { list };
        Envelope {
            date: raw(HeaderName::Date).map(ascii),
            subject: first(fields, HeaderName::Subject).map(|field| subject(header, field)),
            sender: or_from(addresses(fields, HeaderName::Sender)),
            reply_to: or_from(addresses(fields, HeaderName::ReplyTo)),
            to: addresses(fields, HeaderName::To),
            cc: addresses(fields, HeaderName::Cc),
            bcc: addresses(fields, HeaderName::Bcc),
            in_reply_to: raw(HeaderName::InReplyTo).map(ascii),
            message_id: raw(HeaderName::MessageId).map(ascii),
            from,
        }
    })
}

pub(super) fn first<'a, 'b>(
    fields: &'a [Header<'b>],
    name: HeaderName<'static>,
) -> Option<&'a Header<'b>> {
    fields.iter().find(|field| field.name == name)
}

fn subject(header: &[u8], field: &Header<'_>) -> Vec<u8> {
    let raw = unfold(raw_value(header, field));
    match (&field.value, raw.is_ascii()) {
        (HeaderValue::Text(text), false) => encode_words(text),
        _ => ascii(raw),
    }
}

/// Octets that should have been ASCII.
fn ascii(octets: Vec<u8>) -> Vec<u8> {
    match octets.is_ascii() {
        true => octets,
        false => encode_words(&String::from_utf8_lossy(&octets)),
    }
}

fn addresses(fields: &[Header<'_>], name: HeaderName<'static>) -> Vec<Address> {
    let Some(HeaderValue::Address(found)) = first(fields, name).map(|field| &field.value) else {
        return Vec::new();
    };
    let mut list = Vec::new();
    match found {
        Addresses::List(people) => list.extend(people.iter().map(address)),
        Addresses::Group(groups) => {
            for group in groups {
                if let Some(name) = &group.name {
                    list.push(Address {
                        mailbox: Some(encode_words(name)),
                        ..Address::default()
                    });
                }
                list.extend(group.addresses.iter().map(address));
                if group.name.is_some() {
                    list.push(Address::default());
                }
            }
        }
    }
    list.truncate(MAX_ADDRESSES);
    list
}

fn address(person: &Addr<'_>) -> Address {
    let address = person.address.as_deref().unwrap_or_default();
    let (mailbox, host) = address.rsplit_once('@').unwrap_or((address, ""));
    Address {
        name: person.name.as_deref().map(encode_words),
        mailbox: Some(encode_words(mailbox)),
        // Without one it would begin a group.
        host: Some(encode_words(host)),
    }
}
