//! The envelope: what SMTP says about a message, apart from its content.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::address::{Address, ReversePath};
use crate::dsn::{EnvelopeId, Notify, OriginalRecipient, Ret};
use crate::id::AccountId;

/// Return path, recipients, DSN parameters, and the transaction they came by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who hears of failures.
    pub return_path: ReversePath,
    /// At least one, in the order of RCPT; referred to by index from then on.
    pub recipients: Vec<Recipient>,
    /// RET of MAIL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ret: Option<Ret>,
    /// ENVID of MAIL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<EnvelopeId>,
    /// What the octets need of a transport.
    pub body: Body,
    /// Whether an address or a header field needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// How the message came here.
    pub transaction: Transaction,
}

/// One RCPT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The forward path.
    pub address: Address,
    /// When the sender wants to hear of this recipient.
    #[serde(default)]
    pub notify: Notify,
    /// The recipient as the sender first wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<OriginalRecipient>,
}

impl Recipient {
    /// A recipient without DSN parameters.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            notify: Notify::Unspecified,
            orcpt: None,
        }
    }
}

/// What the content needs of a transport (RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Only octets below 128.
    SevenBit,
    /// Some octet is 128 or above.
    EightBit,
}

/// How a message came: for `Received:`, for `rohrpost trace`, and for rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// By which protocol.
    pub protocol: Protocol,
    /// The client's address; none for what Rohrpost itself sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The name the client gave in EHLO or HELO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helo: Option<String>,
    /// The account that submitted, where one logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// TLS version and cipher suite, where the session had them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
}

impl Transaction {
    /// One of which nothing is known but how it came.
    pub const fn by(protocol: Protocol) -> Self {
        Self {
            protocol,
            client: None,
            helo: None,
            account: None,
            tls: None,
        }
    }
}

/// The `with` keyword of `Received:` (RFC 3848, RFC 6531 §4.3), and our own
/// notices, which come by none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "name")]
pub enum Protocol {
    /// SMTP after HELO.
    Smtp,
    /// SMTP after EHLO, with what the session added to it.
    Esmtp {
        /// The session was under TLS.
        tls: bool,
        /// The client was authenticated.
        auth: bool,
        /// The transaction used SMTPUTF8.
        utf8: bool,
    },
    /// Submission by HTTP.
    Http,
    /// Composed here: a delivery status notice.
    Notice,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Smtp => f.write_str("SMTP"),
            Self::Http => f.write_str("HTTP"),
            Self::Notice => f.write_str("LOCAL"),
            Self::Esmtp { tls, auth, utf8 } => {
                f.write_str(if utf8 { "UTF8SMTP" } else { "ESMTP" })?;
                f.write_str(if tls { "S" } else { "" })?;
                f.write_str(if auth { "A" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_print_as_registered() {
        let esmtp = |tls, auth, utf8| Protocol::Esmtp { tls, auth, utf8 }.to_string();
        assert_eq!(esmtp(false, false, false), "ESMTP");
        assert_eq!(esmtp(true, true, false), "ESMTPSA");
        assert_eq!(esmtp(true, false, true), "UTF8SMTPS");
        assert_eq!(esmtp(false, true, true), "UTF8SMTPA");
    }

    #[test]
    fn an_envelope_survives_json() {
        let envelope = Envelope {
            return_path: ReversePath::Null,
            recipients: vec![Recipient::new("bob@example.org".parse().unwrap())],
            ret: Some(Ret::Hdrs),
            envelope_id: Some("QQ314159".parse().unwrap()),
            body: Body::EightBit,
            smtputf8: false,
            transaction: Transaction {
                protocol: Protocol::Esmtp {
                    tls: true,
                    auth: false,
                    utf8: false,
                },
                client: Some([192, 0, 2, 1].into()),
                helo: Some("client.example".into()),
                account: None,
                tls: Some("TLSv1.3".into()),
            },
        };
        let text = serde_json::to_string(&envelope).unwrap();
        assert_eq!(
            serde_json::from_str::<Envelope>(&text).unwrap(),
            envelope,
            "{text}"
        );
    }
}
