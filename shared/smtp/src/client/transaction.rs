//! One mail transaction (RFC 5321 §3.3): the commands it is made of, and the
//! answer that each recipient gets.

use std::fmt::Write as _;

use message::{Body, EnvelopeId, Notify, OriginalRecipient, Recipient, Ret, ReversePath};

use super::capabilities::Capabilities;
use super::stage::Stage;
use crate::{Reply, xtext};

/// What MAIL and RCPT say.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction {
    /// Who hears of failures.
    pub return_path: ReversePath,
    /// Whom the message is for; at least one.
    pub recipients: Vec<Recipient>,
    /// The octets of the content, before dots are doubled.
    pub size: u64,
    /// What the content needs of the transport.
    pub body: Body,
    /// Whether an address or a header field needs SMTPUTF8.
    pub smtputf8: bool,
    /// RET, passed on where the server offers DSN.
    pub ret: Option<Ret>,
    /// ENVID, passed on where the server offers DSN.
    pub envelope_id: Option<EnvelopeId>,
}

/// Why a server cannot be given a message, by what it offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The message is larger than the server takes.
    Size {
        /// What the server takes, in octets.
        limit: u64,
    },
    /// The content has 8-bit octets, and 8BITMIME is not offered.
    EightBit,
    /// The message needs SMTPUTF8, which is not offered.
    Utf8,
}

/// The reply that decided about a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// To which command; [`Stage::Dot`] with a positive reply is acceptance.
    pub stage: Stage,
    /// What the server said.
    pub reply: Reply,
}

impl Transaction {
    /// Why a server that offers `offered` cannot take this, if it cannot.
    pub fn unfit(&self, offered: &Capabilities) -> Option<Unfit> {
        if self.smtputf8 && !offered.smtputf8 {
            return Some(Unfit::Utf8);
        }
        // SMTPUTF8 includes 8BITMIME (RFC 6531 §3.1), yet must offer it too.
        if self.body == Body::EightBit && !offered.eight_bit {
            return Some(Unfit::EightBit);
        }
        let limit = offered.size_limit.filter(|limit| self.size > *limit)?;
        Some(Unfit::Size { limit })
    }

    /// The MAIL command (RFC 5321 §4.1.1.2).
    pub(super) fn mail(&self, offered: &Capabilities) -> String {
        let mut line = format!("MAIL FROM:{}", self.return_path);
        if offered.size {
            let _ = write!(line, " SIZE={}", self.size);
        }
        if offered.eight_bit && self.body == Body::EightBit {
            line.push_str(" BODY=8BITMIME");
        }
        if offered.smtputf8 && self.smtputf8 {
            line.push_str(" SMTPUTF8");
        }
        if offered.dsn {
            match self.ret {
                Some(Ret::Full) => line.push_str(" RET=FULL"),
                Some(Ret::Hdrs) => line.push_str(" RET=HDRS"),
                None => {}
            }
            if let Some(id) = &self.envelope_id {
                let _ = write!(line, " ENVID={}", xtext::encode(id.as_str()));
            }
        }
        line.push_str("\r\n");
        line
    }

    /// The RCPT command of one recipient (RFC 5321 §4.1.1.3).
    pub(super) fn rcpt(&self, index: usize, offered: &Capabilities) -> String {
        let recipient = &self.recipients[index];
        let mut line = format!("RCPT TO:<{}>", recipient.address);
        if offered.dsn {
            line.push_str(&notify(recipient.notify));
            if let Some(original) = &recipient.orcpt {
                line.push_str(&orcpt(original, self.smtputf8 && offered.smtputf8));
            }
        }
        line.push_str("\r\n");
        line
    }
}

fn notify(notify: Notify) -> String {
    match notify {
        Notify::Unspecified => String::new(),
        Notify::Never => " NOTIFY=NEVER".into(),
        Notify::When {
            success,
            failure,
            delay,
        } => {
            let wanted = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
            let words: Vec<_> = wanted
                .into_iter()
                .filter_map(|(wanted, word)| wanted.then_some(word))
                .collect();
            match words.is_empty() {
                true => " NOTIFY=NEVER".into(),
                false => format!(" NOTIFY={}", words.join(",")),
            }
        }
    }
}

/// ORCPT in xtext, or in the form of RFC 6533 §3 where its type is UTF-8. An
/// address that its type cannot carry is left out.
fn orcpt(original: &OriginalRecipient, utf8: bool) -> String {
    let (kind, address) = (original.address_type(), original.address());
    if kind.eq_ignore_ascii_case("utf-8") {
        return format!(
            " ORCPT={kind};{}",
            xtext::encode_utf8_address(address, utf8)
        );
    }
    match address.is_ascii() {
        true => format!(" ORCPT={kind};{}", xtext::encode(address)),
        false => String::new(),
    }
}
