//! ENVELOPE (RFC 9051 §7.5.2).

use super::output::Output;

/// The header fields that lists of messages show. Octets are those of the
/// message, unfolded, encoded words and all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Date
    pub date: Option<Vec<u8>>,
    /// Subject
    pub subject: Option<Vec<u8>>,
    /// From
    pub from: Vec<Address>,
    /// Sender; From's, where there is none
    pub sender: Vec<Address>,
    /// Reply-To; From's, where there is none
    pub reply_to: Vec<Address>,
    /// To
    pub to: Vec<Address>,
    /// Cc
    pub cc: Vec<Address>,
    /// Bcc
    pub bcc: Vec<Address>,
    /// In-Reply-To
    pub in_reply_to: Option<Vec<u8>>,
    /// Message-ID
    pub message_id: Option<Vec<u8>>,
}

/// An address of a header field. A group starts with one that has only a
/// mailbox, its name, and ends with one that has nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The name of the person.
    pub name: Option<Vec<u8>>,
    /// What stands left of the `@`.
    pub mailbox: Option<Vec<u8>>,
    /// What stands right of it.
    pub host: Option<Vec<u8>>,
}

impl Envelope {
    /// Writes `(date subject …)`.
    pub fn write(&self, out: &mut Output) {
        out.word("(");
        out.nstring(self.date.as_deref());
        out.word(" ");
        out.nstring(self.subject.as_deref());
        let addresses = [
            &self.from,
            &self.sender,
            &self.reply_to,
            &self.to,
            &self.cc,
            &self.bcc,
        ];
        out.spaced(addresses, write_addresses);
        out.word(" ");
        out.nstring(self.in_reply_to.as_deref());
        out.word(" ");
        out.nstring(self.message_id.as_deref());
        out.word(")");
    }
}

fn write_addresses(out: &mut Output, addresses: &Vec<Address>) {
    if addresses.is_empty() {
        return out.word("NIL");
    }
    out.word("(");
    for Address {
        name,
        mailbox,
        host,
    } in addresses
    {
        out.word("(");
        out.nstring(name.as_deref());
        // Routes are of the past.
        out.word(" NIL ");
        out.nstring(mailbox.as_deref());
        out.word(" ");
        out.nstring(host.as_deref());
        out.word(")");
    }
    out.word(")");
}
