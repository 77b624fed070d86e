//! The states of a session.

use std::net::IpAddr;

use message::{AccountId, Address, Body, Envelope, Protocol, Recipient, Transaction};
use sasl::{Credentials, Exchange};

use super::event::Arrival;
use crate::command::{ClientName, Mail, Rcpt};
use crate::data::{ChunkDecoder, Decoder, Summary};
use crate::reply::Reply;

/// Where a session stands.
#[derive(Debug)]
pub(super) enum State {
    /// A command is awaited, outside a transaction.
    Idle,
    /// The response to a challenge is awaited.
    Challenged(Exchange),
    /// MAIL was accepted: RCPT or DATA is awaited.
    Open(Box<Begun>),
    /// The driver has a question to answer.
    Asked(Question),
    /// Content is awaited, up to the dot.
    Receiving(Box<Receiving>),
    /// Octets of a chunk are awaited.
    Chunk(Box<Chunked>, Chunk),
    /// A chunk was taken: the next BDAT is awaited.
    Chunks(Box<Chunked>),
    /// Octets of a chunk are awaited that will get this refusal.
    Unwanted(Chunk, Reply),
    /// The client begins a TLS handshake next.
    Handshake,
    /// Nothing more is read.
    Closing,
}

impl State {
    /// What a client should send that sent RCPT or DATA out of order.
    pub(super) fn instead(&self) -> &'static str {
        match self {
            Self::Chunks(_) => "Send the next chunk, or RSET",
            Self::Idle
            | Self::Challenged(_)
            | Self::Open(_)
            | Self::Asked(_)
            | Self::Receiving(_)
            | Self::Chunk(..)
            | Self::Unwanted(..)
            | Self::Handshake
            | Self::Closing => "Send MAIL first",
        }
    }
}

/// A question, with what its answer decides about.
#[derive(Debug)]
pub(super) enum Question {
    Authenticate(Credentials),
    Mail(Mail),
    Recipient(Box<Begun>, Rcpt),
    /// Asked by DATA, or by the first BDAT.
    Data(Box<Begun>, Option<Chunk>),
    Message(Box<Arrival>),
}

/// Content behind DATA.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) begun: Box<Begun>,
    pub(super) decoder: Decoder,
    /// The driver gave up; the client hears of it after the end of data.
    pub(super) refusal: Option<Reply>,
}

/// Content in chunks.
#[derive(Debug)]
pub(super) struct Chunked {
    pub(super) begun: Box<Begun>,
    pub(super) decoder: ChunkDecoder,
    /// The driver gave up; the client hears of it after the chunk.
    pub(super) refusal: Option<Reply>,
}

/// A chunk of content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) size: u64,
    /// Octets that have not come yet.
    pub(super) left: u64,
    pub(super) last: bool,
}

impl Chunk {
    /// Those of the octets that belong to the chunk.
    pub(super) fn front<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX);
        &octets[..octets.len().min(count)]
    }
}

/// What is known of the client beyond a transaction.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) client: Option<IpAddr>,
    pub(super) tls: Option<String>,
    pub(super) hello: Option<Hello>,
    pub(super) account: Option<AccountId>,
}

/// How the client introduced itself.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) name: ClientName,
    /// By EHLO rather than HELO.
    pub(super) extended: bool,
}

/// A transaction that MAIL began.
#[derive(Debug)]
pub(super) struct Begun {
    envelope: Envelope,
    smtputf8: bool,
}

impl Begun {
    pub(super) fn new(mail: Mail, peer: &Peer) -> Self {
        let extended = peer.hello.as_ref().is_some_and(|hello| hello.extended);
        let protocol = if extended {
            Protocol::Esmtp {
                tls: peer.tls.is_some(),
                auth: peer.account.is_some(),
                utf8: mail.smtputf8,
            }
        } else {
            Protocol::Smtp
        };
        let envelope = Envelope {
            return_path: mail.sender,
            recipients: Vec::new(),
            ret: mail.ret,
            envelope_id: mail.envelope_id,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction {
                protocol,
                client: peer.client,
                helo: peer
                    .hello
                    .as_ref()
                    .map(|hello| hello.name.as_str().to_owned()),
                account: peer.account,
                tls: peer.tls.clone(),
            },
        };
        Self {
            envelope,
            smtputf8: mail.smtputf8,
        }
    }

    pub(super) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Whether MAIL declared SMTPUTF8.
    pub(super) fn smtputf8(&self) -> bool {
        self.smtputf8
    }

    pub(super) fn add(&mut self, address: Address, rcpt: Rcpt) {
        let recipient = Recipient {
            address,
            notify: rcpt.notify,
            orcpt: rcpt.orcpt,
        };
        self.envelope.recipients.push(recipient);
    }

    /// The message, once its content is known. It needs SMTPUTF8 where an
    /// address does, or where the client declared it for a header that does;
    /// a header with stray octets of a client that declared nothing does not.
    pub(super) fn arrived(mut self, content: Summary) -> Arrival {
        let envelope = &mut self.envelope;
        let addresses = envelope
            .recipients
            .iter()
            .map(|recipient| &recipient.address);
        let needed = addresses
            .chain(envelope.return_path.address())
            .any(Address::needs_smtputf8);
        envelope.smtputf8 = needed || (self.smtputf8 && content.eight_bit_header);
        if content.eight_bit {
            envelope.body = Body::EightBit;
        }
        Arrival {
            envelope: self.envelope,
            size: content.size,
        }
    }
}
