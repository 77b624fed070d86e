//! The `Received:` field that we put in front (RFC 5321 §4.4).

use std::fmt;

use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use message::{Domain, Envelope, MessageId, Timestamp};

/// What a `Received:` field says. Printed, it is the whole field, folded, with
/// its last CRLF.
#[derive(Debug)]
pub struct Received<'a> {
    /// The host that took the message: us.
    pub by: &'a Domain,
    /// Our id of the message.
    pub id: MessageId,
    /// When it was taken.
    pub at: Timestamp,
    /// How it came, from whom, and to whom. A recipient is named only if it is
    /// the only one: the others may be blind copies.
    pub envelope: &'a Envelope,
}

impl fmt::Display for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transaction = &self.envelope.transaction;
        let client = transaction.client.map(Domain::from_ip);
        f.write_str("Received: ")?;
        match (&transaction.helo, &client) {
            (Some(helo), Some(client)) => write!(f, "from {helo} ({client})\r\n\t")?,
            (Some(name), None) => write!(f, "from {name}\r\n\t")?,
            (None, Some(client)) => write!(f, "from {client} ({client})\r\n\t")?,
            (None, None) => {}
        }
        write!(
            f,
            "by {} (Rohrpost) with {}\r\n\t",
            self.by, transaction.protocol
        )?;
        if let Some(tls) = &transaction.tls {
            write!(f, "({tls})\r\n\t")?;
        }
        write!(f, "id {}", self.id)?;
        if let [only] = self.envelope.recipients.as_slice() {
            write!(f, "\r\n\tfor <{}>", only.address)?;
        }
        write!(f, ";\r\n\t{}\r\n", date_time(self.at))
    }
}

/// A `date-time` (RFC 5322 §3.3) in UTC.
pub fn date_time(at: Timestamp) -> String {
    // Only years beyond 9999 fail, which no clock shows.
    rfc2822::to_string(&at.to_zoned_datetime(TimeZone::UTC)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use message::{Body, Protocol, Recipient, ReversePath, Transaction};

    use super::*;

    fn field(recipients: &[&str], transaction: Transaction) -> String {
        let envelope = Envelope {
            return_path: ReversePath::Null,
            recipients: recipients
                .iter()
                .map(|r| Recipient::new(r.parse().unwrap()))
                .collect(),
            ret: None,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction,
        };
        let by = "mx.example.org".parse().unwrap();
        let at = "2026-11-03T15:05:00.5Z".parse().unwrap();
        Received {
            by: &by,
            id: MessageId::from_bits(0xabc),
            at,
            envelope: &envelope,
        }
        .to_string()
    }

    #[test]
    fn the_field_tells_from_by_with_id_for_and_when() {
        let transaction = Transaction {
            protocol: Protocol::Esmtp {
                tls: true,
                auth: false,
                utf8: false,
            },
            client: Some([192, 0, 2, 1].into()),
            helo: Some("client.example".into()),
            account: None,
            tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384".into()),
        };
        assert_eq!(
            field(&["bob@example.org"], transaction.clone()),
            "Received: from client.example ([192.0.2.1])\r\n\
             \tby mx.example.org (Rohrpost) with ESMTPS\r\n\
             \t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\
             \tid 00000000000000000000000000000abc\r\n\
             \tfor <bob@example.org>;\r\n\
             \tTue, 3 Nov 2026 15:05:00 +0000\r\n"
        );
        assert!(!field(&["a@b.example", "c@d.example"], transaction).contains("for "));
    }

    #[test]
    fn our_own_messages_come_from_nobody() {
        let transaction = Transaction::by(Protocol::Notice);
        assert!(
            field(&[], transaction)
                .starts_with("Received: by mx.example.org (Rohrpost) with LOCAL\r\n")
        );
    }
}
