//! Messages and claims to compose notices from.

use message::{
    Address, Body, Diagnostic, Domain, Envelope, MessageId, NoticeKind, Notify, Outcome, Protocol,
    Recipient, Timestamp, TraceContext, Transaction, Verdict,
};
use store::ledger::{Acceptance, Entry, NoticeClaim, NoticeRecipient};

use dsn_notifier::notice::Reporter;

pub(crate) const MESSAGE: MessageId =
    MessageId::from_bits(0x019a_b0f5_3c00_7abc_8000_0000_0000_0001);
pub(crate) const NOTICE: MessageId =
    MessageId::from_bits(0x019a_b0f5_7777_7def_9000_0000_0000_0002);

pub(crate) const ORIGINAL: &str = "Received: from client.example (client.example [192.0.2.7])\r\n\
    \tby mail.example.org with ESMTPSA id 019ab0f53c007abc8000000000000001;\r\n\
    \tMon, 23 Nov 2026 15:05:00 +0000\r\n\
    From: Alice <alice@example.org>\r\n\
    To: Bob <bob@remote.example>\r\n\
    Subject: Lunch on Friday\r\n\
    Date: Mon, 23 Nov 2026 16:04:58 +0100\r\n\
    Message-ID: <lunch-1@example.org>\r\n\
    \r\n\
    Shall we meet at noon?\r\n";

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn reporter() -> Reporter {
    Reporter {
        hostname: domain("mail.example.org"),
        name: "Mail Delivery System".to_owned(),
        from: address("MAILER-DAEMON@example.org"),
    }
}

/// Alice's message to `recipients`, as it was accepted.
pub(crate) fn entry(recipients: &[&str]) -> Entry {
    let recipients = recipients.iter().map(|text| Recipient::new(address(text)));
    Entry {
        acceptance: Acceptance {
            message: MESSAGE,
            envelope: Envelope {
                return_path: "<alice@example.org>".parse().unwrap(),
                recipients: recipients.collect(),
                ret: None,
                envelope_id: None,
                body: Body::SevenBit,
                smtputf8: false,
                transaction: Transaction {
                    protocol: Protocol::Esmtp {
                        tls: true,
                        auth: true,
                        utf8: false,
                    },
                    client: Some([192, 0, 2, 7].into()),
                    helo: Some("client.example".to_owned()),
                    account: None,
                    tls: None,
                },
            },
            content: "c1".parse().unwrap(),
            size: ORIGINAL.len() as u64,
            trace: TraceContext {
                trace: MESSAGE,
                span: 1,
                sampled: true,
            },
            notice_of: None,
        },
        accepted_at: time("2026-11-23T15:05:00Z"),
    }
}

pub(crate) fn claim(kind: NoticeKind, recipients: Vec<NoticeRecipient>) -> NoticeClaim {
    NoticeClaim {
        id: NOTICE,
        kind,
        at: time("2026-11-23T19:06:10Z"),
        recipients,
    }
}

/// A recipient that came to `verdict` by the reply of a remote host.
pub(crate) fn told(
    to: &str,
    verdict: Verdict,
    status: &str,
    diagnostic: Diagnostic,
) -> NoticeRecipient {
    NoticeRecipient {
        original: address(to),
        orcpt: None,
        notify: Notify::Unspecified,
        last: address(to),
        outcome: Outcome {
            verdict,
            status: status.parse().unwrap(),
            diagnostic,
            at: time("2026-11-23T19:06:09Z"),
        },
        attempts: 1,
        next_attempt: None,
        retry_until: None,
    }
}

pub(crate) fn said(host: &str, reply: &str) -> Diagnostic {
    Diagnostic::remote(domain(host), reply)
}
